"""Whether everything that MrMarket needs is there, as its parts say themselves."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.health.progress import NEVER, OK

_WITHIN_S = 3.0
_FRESH_S = 0.5  # many askers cost no more than two rounds a second


class Probe(Protocol):
    """One thing we need."""

    @property
    def name(self) -> str:
        """Return what it is called."""
        ...

    async def ask(self) -> str:
        """Return ``ok``, or why not, in a few words without secrets."""
        ...


@dataclass(frozen=True, slots=True)
class Health:
    """What every part said, in order."""

    checks: dict[str, str]

    @property
    def ready(self) -> bool:
        """Tell whether nothing is missing."""
        return all(said in (OK, NEVER) for said in self.checks.values())


@dataclass(slots=True)
class Readiness:
    """Asks every probe at once and remembers the answer for a moment; ``monotonic`` is the clock's."""

    probes: Sequence[Probe]
    monotonic: Callable[[], float]
    within_s: float = _WITHIN_S
    _last: Health | None = None
    _asked_at: float = 0.0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self) -> Health:
        """Return how things stand now, or stood half a second ago."""
        async with self._turn:
            if self._last is None or self.monotonic() - self._asked_at > _FRESH_S:
                said = await asyncio.gather(*(self._ask(probe) for probe in self.probes))
                self._last = Health(
                    {probe.name: answer for probe, answer in zip(self.probes, said, strict=True)}
                )
                self._asked_at = self.monotonic()
            return self._last

    async def _ask(self, probe: Probe) -> str:
        try:
            async with asyncio.timeout(self.within_s):
                return await probe.ask()
        except TimeoutError:
            return f"does not answer within {self.within_s:g} s"
