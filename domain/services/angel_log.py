"""Writing down what the Angel does: in its own file first, then in the database, which may be gone."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from domain.angel.entries import Deed, Entry
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable
from domain.ids import Ids
from domain.leases import Scope
from domain.ports.angel import AngelStore, Answer, Diary
from domain.ports.clock import Clock

SILENCE = (Unavailable, OutcomeUnknown, TimeoutError)

TOLD_A_LOOK = 50
"""How much the store is told late at once, if it is quick: whoever tells does not look."""

_LET_ALONE_S = 5.0
"""How long a store that did not answer is not asked again: what is on the book does not wait for it."""


@dataclass(slots=True)
class AngelLog:
    """Every deed is a line here before it is done; ``us`` is our holder's name."""

    store: AngelStore
    diary: Diary
    clock: Clock
    ids: Ids
    us: str
    timeout_s: float = 2.0
    diary_trouble: str = ""  # the disk may be full: cancels are done all the same
    _silent_until_s: float = float("-inf")
    _under_way: set[str] = field(default_factory=set)

    @property
    def silent(self) -> bool:
        """Tell whether the store did not answer a moment ago."""
        return self.clock.monotonic() < self._silent_until_s

    async def write(
        self, scope: Scope, epoch: int | None, deed: Deed, facts: Mapping[str, Any]
    ) -> Answer | None:
        """Write an entry down; return the store's answer, ``None`` when it gave none: then it is told later.

        Raises:
            Refused: ``epoch_lost``: the account is not ours any more; or why an order is not let in.
        """
        entry = Entry(self.ids.new_id(), self.clock.now(), self.us, scope, epoch, deed, facts)
        self._under_way.add(entry.id)
        try:
            self._note(entry)
            answer = await self._tell(entry)
        finally:
            self._under_way.discard(entry.id)
        if answer is not None and not answer.ours and epoch is not None:
            raise Refused("epoch_lost", scope=scope, epoch=epoch)
        return answer

    async def catch_up(self) -> str:
        """Tell the store what it has not heard while it was away; say how much that was."""
        late = [entry for entry in self.diary.unnoted() if entry.id not in self._under_way]
        told = refused = 0
        began_s = self.clock.monotonic()
        for entry in late[:TOLD_A_LOOK]:
            if self.clock.monotonic() - began_s > self.timeout_s:
                break
            try:
                async with asyncio.timeout(self.timeout_s):
                    await self.store.act(entry, late=True)
            except (Refused, InvariantBroken):
                refused += 1  # it stays in our file, and keeps no other from being told
            self._noted(entry)
            told += 1
        said = [f"told the store {told} entries late"] if late else []
        said += [f"it refused {refused} of them"] if refused else []
        said += [f"{len(late) - told} wait"] if told < len(late) else []
        return ", ".join(said)

    def _note(self, entry: Entry) -> None:
        try:
            self.diary.write(entry)
        except Unavailable as error:
            self.diary_trouble = str(error)
        else:
            self.diary_trouble = ""

    async def _tell(self, entry: Entry) -> Answer | None:
        needs_answer = entry.deed in (Deed.TAKE, Deed.ORDER, Deed.SAFE)
        if entry.epoch is None and entry.deed is not Deed.TAKE:
            return None  # blind: the store is known to be silent
        if self.silent and not needs_answer:
            return None
        try:
            async with asyncio.timeout(self.timeout_s):
                answer = await self.store.act(entry)
        except SILENCE:
            self._silent_until_s = self.clock.monotonic() + _LET_ALONE_S
            return None
        except Refused:
            self._noted(entry)  # it was heard, and is not to be told again
            raise
        self._noted(entry)
        return answer

    def _noted(self, entry: Entry) -> None:
        with suppress(Unavailable):  # then the store is told once more, and does nothing
            self.diary.noted(entry)
