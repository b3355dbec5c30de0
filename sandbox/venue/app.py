"""The venue put together: engine, file, other people, addresses, and the tenth-of-a-second beat."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web

from sandbox.venue.binance import Rest
from sandbox.venue.book import Book
from sandbox.venue.control import Control
from sandbox.venue.engine import Engine
from sandbox.venue.faults import Faults
from sandbox.venue.gatekeeper import ApiKey, Gatekeeper
from sandbox.venue.hub import Hub
from sandbox.venue.model import FEES, Pair
from sandbox.venue.participants import STEP_MS, Crowd
from sandbox.venue.store import Store
from sandbox.venue.streams import Streams
from sandbox.venue.venue import Venue

log = logging.getLogger("sandbox.venue")
LIVE_PAIRS = (
    Pair("BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5), Decimal(60_000)),
    Pair("ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5), Decimal(2_500)),
)
WARM_UP_STEPS = 100  # so that the first client meets a settled book


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    state: Path
    port: int
    world: Path
    host: str = "127.0.0.1"
    replay: Path | None = None
    pace: str = "market"
    fees: str = "standard"
    seed: int = 1


class WallClock:
    """Market time is wall time."""

    def now_ms(self) -> int:
        """Return the time that orders and trades bear."""
        return time.time_ns() // 1_000_000

    def wall_ms(self) -> int:
        """Return the time that signatures are checked against."""
        return time.time_ns() // 1_000_000


def live_venue(options: Options, accounts: list[dict[str, Any]]) -> tuple[Venue, Callable[[], None]]:
    """Return the venue with its seeded crowd, and what happens on every beat."""
    engine = Engine({pair: Book() for pair in LIVE_PAIRS}, FEES[options.fees])
    store, faults, clock = Store(options.state / "venue.db"), Faults(Random(options.seed)), WallClock()
    store.load(engine)
    venue = Venue(engine, store, Hub(faults), faults, clock)
    venue.open_accounts(accounts)
    crowds = [Crowd(engine, pair, options.seed) for pair in LIVE_PAIRS]

    def beat() -> None:
        for crowd in crowds:
            crowd.step(clock.now_ms())
        venue.publish()
        venue.tell_depth()

    for _ in range(WARM_UP_STEPS):
        beat()
    return venue, beat


async def keep_beating(beat: Callable[[], None]) -> None:
    """Beat ten times a second; after a pause go on, without making up for it."""
    while True:
        began = time.monotonic()
        beat()
        await asyncio.sleep(max(0.01, STEP_MS / 1000 - (time.monotonic() - began)))


def stop_if_broken(beating: asyncio.Task[None]) -> None:
    """End the process when the market broke: a venue that stands still silently helps nobody."""
    if not beating.cancelled() and (error := beating.exception()):
        log.critical("the market broke", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


@contextlib.asynccontextmanager
async def serve(options: Options) -> AsyncIterator[dict[str, str]]:
    """Run the venue; yield its addresses."""
    accounts = json.loads(options.world.read_text())["venue"]["accounts"]
    venue, beat = live_venue(options, accounts)
    keys = {a["api_key"]: ApiKey(a["name"], a["api_key"], a["secret"]) for a in accounts}
    door = Gatekeeper(keys, venue.wall_ms)
    app = web.Application()
    for part in (Rest(venue, door), Streams(venue, door, venue.hub), Control(venue, venue.hub)):
        part.add_to(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, options.host, options.port)
    await site.start()
    beating = asyncio.create_task(keep_beating(beat))
    beating.add_done_callback(stop_if_broken)
    try:
        yield addresses(f"{options.host}:{runner.addresses[0][1]}")
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
        venue.hub.cut_all()
        await runner.cleanup()
        venue.store.close()


def addresses(at: str) -> dict[str, str]:
    """Return every address of a venue that listens at a host and port."""
    return {
        "rest": f"http://{at}/api/v3",
        "sapi": f"http://{at}/sapi/v1",
        "ws": f"ws://{at}/stream/ws",
        "ws_api": f"ws://{at}/ws-api",
        "control": f"http://{at}/sandbox",
    }
