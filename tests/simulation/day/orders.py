"""Orders, fills and cursors in memory, for a day of them: each is found by every key it is asked for by."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from domain.errors import InvariantBroken
from domain.ids import RunId, VenueAccountName
from domain.leases import venue_scope
from domain.market.model import Pair, Side
from domain.market.orders import Fill, Intent, OrderState, may_become
from domain.market.runs import FillTotals, RunState
from domain.money import ZERO
from domain.ports.orders import Booked, Charge, Cursor, Orphan
from tests.fakes.leases import FakeLeaseTable
from tests.simulation.day.accounts import DayAccounts, DayRuns
from tests.simulation.day.tables import Journal, Noted

_OUT_OF_ORDER = timedelta(minutes=30)
"""Trades are booked this late at most; so far back one looks for those of an instant."""


class DayOrders:
    """Intents, as ``domain.ports.orders.OrderStore``; lets in what the database would."""

    def __init__(
        self, journal: Journal, runs: DayRuns, accounts: DayAccounts, leases: FakeLeaseTable
    ) -> None:
        self.rows: Noted[str, Intent] = Noted(journal)
        self._open: defaultdict[VenueAccountName, Noted[str, Intent]] = defaultdict(lambda: Noted(journal))
        self._by_client: Noted[tuple[VenueAccountName, str], str] = Noted(journal)
        self._by_order: Noted[tuple[VenueAccountName, Pair, str], str] = Noted(journal)
        self._sent: defaultdict[VenueAccountName, Noted[datetime, Decimal]] = defaultdict(
            lambda: Noted(journal)
        )
        self._runs, self._accounts, self._leases = runs, accounts, leases

    async def add_all(self, intents: Sequence[Intent]) -> Sequence[Intent]:
        let_in = [intent for intent in intents if await self._may(intent)]
        if any(intent.id in self.rows for intent in let_in):
            raise InvariantBroken("sent_twice")
        for intent in let_in:
            self.keep(intent)
            sent, minute = self._sent[intent.account], intent.not_after.replace(second=0, microsecond=0)
            sent[minute] = sent.get(minute, ZERO) + intent.price * intent.quantity
        return let_in

    def keep(self, intent: Intent) -> None:
        """Store an intent as it is now."""
        was = self.rows.get(intent.id)
        self.rows[intent.id] = intent
        self._by_client[intent.account, intent.client_order_id] = intent.id
        if intent.settled:
            self._open[intent.account].pop(intent.id, None)
        else:
            self._open[intent.account][intent.id] = intent
        if intent.order_id and not (was and was.order_id):
            self._by_order[intent.account, intent.pair, intent.order_id] = intent.id

    async def _may(self, intent: Intent) -> bool:
        run, account = await self._runs.get(intent.run_id), self._accounts.rows[intent.account]
        scope = venue_scope(intent.account)
        epoch = self._leases.rows[scope].epoch if scope in self._leases.rows else 0
        return run.state is RunState.RUNNING and not account.halted and intent.epoch == epoch

    def open(self) -> list[Intent]:
        """Return the unsettled intents of all accounts."""
        return [intent for account in self._open.values() for intent in account.values()]

    def of_client(self, account: VenueAccountName, client_order_id: str) -> str | None:
        """Return which intent has a client order id."""
        return self._by_client.get((account, client_order_id))

    async def unsettled(
        self, account: VenueAccountName, pairs: Sequence[Pair] | None = None
    ) -> Sequence[Intent]:
        mine = self._open[account].values()
        return list(mine) if pairs is None else [intent for intent in mine if intent.pair in pairs]

    async def unclear(self, account: VenueAccountName) -> Sequence[Intent]:
        rest = (OrderState.OPEN, OrderState.PARTIAL)
        return [intent for intent in self._open[account].values() if intent.state not in rest]

    async def pairs(self, account: VenueAccountName) -> Sequence[Pair]:
        return sorted({intent.pair for intent in self._open[account].values()}, key=str)

    async def find_by_client_ids(
        self, account: VenueAccountName, client_order_ids: Sequence[str]
    ) -> Mapping[str, Intent]:
        known = ((name, self._by_client.get((account, name))) for name in client_order_ids)
        return {name: self.rows[intent_id] for name, intent_id in known if intent_id}

    async def find_by_order_ids(
        self, account: VenueAccountName, pair: Pair, order_ids: Sequence[str]
    ) -> Mapping[str, Intent]:
        known = ((name, self._by_order.get((account, pair, name))) for name in order_ids)
        return {name: self.rows[intent_id] for name, intent_id in known if intent_id}

    async def sent_since(
        self, account: VenueAccountName, since: datetime
    ) -> Sequence[tuple[datetime, Decimal]]:
        return [(minute, value) for minute, value in self._sent[account].items() if minute > since]

    async def save_all(self, intents: Sequence[Intent]) -> None:
        for intent in intents:
            was = self.rows[intent.id]
            if not may_become(was.state, intent.state) or intent.booked < was.booked:
                raise InvariantBroken("illegal_transition", order=intent.id)
            self.keep(intent)


class DayFills:
    """Fills, orphans and cursors; of later words and third coins it knows nothing."""

    def __init__(self, journal: Journal) -> None:
        self.fills: Noted[tuple[VenueAccountName, Pair, str], tuple[Fill, Intent | None]] = Noted(journal)
        self._orphans: defaultdict[VenueAccountName, Noted[tuple[Pair, str], Orphan]] = defaultdict(
            lambda: Noted(journal)
        )
        self._cursors: defaultdict[VenueAccountName, Noted[Pair, Cursor]] = defaultdict(
            lambda: Noted(journal)
        )
        self._totals: Noted[RunId, FillTotals] = Noted(journal)
        self._in_order: defaultdict[tuple[VenueAccountName, Pair], list[str]] = defaultdict(list)

    async def add_all(
        self, account: VenueAccountName, fills: Sequence[tuple[Fill, Intent | None]]
    ) -> Sequence[str]:
        new = {(account, fill.pair, fill.trade_id): (fill, intent) for fill, intent in fills}
        new = {key: row for key, row in new.items() if key not in self.fills}
        for key, (fill, intent) in new.items():
            self.fills[key] = fill, intent
            self._in_order[key[:2]].append(fill.trade_id)
            if intent is not None:
                self._add_up(intent.run_id, fill)
        return [trade_id for _, _, trade_id in new]

    def _add_up(self, run_id: RunId, fill: Fill) -> None:
        old = self._totals.get(run_id, FillTotals(0, ZERO, ZERO, ZERO))
        bought = fill.quantity if fill.side is Side.BUY else ZERO
        self._totals[run_id] = FillTotals(
            *(old.fills + 1, old.volume + fill.quote_quantity),
            *(old.bought + bought, old.sold + fill.quantity - bought),
        )

    async def known(self, account: VenueAccountName, pair: Pair, trade_ids: Sequence[str]) -> set[str]:
        orphans = self._orphans[account]
        return {
            trade_id
            for trade_id in trade_ids
            if (account, pair, trade_id) in self.fills or (pair, trade_id) in orphans
        }

    async def booked_since(self, account: VenueAccountName, pair: Pair, since: datetime) -> Sequence[Booked]:
        found: dict[str, Booked] = {}
        for trade_id in reversed(self._in_order[account, pair]):
            row = self.fills.get((account, pair, trade_id))  # a transaction that was undone leaves its id
            if row is None:
                continue
            fill, intent = row
            if fill.at < since - _OUT_OF_ORDER:
                break
            if fill.at >= since:
                found[trade_id] = Booked(fill, 1, intent.run_id if intent else None, busted=False)
        return sorted(found.values(), key=lambda booked: booked.fill.at)

    async def unknown_fee_since(self, account: VenueAccountName, pair: Pair, since: datetime) -> None:
        """Return nothing: every fee is said at once."""

    async def unknown_fees(self, run_id: RunId) -> int:
        return 0

    async def add_charges(self, account: VenueAccountName, charges: Sequence[Charge]) -> None:
        assert not charges, "no fee is in a third coin here"

    async def waiting_charges(self, account: VenueAccountName) -> Sequence[Charge]:
        return []

    async def forgo_charges(self, run_id: RunId, pair: Pair, trade_id: str = "") -> int:
        return 0

    async def add_orphans(self, account: VenueAccountName, fills: Sequence[Fill], seen_at: datetime) -> None:
        for fill in fills:
            self._orphans[account].setdefault((fill.pair, fill.trade_id), Orphan(fill, seen_at))

    def all_orphans(self) -> list[str]:
        """Return the orphans of all accounts, in words."""
        return [f"{account} {key[1]}" for account, mine in self._orphans.items() for key in mine]

    async def orphans(self, account: VenueAccountName) -> Sequence[Orphan]:
        return list(self._orphans[account].values())

    async def remove_orphans(self, account: VenueAccountName, pair: Pair, trade_ids: Sequence[str]) -> None:
        for trade_id in trade_ids:
            self._orphans[account].pop((pair, trade_id), None)

    async def cursors(self, account: VenueAccountName) -> Mapping[Pair, Cursor]:
        return dict(self._cursors[account])

    async def save_cursor(self, account: VenueAccountName, pair: Pair, cursor: Cursor) -> None:
        self._cursors[account][pair] = cursor

    async def totals(self, run_ids: Sequence[RunId]) -> Mapping[RunId, FillTotals]:
        return {run_id: self._totals[run_id] for run_id in run_ids if run_id in self._totals}

    async def open_orders(self, run_ids: Sequence[RunId]) -> Mapping[RunId, int]:
        """Return nothing: nobody is told here."""
        return {}
