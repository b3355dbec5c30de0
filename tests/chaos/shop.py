"""A whole instance with faults at hand, and its customers."""

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sandbox.world import USDT
from tests.chaos.stage import DOWN, SEED
from tests.journeys.instance import ROOT, Instance, Person
from tests.journeys.steps import deposit, start_run

SEED_NOW = os.environ.get(SEED, "20261127")
"""What the faults and the times of deaths follow from."""

PRODUCT = ("bot", "workers", "webapp")


def size(name: str, usual: int) -> int:
    """Return how large a scenario is: ``make chaos`` says how large the bar wants it."""
    return int(os.environ.get(name, str(usual)))


@dataclass(frozen=True, slots=True)
class Said:
    """What a command ended with, and what it printed."""

    code: int
    text: str


class Shop(Instance):
    """``python -m tests.chaos.stage`` with a state directory of its own."""

    MODULE = "tests.chaos.stage"
    READY_WITHIN_S = 300
    PATIENCE = 6

    @property
    def state(self) -> Path:
        """Return where everything of it lies."""
        return self._state

    async def faults(self, **by_route: dict[str, Any]) -> None:
        """Replace all faults of the network."""
        async with self.http.post(f"{self.facts['proxy']}/faults", json=by_route) as answer:
            assert answer.status == 200, await answer.text()

    async def struck(self) -> dict[str, dict[str, int]]:
        """Return how often each fault befell each route."""
        counts: dict[str, dict[str, int]] = await self.call(f"{self.facts['proxy']}/counts")
        return counts

    def pid(self, name: str) -> int | None:
        """Return the id of one of its processes, if it is known to live."""
        pids: dict[str, int] = json.loads((self._state / "run.json").read_text())["pids"]
        return pids.get(name)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to one of its processes, if it lives."""
        if pid := self.pid(name):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def keep_down(self, *names: str) -> None:
        """Let those who fall stay down from now on, and everybody else come back."""
        (self._state / DOWN).write_text(" ".join(names))

    def turn_clock(self, by_s: float) -> None:
        """Let our processes' wall clock be wrong."""
        Path(self.facts["clock"]).write_text(str(by_s))

    async def command(self, *words: str, database: str = "") -> Said:
        """Let the owner's command line do something."""
        url = database or self.facts["urls"]["database"]
        own = {
            "MRMARKET_ENV_FILE": "",
            "MRMARKET_DATABASE_URL": url,
            "MRMARKET_MIGRATE_DATABASE_URL": url,
            "MRMARKET_ROLE_PASSWORDS_DIR": str(self._state / "logins"),
            "MRMARKET_REDIS_URL": self.facts["urls"]["redis"],
            "MRMARKET_VENUE_ACCOUNTS_FILE": self.facts["keys"]["accounts"],
            "MRMARKET_MASTER_KEY_FILE": str(self._state / "keys" / "master.key"),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "adapters.cli", *words,
            cwd=ROOT, env={**os.environ, **own},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await asyncio.wait_for(process.communicate(), 180)
        return Said(process.returncode or 0, said.decode())


@asynccontextmanager
async def open_shop(state: Path, scenario: str) -> AsyncIterator[Shop]:
    """Give a running instance; whatever fails within says the seed, and where the logs are."""
    os.environ[SEED] = SEED_NOW
    async with Shop(state) as shop:
        try:
            yield shop
        except BaseException as error:
            error.add_note(f"{scenario}: CHAOS_SEED={SEED_NOW}, logs in {state / 'logs'}")
            raise


@dataclass
class Payments:
    """What somebody paid in and Mixin acknowledged: it must be there in the end, once."""

    person: Person
    paid: dict[str, Decimal] = field(default_factory=dict)

    async def pay(self, amount: str) -> str:
        """Pay once, whatever befalls the question, and return under which id."""
        trace = str(uuid.uuid4())
        wanted = {"asset_id": USDT, "amount": amount, "memo": "", "trace": trace}
        said = await self.person.instance.mixin(f"people/{self.person.name}/transfer", "POST", **wanted)
        assert said["status"] in {"paid", "already_paid"}
        self.paid[trace] = Decimal(amount)
        return trace

    async def pay_for(self, seconds: float, every_s: float = 1.0) -> None:
        """Go on paying a little for so long."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + seconds
        while loop.time() < until_s:
            await self.pay(f"1.{len(self.paid) + 1:04}")
            await asyncio.sleep(every_s)

    async def missing(self) -> Sequence[str]:
        """Return which payments are not credited yet."""
        rows = await self.person.instance.rows("SELECT request_id FROM outputs WHERE kind = 'deposit'")
        return sorted(self.paid.keys() - {row["request_id"] for row in rows})

    async def all_there(self) -> bool:
        """Tell whether everything that was acknowledged is credited."""
        return not await self.missing()


async def open_trading(alice: Person) -> None:
    """Pay in and start a market maker, while all is calm."""
    await alice.asks("Hi", "deposit", 60)
    await deposit(alice, "USDT", "1000")
    await deposit(alice, "BTC", "0.02")
    await start_run(alice, "BTC/USDT", "balanced", "0.02", "1000")
