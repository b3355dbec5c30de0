"""A sandbox Mixin, a Redis, and worker processes on them."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.bootstrap import MoneyServices, World, money_services, open_world
from adapters.settings import Settings
from sandbox.redis import start_redis
from tests.adapters.mixin.conftest import Mixin, mixin  # noqa: F401 - a fixture

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = start_redis(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.stop()


@dataclass
class Factory:
    """The worker process as an owner starts it, and the world it works in."""

    env: dict[str, str]
    log: Path
    world: World
    money: MoneyServices
    running: list[Process] = field(default_factory=list)

    async def start(self, *, ready: bool = False) -> Process:
        """Start one worker, and wait until it works if asked to."""
        lives = self._lives()
        with self.log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "workers", cwd=ROOT, env=self.env, stdout=output, stderr=output
            )
        self.running.append(process)
        if ready:
            await self.until(self._worked_after(lives))
        return process

    def _lives(self) -> int:
        return self.log.read_text().count("working") if self.log.exists() else 0

    def _worked_after(self, lives: int) -> Callable[[], Awaitable[bool]]:
        async def worked() -> bool:
            return self._lives() > lives

        return worked

    async def stop(self, process: Process, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop a worker and return its exit code."""
        process.send_signal(how)
        return await asyncio.wait_for(process.wait(), 20)

    async def until(self, true: Callable[[], Awaitable[bool]], within_s: float = 30) -> None:
        """Wait until something holds."""
        try:
            async with asyncio.timeout(within_s):
                while not await true():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(self.log.read_text()[-4_000:]) from None


@pytest.fixture
async def factory(
    mixin: Mixin,  # noqa: F811 - the fixture
    migrated_url: str,
    redis_url: str,
    tmp_path: Path,
) -> AsyncIterator[Factory]:
    venues = tmp_path / "venues.json"
    venues.write_text("[]")
    said = {
        "DATABASE_URL": migrated_url,
        "REDIS_URL": redis_url,
        "MIXIN_API_URL": mixin.base,
        "MIXIN_KEYSTORE_FILE": mixin.keys["bot"],
        "VENUE_ACCOUNTS_FILE": str(venues),
        "OWNER_ID": mixin.owner_id,
        "WITHDRAWAL_FEE_BPS": "10",
        "ENV_FILE": "",
        "BUILD": os.environ["MRMARKET_BUILD"],
        "LEASE_RENEW_S": "0.3",
        "LEASE_TIMEOUT_S": "0.6",
        "LEASE_TTL_S": "3.5",
    }
    env = {name: value for name, value in os.environ.items() if not name.startswith("MRMARKET_")}
    env |= {f"MRMARKET_{name}": value for name, value in said.items()}
    settings = Settings.model_validate(
        {k.lower(): v for k, v in said.items() if k not in ("ENV_FILE", "BUILD")}
    )
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(settings, holds_money=True))
        made = Factory(env, tmp_path / "workers.log", world, money_services(world))
        yield made
        for process in made.running:
            if process.returncode is None:
                process.kill()
                await process.wait()
