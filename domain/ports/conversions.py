"""Conversions, as stored; calls join the ambient transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from domain.conversions.model import Conversion
from domain.ids import RunId, UserId


class ConversionStore(Protocol):
    """The conversions table. What a person has confirmed of one never changes."""

    async def add(self, conversion: Conversion) -> Conversion:
        """Store a new conversion; return it with the person's next number.

        Raises:
            InvariantBroken: ``store_refused``: the run that it leaves is left by another one.
        """
        ...

    async def find(self, user_id: UserId, number: int) -> Conversion | None:
        """Return a person's conversion by its number."""
        ...

    async def list(self, user_id: UserId, limit: int) -> Sequence[Conversion]:
        """Return a person's conversions, those that are not done first, then the newest first."""
        ...

    async def going(self) -> Sequence[Conversion]:
        """Return the conversions of all people that are WAITING or CONVERTING, by id."""
        ...

    async def of(self, run_ids: Sequence[RunId]) -> Mapping[RunId, Conversion]:
        """Return the conversions that these runs carry, by id."""
        ...

    async def leaving(self, run_id: RunId) -> Conversion | None:
        """Return the conversion that WAITS for a run's coins, locked; ``None`` when there is none."""
        ...

    async def begin(self, conversion_id: RunId, amount: Decimal, at: datetime) -> None:
        """Give a waiting conversion its coins.

        Raises:
            InvariantBroken: ``illegal_transition``.
        """
        ...

    async def finish(self, conversion_id: RunId, reason: str) -> bool:
        """Let a CONVERTING one send nothing more; return whether it was."""
        ...

    async def end(
        self, conversion_id: RunId, reason: str, spent: Decimal, received: Decimal, at: datetime
    ) -> bool:
        """Note what became of one that is FINISHING; tell whether it was; its reason stays."""
        ...

    async def call_off(self, conversion_id: RunId, reason: str, at: datetime) -> bool:
        """End one that WAITS and never had any coins; tell whether it did."""
        ...
