"""Fills into the books: each once, with its order's progress, in one commit."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Refused
from domain.market.model import Pair, Side
from domain.market.orders import Fill, Intent, with_fills
from domain.money import ZERO
from domain.ports.orders import Cursor
from domain.services.desk import Desk, hold_owner
from domain.services.fill_booking import crumbs, external_transfer, makes_sense, spent
from domain.services.fill_corrections import FillCorrections
from domain.services.found import post_with_found, tell_of_found
from domain.services.third_coin import Prices, ThirdCoin
from domain.services.trading_fee import fee_in
from domain.services.untraded import unless_untraded

_SKEW = timedelta(seconds=2)
"""How far the venue's clock may be behind ours when the first fills of a pair are asked for."""


Between = Callable[[], Awaitable[object]]
"""Does what cannot wait until something longer is done."""


async def _at_once() -> None:
    """Do nothing between."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Fresh fills of one pair, sorted by whose they are."""

    ours: Mapping[str, tuple[Intent, list[Fill]]]  # by intent id
    nobodys: Sequence[Fill]


class FillAccounting:
    """Reads the account's own trades and books them.

    ``meanwhile`` is called by everybody who asks a venue about many pairs, before each: it keeps alive what
    must not wait for the last of them, and changes nothing that is read.
    """

    def __init__(self, desk: Desk, meanwhile: Between = _at_once) -> None:
        self._desk = desk
        self.meanwhile = meanwhile
        self.third = ThirdCoin(desk)
        self._corrections = FillCorrections(desk, self.third)

    async def begin(self, pairs: Sequence[Pair]) -> None:
        """Note from when on fills of pairs count, before the first order there; once per pair."""
        desk = self._desk
        known = await desk.fills.cursors(desk.account)
        if new := [pair for pair in pairs if pair not in known]:
            since = await desk.market.now()
            async with desk.transaction(()):
                for pair in new:
                    await desk.fills.save_cursor(desk.account, pair, Cursor(None, since))

    async def sweep(
        self, pairs: Collection[Pair] | None = None, deep: bool = False, between: Between = _at_once
    ) -> int:
        """Read and book what was traded since the last time; return how many fills were new.

        A deep sweep reads the last minutes again, for trades that showed late (FL3) and for what the venue
        says otherwise now (FL6, FL8). What is read twice is booked once. Pairs that the venue does not trade
        are left out: what was traded there waits until it lists them. ``between`` is called before each pair:
        what cannot wait until all are read goes first.
        """
        desk, booked = self._desk, 0
        for pair, cursor in (await desk.fills.cursors(desk.account)).items():
            if pairs is None or pair in pairs:
                await self.meanwhile()
                await between()
                with unless_untraded():
                    booked += await self._read(pair, cursor, deep)
        if deep:
            await self.third.charge_waiting()
        return booked

    async def read_deep(self, pair: Pair) -> int:
        """Read and book what was traded on one pair in the last minutes; return how many fills were new.

        Raises:
            Refused: ``pair_not_traded``.
        """
        cursor = (await self._desk.fills.cursors(self._desk.account)).get(pair)
        return await self._read(pair, cursor, deep=True) if cursor else 0

    async def read_since(self, pair: Pair, since: datetime) -> int:
        """Read and book all that was traded on one pair since an instant, and what is said otherwise now.

        Raises:
            Refused: ``pair_not_traded``.
        """
        cursor = (await self._desk.fills.cursors(self._desk.account)).get(pair)
        if cursor is None:
            return 0
        read = await self._desk.exchange.fills_since(pair, None, since)
        booked = await self._take_in(pair, cursor, read)
        await self._corrections.compare(pair, since, read)
        return booked

    async def _read(self, pair: Pair, cursor: Cursor, deep: bool) -> int:
        desk = self._desk
        overlap = timedelta(seconds=desk.policy.sweep_overlap_s) if cursor.trade_id else _SKEW
        from_id, since = None if deep else cursor.trade_id, cursor.since - overlap
        if deep:
            since = await self._corrections.reach(pair, since)
        read = await desk.exchange.fills_since(pair, from_id, since)
        booked = await self._take_in(pair, cursor, read)
        if deep:
            await self._corrections.compare(pair, since, read)
        return booked

    async def adopt_orphans(self) -> int:
        """Book fills whose order has become known; those that stay nobody's stop the account (FL2, FL7)."""
        desk = self._desk
        orphans = await desk.fills.orphans(desk.account)
        if not orphans:
            return 0
        oldest = desk.clock.now() - timedelta(seconds=desk.policy.orphan_window_s)
        booked = 0
        for pair in {orphan.fill.pair for orphan in orphans}:
            here = [orphan for orphan in orphans if orphan.fill.pair == pair]
            found = await self._sort(pair, [orphan.fill for orphan in here])
            late = {orphan.fill.trade_id for orphan in here if orphan.seen_at <= oldest}
            unheard = await self._unheard_sides(pair)
            strangers = [f for f in found.nobodys if f.trade_id in late and f.side not in unheard]
            prices = await self._prices(found)
            async with desk.transaction([pair]):
                booked += await self._book(found.ours, prices)
                await self._book_external(strangers)
                done = [f.trade_id for _, fills in found.ours.values() for f in fills]
                await desk.fills.remove_orphans(desk.account, pair, [*done, *(f.trade_id for f in strangers)])
        return booked

    async def _unheard_sides(self, pair: Pair) -> set[Side]:
        """Return on which sides an order of ours waits for a first answer: a fill may yet be its own."""
        unsettled = await self._desk.orders.unsettled(self._desk.account, [pair])
        return {i.side for i in unsettled if i.uncertain and i.absent_since is None}

    async def _take_in(self, pair: Pair, cursor: Cursor, read: Sequence[Fill]) -> int:
        desk = self._desk
        once = {fill.trade_id: fill for fill in read}  # a page may repeat what another page had
        known = await desk.fills.known(desk.account, pair, list(once)) if once else set()
        fresh = [fill for trade_id, fill in once.items() if trade_id not in known]
        if not fresh:
            return 0
        found = await self._sort(pair, fresh)
        last, prices = fresh[-1], await self._prices(found)
        async with desk.transaction([pair]):
            booked = await self._book(found.ours, prices)
            await desk.fills.add_orphans(desk.account, found.nobodys, desk.clock.now())
            if cursor.trade_id is None or last.at >= cursor.since:
                await desk.fills.save_cursor(desk.account, pair, Cursor(last.trade_id, last.at))
        return booked

    async def _sort(self, pair: Pair, fills: Sequence[Fill]) -> _Found:
        """Find the order of each fill: by our id where the venue tells it, else by its own."""
        desk = self._desk
        named = [fill.client_order_id for fill in fills if fill.client_order_id]
        by_client = await desk.orders.find_by_client_ids(desk.account, named) if named else {}
        by_order = await desk.orders.find_by_order_ids(
            desk.account, pair, list({fill.order_id for fill in fills})
        )
        ours: dict[str, tuple[Intent, list[Fill]]] = {}
        nobodys = []
        for fill in fills:
            intent = by_client.get(fill.client_order_id) or by_order.get(fill.order_id)
            if intent is None:
                nobodys.append(fill)
            else:
                ours.setdefault(intent.id, (intent, []))[1].append(fill)
        return _Found(ours, nobodys)

    async def _prices(self, found: _Found) -> Prices:
        return await self.third.prices(fill for _, fills in found.ours.values() for fill in fills)

    async def _book(self, ours: Mapping[str, tuple[Intent, list[Fill]]], prices: Prices) -> int:
        """Book fills of our orders: row, hold, postings and progress; call it inside a transaction."""
        desk = self._desk
        rows = [(fill, intent) for intent, fills in ours.values() for fill in fills]
        if not rows:
            return 0
        new = set(await desk.fills.add_all(desk.account, rows))
        progressed = []
        for intent, fills in ours.values():
            fresh = [fill for fill in fills if fill.trade_id in new]
            if fresh:
                await self._post(intent, fresh, prices)
                progressed.append(with_fills(intent, fresh))
        await desk.write(progressed)
        if any(not makes_sense(fill) for fill, _ in rows):
            await desk.halt("fill_makes_no_sense")
        return len(new)

    async def _post(self, intent: Intent, fills: Sequence[Fill], prices: Prices) -> None:
        desk = self._desk
        run = await desk.runs.get(intent.run_id)
        try:
            async with desk.store.transaction():  # a savepoint: a refusal must not undo the fills' rows
                owed = min(sum(map(spent, fills), ZERO), intent.cost - intent.spent)
                if owed > 0 and not intent.settled:
                    await desk.ledger.use_hold(hold_owner(intent), owed)
                transfers, charges = await self.third.transfers(run, fills, prices)
                await desk.ledger.post_all([*crumbs(intent, fills), *transfers])
                await tell_of_found(desk, transfers)
                await desk.fees.note(*(fee_in(transfer, run) for transfer in transfers))
                await desk.fills.add_charges(desk.account, charges)
        except Refused:
            # The venue traded what the run no longer has: true all the same, and a person must look.
            external = [external_transfer(fill, desk.account) for fill in fills]
            await post_with_found(desk, external)
            await desk.halt("fill_without_funds")

    async def _book_external(self, fills: Sequence[Fill]) -> None:
        desk = self._desk
        if not fills:
            return
        new = set(await desk.fills.add_all(desk.account, [(fill, None) for fill in fills]))
        external = [external_transfer(fill, desk.account) for fill in fills if fill.trade_id in new]
        await post_with_found(desk, external)
        await desk.halt("fill_of_unknown_order")
