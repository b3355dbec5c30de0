"""Rounds that are done again and again, that speak in sentences and outlive their errors."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger("angel")

SILENT_AFTER_S = 15.0
"""How long no round may end before the process says that it is stuck."""


class Rounds:
    """One thing that is done again and again; one broad catch keeps it going."""

    def __init__(
        self,
        name: str,
        every_s: float,
        do_round: Callable[[], Awaitable[str]],
        monotonic: Callable[[], float],
    ) -> None:
        """Begin as if a round had just ended."""
        self._name, self._every_s, self._round, self._monotonic = name, every_s, do_round, monotonic
        self._ended_s = monotonic()
        self._said = ""

    def stuck(self) -> str:
        """Return for how long no round has ended, or nothing."""
        silent_s = self._monotonic() - self._ended_s
        return f"{self._name} has ended no round for {silent_s:.0f} s" if silent_s > SILENT_AFTER_S else ""

    async def run(self) -> None:
        """Do rounds for ever."""
        while True:
            await self._guarded()
            self._ended_s = self._monotonic()
            await asyncio.sleep(self._every_s)

    async def _guarded(self) -> None:
        try:
            said = await self._round()
        except Exception as error:
            log.exception("round failed", round=self._name, error=str(error))
            return
        if said:
            speak = log.debug if said == self._said else log.info
            speak("round done", round=self._name, said=said)
        self._said = said
