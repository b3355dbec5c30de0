"""A sandbox Mixin of one's own, and the bot's adapters on it."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from adapters.mixin.http import MixinHttp
from adapters.mixin.keystore import Keystore, load_keystore
from adapters.mixin.wallet import MixinWallet
from sandbox.mixin.core import genesis
from sandbox.mixin.core.world import Settings, World
from sandbox.mixin.server import Server
from sandbox.mixin.store import Store
from sandbox.world import create_world, owner_of, write_keys
from tests.clocks import WallClock
from tests.fakes.leases import unasked


@dataclass
class Mixin:
    """The emulator's addresses, its control surface, the bot's keys, and everybody's key files by name."""

    base: str
    keystore: Keystore
    http: MixinHttp
    wallet: MixinWallet
    control: aiohttp.ClientSession
    owner_id: str
    keys: dict[str, str]

    async def post(self, path: str, **facts: Any) -> Any:
        """Call the control surface and return its data."""
        async with self.control.post(f"{self.base}/sandbox/{path}", json=facts) as answer:
            said = await answer.json()
        assert "error" not in said, said
        return said.get("data", said)

    async def get(self, path: str) -> Any:
        """Look at the control surface."""
        async with self.control.get(f"{self.base}/sandbox/{path}") as answer:
            said = await answer.json()
        return said.get("data", said)

    async def settled(self) -> None:
        """Wait until every transaction is final."""
        async with asyncio.timeout(10):
            while any(t["state"] != "spent" for t in (await self.get("books"))["transactions"]):
                await asyncio.sleep(0.02)

    async def until(self, ask: Callable[[], Awaitable[Any]], seen: Callable[[Any], Any]) -> Any:
        """Ask until an answer shows what is waited for, and return that."""
        async with asyncio.timeout(10):
            while not (found := seen(await ask())):
                await asyncio.sleep(0.02)
        return found

    async def clear_faults(self) -> None:
        """Switch all faults off."""
        async with self.control.delete(f"{self.base}/sandbox/faults"):
            pass


@pytest.fixture
async def mixin(tmp_path: Path) -> AsyncIterator[Mixin]:
    """Run an emulator with its people; give the bot's side of it."""
    async with running(tmp_path) as running_mixin:
        yield running_mixin


@asynccontextmanager
async def running(
    tmp_path: Path, settle_ns: int = 0, facts: dict[str, Any] | None = None
) -> AsyncIterator[Mixin]:
    """Run an emulator with its people; give the bot's side of it."""
    facts = facts or create_world()
    keys = write_keys(
        facts, tmp_path / "keys", {"venue": dict.fromkeys(("rest", "sapi", "ws", "ws_api"), "")}
    )
    store = Store(tmp_path / "state")
    world = World(store.state, time.time_ns, os.urandom, Settings(settle_ns=settle_ns))
    with store.unit():
        genesis.begin(world, facts)
    runner = web.AppRunner(Server(world, store).application(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    world.settings = Settings(settle_ns=settle_ns, base_url=base)
    keystore = load_keystore(Path(keys["bot"]))
    http = MixinHttp(base, keystore, WallClock())
    try:
        async with aiohttp.ClientSession() as control:
            yield Mixin(
                base, keystore, http, MixinWallet(http, keystore, unasked), control, owner_of(facts), keys
            )
    finally:
        await http.close()
        await runner.cleanup()
        store.close()
