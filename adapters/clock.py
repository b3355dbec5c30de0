"""Time made real: the wall's, and a replay's."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import aiohttp

from domain.errors import Unavailable


class SystemClock:
    """The machine's clock, as ``domain.ports.clock.Clock``."""

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(seconds)


class WallMarketClock:
    """Markets that move with the wall's time, as ``domain.ports.clock.MarketClock``."""

    async def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, instant: datetime) -> None:
        """Return when the instant has come."""
        await asyncio.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))

    async def close(self) -> None:
        """Let go of nothing."""


class LockstepMarketClock:
    """The time of a recording that waits for its listeners, told over HTTP.

    ``GET url`` answers ``{"now_ms": ...}``; ``POST url/sleep`` with ``{"until_ms": ...}`` answers likewise
    once the recording has come that far.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def now(self) -> datetime:
        """Return the present instant of the recording, aware, UTC."""
        return _instant(await self._ask("GET", self._url))

    async def sleep_until(self, instant: datetime) -> None:
        """Return when the recording has reached the instant."""
        until_ms = -(-_microseconds(instant) // 1000)
        reached_ms = 0
        while reached_ms < until_ms:
            before_ms, reached_ms = (
                reached_ms,
                await self._ask("POST", f"{self._url}/sleep", {"until_ms": until_ms}),
            )
            if reached_ms == before_ms:  # the recording stands still: it has ended, or nobody has traded yet
                await asyncio.sleep(_STILL_S)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._session:
            await self._session.close()

    async def _ask(self, method: str, url: str, body: object = None) -> int:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60))
        try:
            async with self._session.request(method, url, json=body) as answer:
                answer.raise_for_status()
                return int((await answer.json())["now_ms"])
        except (aiohttp.ClientError, TimeoutError, KeyError, ValueError, TypeError) as error:
            raise Unavailable("market_clock_silent", url=url) from error


_STILL_S = 0.05

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _instant(now_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=now_ms)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
