"""One venue account beside our books: looked at every minute, and before anything is sent (I8, I12)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from domain.errors import Unavailable
from domain.leases import venue_scope
from domain.ledger.model import AccountKind
from domain.market.model import Pair
from domain.market.orders import VenueOrder
from domain.money import Coin
from domain.reconciliation import at_venue
from domain.reconciliation.at_venue import Cut, Underway
from domain.reconciliation.compare import by_name, compare, tolerances
from domain.reconciliation.model import InFlight, Round
from domain.services.desk import Desk
from domain.services.fill_accounting import FillAccounting
from domain.services.reckoning import EVERY_S, MOST_LOOKS, Pace, Reckoning
from domain.services.untraded import unless_untraded

UNCOMPARED = "not_reconciled"
"""Why nothing is sent: books and venue have not been seen to agree since this worker took the account."""

AGAIN_S = 5.0
"""How soon an account that must not trade yet is looked at again."""

FEES_SAID_WITHIN = timedelta(days=1)

DEEP_EVERY = timedelta(days=1)
DEEP_REACH = timedelta(hours=48)


@dataclass(slots=True)
class VenueComparing:
    """Compares one account for the worker that holds it; until a round lets it, nothing is sent from it."""

    desk: Desk
    fills: FillAccounting
    pace: Pace = field(default_factory=Pace)

    @property
    def doubt(self) -> str:
        """Return the code of why nothing may be sent, or nothing."""
        return "" if self.desk.compared else UNCOMPARED

    async def look_if_due(self, pairs: Sequence[Pair]) -> list[str]:
        """Do a round when it is time or somebody asks; say what it found. Without a reckoning: nothing."""
        if (reckoning := self.desk.reckoning) is None:
            return []
        again_s = EVERY_S if self.desk.compared else AGAIN_S
        return [await self._look(reckoning, pairs)] if await reckoning.is_due(self.pace, again_s) else []

    async def _look(self, reckoning: Reckoning, pairs: Sequence[Pair]) -> str:
        desk, scope = self.desk, venue_scope(self.desk.account)
        self.pace.looked_s = self.pace.polled_s = desk.clock.monotonic()
        asked, before = await reckoning.rounds.asked(), await reckoning.rounds.last(scope)
        deep = await self._read_back_if_due(reckoning, pairs)
        cut, ledger, on_the_way = await self._cut(reckoning, pairs)
        known = await self._underway(reckoning, ledger)
        explained = [*at_venue.in_flight(cut, known), *on_the_way]
        rounded, seq = await reckoning.rounds.rounded_fills(desk.account, before.fills_seq if before else 0)
        room = tolerances(rounded, by_name(ledger), before)
        found = Round(
            scope=scope,
            at=desk.clock.now(),
            lines=compare(by_name(ledger), by_name(cut.balances), {}, explained, room),
            strays=at_venue.strays(cut, known.intents, desk.policy.order_prefix, desk.clock.now()),
            looks=cut.looks,
            deep=deep,
            fills_seq=seq,
            asked=asked,
            moving=cut.moving,
        )
        async with desk.transaction(()):
            finding = await reckoning.settle(found)
            lets_trade = await reckoning.lets_trade(desk.account, finding.round)
        self.pace.answered = asked
        if lets_trade or await reckoning.freezes.frozen_instance():
            desk.compared = lets_trade
        return str(finding.round)

    async def _cut(
        self, reckoning: Reckoning, pairs: Sequence[Pair]
    ) -> tuple[Cut, dict[Coin, Decimal], Sequence[InFlight]]:
        """Read trades, balances, open orders and trades again, until nothing was traded or booked between.

        Whatever a venue shows of trades is in our books when the rest is read: the books stand still with it.
        """
        desk, scope = self.desk, venue_scope(self.desk.account)
        looks, still = 0, False
        while looks < MOST_LOOKS and not still:
            looks += 1
            await self.fills.sweep(pairs)
            cursors, ledger = await desk.fills.cursors(desk.account), await self._ledger()
            on_the_way = await reckoning.moving.at(scope)
            balances, shown = await desk.exchange.balances(), await self._open_orders(pairs)
            await self.fills.sweep(pairs)
            same = cursors == await desk.fills.cursors(desk.account) and ledger == await self._ledger()
            still = same and on_the_way == await reckoning.moving.at(scope)
        return Cut(balances, shown, looks, moving=not still), ledger, on_the_way

    async def _ledger(self) -> dict[Coin, Decimal]:
        balances = await self.desk.ledger.balances(AccountKind.VENUE, self.desk.account)
        return {coin: balance.total for coin, balance in balances.items()}

    async def _open_orders(self, pairs: Sequence[Pair]) -> dict[str, VenueOrder]:
        shown: dict[str, VenueOrder] = {}
        for pair in pairs:
            await self.fills.meanwhile()
            with unless_untraded():
                shown |= {o.client_order_id: o for o in await self.desk.exchange.open_orders(pair)}
        return shown

    async def _underway(self, reckoning: Reckoning, ledger: dict[Coin, Decimal]) -> Underway:
        desk, rounds = self.desk, reckoning.rounds
        since = desk.clock.now() - FEES_SAID_WITHIN
        return Underway(
            intents=await desk.orders.unsettled(desk.account),
            orphans=[orphan.fill for orphan in await desk.fills.orphans(desk.account)],
            unsaid=await rounds.unsaid_fees(desk.account, since),
            fee_coins={c: ledger[c] for c in sorted(await rounds.fee_coins(desk.account)) if c in ledger},
        )

    async def _read_back_if_due(self, reckoning: Reckoning, pairs: Sequence[Pair]) -> bool:
        """Once a day read the trades of two days again, for what a venue says otherwise late (FL6, FL8)."""
        now, done_at = self.desk.clock.now(), await reckoning.rounds.deep_at(venue_scope(self.desk.account))
        if done_at and now - done_at < DEEP_EVERY:
            return False
        for pair in pairs:
            await self.fills.meanwhile()
            try:
                with unless_untraded():
                    await self.fills.read_since(pair, now - DEEP_REACH)
            except Unavailable:
                return False  # the next round tries again
        return True
