"""Keeps the chain of transfers growing, and looks through all of it again and again (I10, PG8)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.ids import UserId
from domain.ledger.chain import START, Break, Fault, Head, breaks_after, links_after
from domain.ports.chain import Chain
from domain.ports.clock import Clock
from domain.ports.freezes import FreezeStore
from domain.ports.notices import Notices
from domain.ports.store import Store

PAGE = 500
"""Links added or looked at in one go."""
PAGES = 20
"""Pages added in one round at most, so that a long backlog keeps no round from ending."""
PASS_EVERY = timedelta(hours=1)
"""A look through the whole chain begins no sooner after the last one."""
LINKED_WITHIN = timedelta(minutes=1)
HELD_UP_AFTER = timedelta(minutes=10)
"""Whoever links is done in a moment; who keeps everybody from it for so long means it."""


class ChainService:
    """The one chainer of an instance, and its verifier."""

    def __init__(
        self, store: Store, chain: Chain, freezes: FreezeStore, notices: Notices, clock: Clock, owner: UserId
    ) -> None:
        self._store = store
        self._chain = chain
        self._freezes = freezes
        self._notices = notices
        self._clock = clock
        self._owner = owner
        self._known = START
        self._looked_to = START
        self._pass_began: datetime | None = None
        self._linked_at = clock.now()

    async def round(self) -> str:
        """Link what is new, look at the next page of the past, and say what came of it."""
        broken, added, count = await self._rewritten(), 0, None
        for _ in range(PAGES):
            count = await self._add_page()
            if count is None:
                broken += self._held_up()
                break
            added += count
            if count < PAGE:
                broken += await self._look()
                break
        if broken:
            await self._stop(broken)
            return f"the chain is broken: {'; '.join(map(str, broken[:3]))}"
        if count is None:
            return "somebody else links"
        return f"linked {added} transfers" if added else "nothing to link"

    async def head(self) -> Head:
        """Return the head to note elsewhere."""
        return await self._chain.head()

    def _held_up(self) -> list[Break]:
        """Say so when somebody keeps this process from linking for long."""
        if self._clock.now() - self._linked_at < HELD_UP_AFTER:
            return []
        return [Break(Fault.CHAIN_HELD_UP, self._known.number)]

    async def _rewritten(self) -> list[Break]:
        """Compare the chain with the head this process saw last: it can only have grown."""
        if self._known == START or await self._chain.hash_at(self._known.number) == self._known.hash:
            return []
        found = Break(Fault.CHAIN_REWRITTEN, self._known.number)
        self._known = await self._chain.head()
        self._looked_to, self._pass_began = START, None
        return [found]

    async def _add_page(self) -> int | None:
        """Link one page of transfers, in the order in which they are found committed (decision 0006).

        Returns how many; nothing when somebody else is at it.
        """
        async with self._store.transaction():
            if not await self._chain.lock():
                return None
            head = await self._chain.head()
            links = links_after(head, await self._chain.unlinked(PAGE))
            if links:
                await self._chain.add(links)
        self._known, self._linked_at = links[-1].head if links else head, self._clock.now()
        return len(links)

    async def _look(self) -> list[Break]:
        """Look at the next page of the chain; at its end, at what has no place in it."""
        now = self._clock.now()
        if self._looked_to == START:
            if self._pass_began and now - self._pass_began < PASS_EVERY:
                return []
            self._pass_began = now
        read = await self._chain.read(self._looked_to.number, PAGE)
        broken = breaks_after(self._looked_to, read)
        self._looked_to = read[-1][0].head if len(read) == PAGE else START
        if self._looked_to == START:
            forgotten = await self._chain.forgotten(LINKED_WITHIN, PAGE)
            broken += [Break(Fault.TRANSFER_UNCHAINED, 0, each) for each in forgotten]
        return broken

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
            await self._notices.tell(self._owner, "chain_broken", f"chain:{first}", params)
