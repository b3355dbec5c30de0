"""The market's time as a service: `/sandbox/clock`, `/sandbox/clock/sleep`, `/sandbox/replay`.

In lockstep the market moves only while clients sleep, up to the earliest of their times. After it woke
one, it stands until that one sleeps again, so that several loops of a client do not overtake each other
(they give each a "name" for that); who does not come back is waited for once. A sleeper before the
first order waits on the wall, a second at most, and finds that no market time has passed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass

from aiohttp import web

from sandbox.venue.pacing import Replay
from sandbox.venue.venue import Venue

STRIDE_MS = 100  # between two depth events
RETURN_SECONDS = 3.0  # how long a woken sleeper may think while others sleep
SETTLE_SECONDS = 0.01  # for what was sent to sockets to arrive before a sleeper wakes
LONGEST_STANDING_SLEEP = 1.0


@dataclass(eq=False, slots=True)
class Sleeper:
    """One who waits for a market time."""

    until_ms: int
    name: str
    woken: asyncio.Future[int]


class Clockwork:
    """Serves the clock, and in lockstep moves it."""

    def __init__(self, venue: Venue, replay: Replay | None) -> None:
        self._venue, self._replay = venue, replay
        self._sleepers: list[Sleeper] = []
        self._awake: Counter[str] = Counter()  # who was woken and did not come back yet
        self._bell = asyncio.Event()

    def add_to(self, app: web.Application) -> None:
        """Serve the addresses."""
        app.router.add_get("/sandbox/clock", self.tell)
        app.router.add_post("/sandbox/clock/sleep", self.handle_sleep)
        app.router.add_get("/sandbox/replay", self.tell_replay)

    def market_ms(self) -> int:
        """Return the market's time: the recording's in a replay, the wall's otherwise."""
        if self._replay is None:
            return self._venue.now_ms()
        self._replay.follow_wall()
        return self._replay.market_ms

    async def tell(self, request: web.Request) -> web.Response:
        """Tell the market's time."""
        return web.json_response({"now_ms": self.market_ms()})

    async def tell_replay(self, request: web.Request) -> web.Response:
        """Tell where the replay stands."""
        if self._replay is None:
            return web.json_response({"error": "this venue is live, not a replay"}, status=404)
        return web.json_response(self._replay.status())

    async def handle_sleep(self, request: web.Request) -> web.Response:
        """Answer when the market's time is reached."""
        try:
            asked = json.loads(await request.text())
            until_ms, name = int(asked["until_ms"]), str(asked.get("name", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            return web.json_response({"error": 'send {"until_ms": milliseconds}'}, status=400)
        return web.json_response({"now_ms": await self.sleep(until_ms, name)})

    async def sleep(self, until_ms: int, name: str = "") -> int:
        """Return the market's time when it is reached, or after a moment while it stands still."""
        left = (until_ms - self.market_ms()) / 1000
        if left > 0 and self._replay and self._replay.started and self._replay.pace == "lockstep":
            return await self._sleep_in_step(until_ms, name)
        stands = self._replay is not None and not self._replay.started
        await asyncio.sleep(max(0, min(left, LONGEST_STANDING_SLEEP) if stands else left))
        return self.market_ms()

    async def _sleep_in_step(self, until_ms: int, name: str) -> int:
        sleeper = Sleeper(until_ms, name, asyncio.get_running_loop().create_future())
        self._sleepers.append(sleeper)
        self._awake -= Counter([name])
        self._bell.set()
        try:
            return await sleeper.woken
        finally:
            with contextlib.suppress(ValueError):
                self._sleepers.remove(sleeper)

    async def run(self, replay: Replay) -> None:
        """Move the market while clients sleep."""
        while True:
            if not self._sleepers or not await self._all_are_back():
                await self._bell.wait()
                self._bell.clear()
                continue
            await self._move_to(replay, min(sleeper.until_ms for sleeper in self._sleepers))
            for sleeper in [s for s in self._sleepers if s.until_ms <= replay.market_ms]:
                self._sleepers.remove(sleeper)
                if not sleeper.woken.done():
                    sleeper.woken.set_result(replay.market_ms)
                    self._awake[sleeper.name] += 1

    async def _all_are_back(self) -> bool:
        """Wait a little for those who were woken; then make do with those who sleep."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETURN_SECONDS):
                while self._awake:
                    await self._bell.wait()
                    self._bell.clear()
        self._awake.clear()
        return bool(self._sleepers)

    async def _move_to(self, replay: Replay, to_ms: int) -> None:
        began, from_ms = time.monotonic(), replay.market_ms
        while replay.market_ms < to_ms:
            next_ms = min(to_ms, replay.market_ms + STRIDE_MS)
            due = began + (next_ms - from_ms) / 1000 / replay.speed if replay.speed else 0
            await asyncio.sleep(max(0, due - time.monotonic()))
            replay.advance(next_ms)
            self._venue.publish()
            self._venue.tell_depth()
        if self._venue.hub.sockets:
            await self._venue.hub.flush()
            await asyncio.sleep(SETTLE_SECONDS)
