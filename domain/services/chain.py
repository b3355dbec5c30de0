"""Keeps the chain of transfers growing, and looks through all of it again and again (I10, PG8)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.ledger.chain import START, Break, Fault, Head, breaks_after, links_after
from domain.ports.chain import Chain
from domain.ports.clock import Clock
from domain.ports.freezes import FreezeStore
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.store import Store

PAGE = 500
"""Links added or looked at in one go."""
PAGES = 20
"""Pages added in one round at most, so that a long backlog keeps no round from ending."""
NEAR, FAR = 5_000, 100_000
"""How many ids behind the newest linked one a transfer may appear late: nearly always, and at most.

No transaction of the app lives long enough to be overtaken by more.
"""
FAR_EVERY = timedelta(seconds=15)
PASS_EVERY = timedelta(hours=1)
"""A look through the whole chain begins no sooner after the last one began."""
LINKED_WITHIN = timedelta(minutes=1)
HELD_UP_AFTER = timedelta(minutes=10)
"""Whoever links is done in a moment; who keeps everybody from it for so long means it."""


class ChainService:
    """The one chainer of an instance, and its verifier."""

    def __init__(
        self,
        store: Store,
        chain: Chain,
        freezes: FreezeStore,
        notices: Notices,
        clock: Clock,
        roles: RoleStore,
    ) -> None:
        self._store = store
        self._chain = chain
        self._freezes = freezes
        self._notices = notices
        self._clock = clock
        self._roles = roles
        self._known = START
        self._linked_at = clock.now()
        self._far_at: datetime | None = None
        self._looked_to = START
        self._pass_began: datetime | None = None

    async def round(self) -> str:
        """Link what is new, look at the next page of the past, and say what came of it."""
        broken, added = await self._rewritten(), None
        if not broken:
            added = await self._extend()
            broken = await self._held_up() if added is None else await self._look()
        if broken:
            return f"the chain is broken: {'; '.join(map(str, broken[:3]))}"
        if added is None:
            return "somebody else links"
        return f"linked {added} transfers: {self._known}" if added else "nothing to link"

    async def head(self) -> Head:
        """Return the head to note elsewhere."""
        return await self._chain.head()

    async def _rewritten(self) -> list[Break]:
        """Compare the chain with the head this process saw last: it can only have grown."""
        if self._known == START or await self._chain.hash_at(self._known.number) == self._known.hash:
            return []
        broken = [Break(Fault.CHAIN_REWRITTEN, self._known.number)]
        await self._stop(broken)
        self._known, self._looked_to, self._pass_began = START, START, None  # and all of it is looked at anew
        return broken

    async def _held_up(self) -> list[Break]:
        """Say so when somebody keeps this process from linking for long."""
        if self._clock.now() - self._linked_at < HELD_UP_AFTER:
            return []
        broken = [Break(Fault.CHAIN_HELD_UP, self._known.number)]
        await self._stop(broken)
        return broken

    async def _extend(self) -> int | None:
        """Link what is new, and return how many; nothing when somebody else is at it."""
        now, back = self._clock.now(), NEAR
        if self._far_at is None or now - self._far_at >= FAR_EVERY:
            self._far_at, back = now, FAR
        added = 0
        for _ in range(PAGES):
            count = await self._add_page(back)
            if count is None:
                return None
            added += count
            if count < PAGE:
                break
        return added

    async def _add_page(self, back: int) -> int | None:
        """Link one page of transfers, in the order in which they are found committed (decision 0006)."""
        async with self._store.transaction():
            if not await self._chain.lock():
                return None
            head = await self._chain.head()
            links = links_after(head, await self._chain.unlinked(PAGE, back))
            if links:
                await self._chain.add(links)
        self._known, self._linked_at = links[-1].head if links else head, self._clock.now()
        return len(links)

    async def _look(self) -> list[Break]:
        """Look at the next page of the chain; at its end, at what has no place in it.

        What was found is found again by the next round if it could not be told.
        """
        now, begins = self._clock.now(), self._looked_to == START
        if begins and self._pass_began and now - self._pass_began < PASS_EVERY:
            return []
        read = await self._chain.read(self._looked_to.number, PAGE)
        broken = breaks_after(self._looked_to, read)
        ends = len(read) < PAGE
        if ends:
            broken += await self._slipped_in()
        if broken:
            await self._stop(broken)
        self._pass_began = now if begins else self._pass_began
        self._looked_to = START if ends else read[-1][0].head
        return broken

    async def _slipped_in(self) -> list[Break]:
        """Return what stands in the books without a place, after everything that may still get one has it."""
        count = await self._add_page(FAR)
        if count is None or count == PAGE:
            return []
        forgotten = await self._chain.forgotten(LINKED_WITHIN, PAGE)
        return [Break(Fault.TRANSFER_UNCHAINED, 0, each) for each in forgotten]

    async def _stop(self, broken: Sequence[Break]) -> None:
        """Pay nothing out until a person has looked, and tell the owner, once for each place."""
        first = broken[0]
        params = {
            "reason": str(first.fault),
            "number": str(first.number or "–"),
            "transfer": str(first.transfer_id or "–"),
        }
        async with self._store.transaction():
            await self._freezes.freeze("wallet", f"chain_broken:{first}", self._clock.now())
            if owner := await self._roles.owner():
                await self._notices.tell(owner, "chain_broken", f"chain:{first}", params)
