"""Clocks: the wall's, and a recording's over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from adapters.clock import LockstepMarketClock, SystemClock, WallMarketClock
from domain.errors import Unavailable

BEGIN = datetime(2024, 8, 8, tzinfo=UTC)
BEGIN_MS = int(BEGIN.timestamp() * 1000)


class Recording:
    """A replay that moves on 700 ms with each request to sleep, and no further than asked."""

    def __init__(self) -> None:
        self.now_ms = BEGIN_MS
        self.url = ""

    async def tell(self, request: web.Request) -> web.Response:
        return web.json_response({"now_ms": self.now_ms})

    async def sleep(self, request: web.Request) -> web.Response:
        self.now_ms = min(self.now_ms + 700, (await request.json())["until_ms"])
        return await self.tell(request)


@pytest.fixture
async def recording() -> AsyncIterator[Recording]:
    made, app = Recording(), web.Application()
    app.router.add_get("/clock", made.tell)
    app.router.add_post("/clock/sleep", made.sleep)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/clock"
    yield made
    await runner.cleanup()


async def test_a_recordings_time_is_told_and_waited_for(recording: Recording) -> None:
    clock = LockstepMarketClock(recording.url)
    assert await clock.now() == BEGIN
    await clock.sleep_until(BEGIN + timedelta(seconds=2))
    assert await clock.now() == BEGIN + timedelta(seconds=2)
    await clock.close()


async def test_an_instant_between_two_milliseconds_is_waited_out(recording: Recording) -> None:
    clock = LockstepMarketClock(recording.url)
    await clock.sleep_until(BEGIN + timedelta(microseconds=1))
    assert await clock.now() == BEGIN + timedelta(milliseconds=1)
    await clock.close()


async def test_a_silent_recording_is_unavailable(recording: Recording) -> None:
    clock = LockstepMarketClock(recording.url + "/elsewhere")
    with pytest.raises(Unavailable, match="market_clock_silent"):
        await clock.now()
    await clock.close()


async def test_the_walls_time_only_grows() -> None:
    clock, market = SystemClock(), WallMarketClock()
    before, began = clock.now(), clock.monotonic()
    await clock.sleep(0.01)
    await market.sleep_until(clock.now() + timedelta(milliseconds=10))
    await market.sleep_until(before)
    assert clock.monotonic() >= began + 0.02
    assert await market.now() >= before + timedelta(milliseconds=20)
    await market.close()
    await asyncio.sleep(0)
