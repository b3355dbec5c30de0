"""The venue put together: engine, file, other people or a recording, addresses, and the beat."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from aiohttp import web

from sandbox.rails.courier import Courier, carrying
from sandbox.rails.crossing import Departure
from sandbox.venue.binance import Rest
from sandbox.venue.book import Book
from sandbox.venue.clockwork import Clockwork
from sandbox.venue.coingecko import ROOT as COINGECKO
from sandbox.venue.coingecko import CoinGecko
from sandbox.venue.control import Control
from sandbox.venue.countdown import remember, strike
from sandbox.venue.engine import Engine
from sandbox.venue.faults import Faults
from sandbox.venue.funds_control import FundsControl
from sandbox.venue.gate import Gate
from sandbox.venue.gate_streams import GateStreams
from sandbox.venue.gatekeeper import Gatekeeper, keys_of
from sandbox.venue.hub import Hub
from sandbox.venue.model import FEES, Pair
from sandbox.venue.pacing import Replay
from sandbox.venue.participants import STEP_MS, Crowd
from sandbox.venue.recording import Recording
from sandbox.venue.replay import ReplayMarket
from sandbox.venue.store import Store
from sandbox.venue.streams import Streams
from sandbox.venue.venue import Venue

log = logging.getLogger("sandbox.venue")
LIVE_PAIRS = (
    Pair("BTC", "USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(5), Decimal(60_000)),
    Pair("ETH", "USDT", Decimal("0.01"), Decimal("0.0001"), Decimal(5), Decimal(2_500)),
)
WARM_UP_STEPS = 100  # so that the first client meets a settled book
Beat = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    state: Path
    port: int
    world: Path
    host: str = "127.0.0.1"
    replay: Path | None = None
    pace: str = "market"
    speed: float = 0  # of the recording; 0: the pace's own
    fees: str = "standard"
    seed: int = 1
    name: str = "venue"  # whose accounts of the world file are kept here
    rails: str = ""  # where the other side of the chains takes payments


class WallClock:
    """Market time is wall time."""

    def now_ms(self) -> int:
        """Return the time that orders and trades bear."""
        return self.wall_ms()

    def wall_ms(self) -> int:
        """Return the time that signatures are checked against."""
        return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Running:
    """A venue and what keeps it moving."""

    venue: Venue
    clockwork: Clockwork
    moving: Coroutine[Any, Any, None]


def open_store(options: Options, market: str) -> Store:
    """Open the venue's file; a state that another market made is no use here."""
    store = Store(options.state / "venue.db")
    made_by = store.notes().get("market", market)
    if made_by != market:
        store.close()
        raise SystemExit(
            f"{options.state} holds the state of {made_by}, not of {market}: choose another --state"
        )
    return store


def live(options: Options, accounts: list[dict[str, Any]]) -> Running:
    """Return the venue with its seeded crowd."""
    engine = Engine({pair: Book() for pair in LIVE_PAIRS}, FEES[options.fees])
    store, faults, clock = open_store(options, "live"), Faults(Random(options.seed)), WallClock()
    venue = Venue(engine, store, Hub(faults), faults, clock)
    venue.open_accounts(accounts, "live")
    crowds = [Crowd(engine, pair, options.seed) for pair in LIVE_PAIRS]

    def beat() -> None:
        for crowd in crowds:
            crowd.step(clock.now_ms())
        strike(venue)
        venue.publish()
        venue.tell_depth()

    for _ in range(WARM_UP_STEPS):
        beat()
    return Running(venue, Clockwork(venue, None), keep_beating(beat))


def replayed(options: Options, path: Path, accounts: list[dict[str, Any]]) -> Running:
    """Return the venue whose market is a recording."""
    recording, market, wall = Recording(path), ReplayMarket(), WallClock()
    engine = Engine({recording.pair: market}, FEES[options.fees])
    store, faults = open_store(options, f"replay of {path.name}"), Faults(Random(options.seed))
    notes = store.notes()
    resume = (
        (int(notes["replay position"]), int(notes["replay market_ms"]))
        if "replay position" in notes
        else None
    )
    replay = Replay(recording, market, engine, options.pace, wall.wall_ms, resume, options.speed)
    venue = Venue(engine, store, Hub(faults), faults, replay)
    venue.before_saving, venue.catch_up = replay.notes, replay.follow_wall
    venue.open_accounts(accounts, f"replay of {path.name}")
    clockwork = Clockwork(venue, replay)

    def beat() -> None:
        replay.follow_wall()
        strike(venue)
        venue.publish()
        venue.tell_depth()

    moving = clockwork.run(replay) if options.pace == "lockstep" else keep_beating(beat)
    return Running(venue, clockwork, moving)


async def keep_beating(beat: Beat) -> None:
    """Beat ten times a second; after a pause go on, without making up for it."""
    while True:
        began = time.monotonic()
        beat()
        await asyncio.sleep(max(0.01, STEP_MS / 1000 - (time.monotonic() - began)))


def stop_if_broken(moving: asyncio.Task[None]) -> None:
    """End the process when the market broke: a venue that stands still silently helps nobody."""
    if not moving.cancelled() and (error := moving.exception()):
        log.critical("the market broke", exc_info=error)
        signal.raise_signal(signal.SIGTERM)


@contextlib.asynccontextmanager
async def serve(options: Options) -> AsyncIterator[dict[str, str]]:
    """Run the venue; yield its addresses."""
    accounts = json.loads(options.world.read_text())[options.name]["accounts"]
    running = replayed(options, options.replay, accounts) if options.replay else live(options, accounts)
    venue = running.venue
    remember(venue)
    door = Gatekeeper(keys_of(accounts), venue.wall_ms)
    courier: Courier[Departure] = Courier(partial(venue.move, venue.funds.step), venue.delivered)
    courier.other = options.rails
    app = web.Application()
    gate = Gate(venue, keys_of(accounts))
    gate_streams = GateStreams(venue, keys_of(accounts), venue.hub)
    venue.tellers.append(gate_streams)
    parts = (
        *(Rest(venue, door), Streams(venue, door, venue.hub)),
        *(gate, gate_streams),
        *(
            Control(venue, venue.hub, lambda: {"binance": door.refused, "gate": gate.limits.refused}),
            FundsControl(venue, courier),
            running.clockwork,
            CoinGecko(venue),
        ),
    )
    for part in parts:
        part.add_to(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, options.host, options.port).start()
    moving = asyncio.create_task(running.moving)
    moving.add_done_callback(stop_if_broken)
    try:
        async with carrying(courier):
            yield addresses(f"{options.host}:{runner.addresses[0][1]}")
    finally:
        moving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await moving
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
        "gate": f"http://{at}/api/v4",
        "gate_ws": f"ws://{at}/ws/v4/",
        "coingecko": f"http://{at}{COINGECKO}",
        "control": f"http://{at}/sandbox",
        "rails": f"http://{at}/sandbox/rails",
    }
