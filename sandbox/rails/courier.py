"""Carries payments from the process that sends them to the one that sees them arrive, until it has them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Generic, TypeVar

import aiohttp

from sandbox.rails.crossing import Crossing

log = logging.getLogger("sandbox.rails")
_LOOK_S = 0.1
_AFTER_FAILURE_S = 0.5
_TIMEOUT = aiohttp.ClientTimeout(total=5)


C = TypeVar("C", bound=Crossing)


class Courier(Generic[C]):
    """Between two processes of one machine. Telling a payment again is harmless: its hash names it."""

    def __init__(self, step: Callable[[], Sequence[C]], delivered: Callable[[Sequence[C]], None]) -> None:
        """Remember what lets time pass and says what the other side has yet to see."""
        self._step, self._delivered = step, delivered
        self.other = ""  # where the other sides take what they see, with blanks between; nobody: none carried
        self._down = False

    async def run(self) -> None:
        """Carry until cancelled."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as http:
            while True:
                on_their_way = self._step()
                if on_their_way and self.other:
                    await self._carry(http, on_their_way)
                await asyncio.sleep(_AFTER_FAILURE_S if self._down else _LOOK_S)

    async def _carry(self, http: aiohttp.ClientSession, crossings: Sequence[C]) -> None:
        body = {"crossings": [crossing.facts() for crossing in crossings]}
        try:
            for other in self.other.split():  # each looks for its own addresses
                async with http.post(other, json=body) as answer:
                    answer.raise_for_status()
        except (aiohttp.ClientError, TimeoutError, OSError) as e:
            if not self._down:
                log.info("the other side is not there: %s", type(e).__name__)
            self._down = True
            return
        self._down = False
        self._delivered(crossings)


@contextlib.asynccontextmanager
async def carrying(courier: Courier[C]) -> AsyncIterator[None]:
    """Carry while inside."""
    task = asyncio.create_task(courier.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
