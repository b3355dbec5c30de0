"""Conversions in memory, as ``domain.ports.conversions.ConversionStore``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.conversions.model import CONVERSION_EDGES, Conversion, ConversionState
from domain.errors import InvariantBroken
from domain.ids import RunId, UserId
from tests.fakes.rows import Flat


class FakeConversions:
    """Conversions by id, in the order in which they were confirmed."""

    def __init__(self) -> None:
        self.rows: Flat[RunId, Conversion] = Flat()

    async def add(self, conversion: Conversion) -> Conversion:
        left = [each.leaves for each in self.rows.values() if each.leaves]
        if conversion.leaves in left:
            raise InvariantBroken("store_refused", constraint="conversions_leaves")
        number = 1 + sum(each.user_id == conversion.user_id for each in self.rows.values())
        self.rows[conversion.id] = replace(conversion, number=number)
        return self.rows[conversion.id]

    async def find(self, user_id: UserId, number: int) -> Conversion | None:
        mine = (each for each in self.rows.values() if (each.user_id, each.number) == (user_id, number))
        return next(mine, None)

    async def list(self, user_id: UserId, limit: int) -> Sequence[Conversion]:
        mine = [each for each in reversed(self.rows.values()) if each.user_id == user_id]
        return sorted(mine, key=lambda each: each.state is ConversionState.DONE)[:limit]

    async def going(self) -> Sequence[Conversion]:
        going = (ConversionState.WAITING, ConversionState.CONVERTING)
        return [each for each in self.rows.values() if each.state in going]

    async def of(self, run_ids: Sequence[RunId]) -> Mapping[RunId, Conversion]:
        return {run_id: self.rows[run_id] for run_id in run_ids if run_id in self.rows}

    async def leaving(self, run_id: RunId) -> Conversion | None:
        waits = (e for e in self.rows.values() if (e.leaves, e.state) == (run_id, ConversionState.WAITING))
        return next(waits, None)

    async def begin(self, conversion_id: RunId, amount: Decimal, at: datetime) -> None:
        self._move(conversion_id, ConversionState.CONVERTING, amount=amount, began_at=at)

    async def finish(self, conversion_id: RunId, reason: str) -> bool:
        if self.rows[conversion_id].state is not ConversionState.CONVERTING:
            return False
        self._move(conversion_id, ConversionState.FINISHING, reason=reason)
        return True

    async def end(
        self, conversion_id: RunId, reason: str, spent: Decimal, received: Decimal, at: datetime
    ) -> bool:
        was = self.rows[conversion_id]
        if was.state is not ConversionState.FINISHING:
            return False
        became = {"spent": spent, "received": received, "ended_at": at, "reason": was.reason or reason}
        self._move(conversion_id, ConversionState.DONE, **became)
        return True

    async def call_off(self, conversion_id: RunId, reason: str, at: datetime) -> bool:
        if self.rows[conversion_id].state is not ConversionState.WAITING:
            return False
        self._move(conversion_id, ConversionState.DONE, reason=reason, ended_at=at)
        return True

    def _move(self, conversion_id: RunId, to: ConversionState, **changes: Any) -> None:
        was = self.rows[conversion_id]
        if to not in CONVERSION_EDGES[was.state]:
            raise InvariantBroken("illegal_transition", machine="conversion", was=was.state, to=to)
        self.rows[conversion_id] = replace(was, state=to, **changes)
