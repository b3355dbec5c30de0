"""Orders, fills, runs and accounts in memory: as much of their ports as trading without third coins needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from domain.conversions.planning import within, worst_ticks
from domain.errors import InvariantBroken, Refused
from domain.ids import RunId, UserId, VenueAccountName
from domain.leases import Scope, venue_scope
from domain.market.capacity import Capacity, Place
from domain.market.model import Pair, Side
from domain.market.orders import AskedOrder, Fill, Intent, OrderState, may_become
from domain.market.runs import FillTotals, MarketView, Run, RunKind, RunState
from domain.money import ZERO
from domain.ports.orders import Booked, Charge, Cursor, Orphan
from domain.ports.runs import AccountState
from tests.fakes.conversions import FakeConversions
from tests.fakes.exchange import RULES
from tests.fakes.leases import FakeLeaseTable
from tests.fakes.rows import Flat
from tests.fakes.runs import FakeRuns

TradeKey = tuple[VenueAccountName, Pair, str]


class MemoryFence:
    """Refuses whoever acts under an epoch that is not the present one."""

    def __init__(self, table: FakeLeaseTable) -> None:
        self._table = table

    async def guard(self, scope: Scope, epoch: int) -> None:
        if self._table.epochs().get(scope) != epoch or not self._table.live(scope):
            raise Refused("epoch_lost", scope=scope, epoch=epoch)


class MemoryNotices:
    """What people are told, once per kind and cause."""

    def __init__(self) -> None:
        self.rows: Flat[tuple[str, str, str], Mapping[str, str]] = Flat()

    async def tell(self, user_id: UserId, kind: str, cause: str, params: Mapping[str, str]) -> None:
        self.rows.setdefault((user_id, kind, cause), params)


class MemoryAccounts:
    """Venue accounts by name, and what their workers saw."""

    def __init__(self) -> None:
        self.rows: Flat[str, AccountState] = Flat()
        self.seen: dict[tuple[VenueAccountName, Pair], MarketView] = {}
        self.per_second: dict[VenueAccountName, int] = {}

    async def register(self, name: VenueAccountName, venue: str, orders_per_second: int) -> None:
        self.rows.setdefault(name, AccountState(name, venue, False, ""))
        self.per_second[name] = orders_per_second

    async def capacity(self, name: VenueAccountName) -> Capacity:
        views = [view for (at, _), view in self.seen.items() if at == name]
        places = {view.pair: Place.of(view.rules, view.mid) for view in views}
        return Capacity(self.per_second.get(name, 0), places)

    async def alone(self, name: VenueAccountName) -> None:
        """Be alone: transactions in memory are, one after the other."""

    async def find(self, name: VenueAccountName) -> AccountState | None:
        return self.rows.get(name)

    async def mark_opened(self, name: VenueAccountName) -> None:
        self.rows[name] = replace(self.rows[name], opened=True)

    async def halt(self, name: VenueAccountName, reason: str) -> bool:
        before = self.rows[name]
        self.rows[name] = replace(before, halted=before.halted or reason)
        return not before.halted

    async def see(self, views: Sequence[MarketView]) -> None:
        self.seen |= {(view.account, view.pair): view for view in views}

    async def views(self) -> list[MarketView]:
        return [view for (name, _), view in self.seen.items() if not self.rows[name].halted]


class _Rows(list[Run]):
    """Runs, each of which is replaced and never altered."""

    def __deepcopy__(self, memo: dict[int, object]) -> "_Rows":
        """Return a list that goes its own way."""
        return _Rows(self)


class MemoryRuns(FakeRuns):
    """Runs of all kinds, as their workers see them."""

    def __setattr__(self, name: str, value: object) -> None:
        """Keep rows in a list that is quickly put back."""
        super().__setattr__(name, _Rows(value) if name == "rows" else value)  # type: ignore[call-overload]

    async def get(self, run_id: RunId) -> Run:
        return next(run for run in self.rows if run.id == run_id)

    async def anchor(self, run_id: RunId, at: datetime) -> None:
        self._put(run_id, anchored_at=(await self.get(run_id)).anchored_at or at)

    async def end(self, run_id: RunId, base: Decimal, quote: Decimal, seen_since: datetime) -> None:
        self._put(run_id, base_end=base, quote_end=quote)

    async def trouble(self, run_ids: Sequence[RunId], reason: str) -> Sequence[Run]:
        changed = [run for run in self.rows if run.id in run_ids and run.trouble != reason]
        for run in changed:
            self._put(run.id, trouble=reason)
        return changed

    async def untold_fills(self, account: VenueAccountName, told_before: datetime) -> Sequence[Run]:
        return []

    async def mark_told(self, run_id: RunId, at: datetime) -> None:
        """Note nothing: nobody is told."""

    def _put(self, run_id: RunId, **facts: object) -> None:
        self.rows = [replace(run, **facts) if run.id == run_id else run for run in self.rows]  # type: ignore[arg-type]


class MemoryOrders:
    """Intents by id, in the order in which they were decided; lets in what the database would."""

    def __init__(
        self, runs: MemoryRuns, accounts: MemoryAccounts, conversions: FakeConversions, leases: FakeLeaseTable
    ) -> None:
        self.rows: Flat[str, Intent] = Flat()
        self._runs, self._accounts, self._conversions, self._leases = runs, accounts, conversions, leases

    async def add_all(self, intents: Sequence[Intent]) -> Sequence[Intent]:
        let_in = [intent for intent in intents if await self._may(intent)]
        self.rows.update((intent.id, intent) for intent in let_in)
        return let_in

    async def _may(self, intent: Intent) -> bool:
        run, account = await self._runs.get(intent.run_id), self._accounts.rows[intent.account]
        if intent.id in self.rows:
            raise InvariantBroken("sent_twice", order=intent.id)
        if run.kind is RunKind.CONVERSION:
            mine = self._conversions.rows[intent.run_id]
            ticks, worst = RULES.ticks_down(intent.price), worst_ticks(RULES, mine.side, mine.worst)
            if intent.side is not mine.side or not within(mine.side, ticks, worst):
                raise InvariantBroken("beyond_worst_price", conversion=mine.id)
        epoch = self._leases.epochs().get(venue_scope(intent.account))
        return run.state is RunState.RUNNING and not account.halted and intent.epoch == epoch

    async def unsettled(
        self, account: VenueAccountName, pairs: Sequence[Pair] | None = None
    ) -> Sequence[Intent]:
        mine = [i for i in self.rows.values() if i.account == account and not i.settled]
        return [i for i in mine if pairs is None or i.pair in pairs]

    async def unclear(self, account: VenueAccountName) -> Sequence[Intent]:
        rest = (OrderState.OPEN, OrderState.PARTIAL)
        return [i for i in await self.unsettled(account) if i.state not in rest]

    async def pairs(self, account: VenueAccountName) -> Sequence[Pair]:
        return sorted({i.pair for i in await self.unsettled(account)}, key=str)

    async def find_by_client_ids(
        self, account: VenueAccountName, client_order_ids: Sequence[str]
    ) -> Mapping[str, Intent]:
        mine = [i for i in self.rows.values() if i.account == account]
        return {i.client_order_id: i for i in mine if i.client_order_id in client_order_ids}

    async def find_by_order_ids(
        self, account: VenueAccountName, pair: Pair, order_ids: Sequence[str]
    ) -> Mapping[str, Intent]:
        mine = [i for i in self.rows.values() if i.account == account and i.pair == pair]
        return {i.order_id: i for i in mine if i.order_id in order_ids}

    async def sent_since(
        self, account: VenueAccountName, since: datetime
    ) -> Sequence[tuple[datetime, Decimal]]:
        mine = [i for i in self.rows.values() if i.account == account]
        return [(i.not_after, i.price * i.quantity) for i in mine if i.not_after > since]

    async def save_all(self, intents: Sequence[Intent]) -> None:
        for intent in intents:
            was = self.rows[intent.id]
            if not may_become(was.state, intent.state) or intent.booked < was.booked:
                raise InvariantBroken("illegal_transition", order=intent.id)
            self.rows[intent.id] = intent


class MemoryAskedOrders:
    """What is asked of other accounts' workers, in order."""

    def __init__(self, runs: MemoryRuns, orders: MemoryOrders, leases: FakeLeaseTable) -> None:
        self.rows: Flat[str, AskedOrder] = Flat()
        self._runs, self._orders, self._leases = runs, orders, leases

    async def add_all(self, asked: Sequence[AskedOrder]) -> None:
        for each in asked:
            if self._leases.epochs().get(venue_scope(each.asker)) != each.epoch:
                raise Refused("epoch_lost", scope=each.asker, epoch=each.epoch)
            leg = await self._runs.get(each.run_id)
            leader = await self._runs.get(leg.leader) if leg.leader else leg
            accounts = (leg.account, leader.account) == (each.account, each.asker)
            if not accounts or {leg.state, leader.state} != {RunState.RUNNING}:
                raise Refused("run_not_running", run=leg.id)
        self.rows.update((each.id, each) for each in asked)

    async def waiting(self, account: VenueAccountName, now: datetime) -> Sequence[AskedOrder]:
        mine = [each for each in self.rows.values() if each.account == account and each.not_after > now]
        return [each for each in mine if each.id not in self._orders.rows]


@dataclass
class Trades:
    """All that is known of trades."""

    fills: dict[TradeKey, tuple[Fill, Intent | None]] = field(default_factory=dict)
    orphans: dict[TradeKey, Orphan] = field(default_factory=dict)
    cursors: dict[tuple[VenueAccountName, Pair], Cursor] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, object]) -> "Trades":
        """Return a copy that goes its own way; what it holds never changes."""
        return Trades(dict(self.fills), dict(self.orphans), dict(self.cursors))


class MemoryFills:
    """Fills, orphans and cursors; of later words and third coins it knows nothing."""

    def __init__(self) -> None:
        self.rows = Trades()

    async def add_all(
        self, account: VenueAccountName, fills: Sequence[tuple[Fill, Intent | None]]
    ) -> Sequence[str]:
        new = {(account, fill.pair, fill.trade_id): (fill, intent) for fill, intent in fills}
        new = {key: row for key, row in new.items() if key not in self.rows.fills}
        self.rows.fills |= new
        return [trade_id for _, _, trade_id in new]

    async def known(self, account: VenueAccountName, pair: Pair, trade_ids: Sequence[str]) -> set[str]:
        there = self.rows.fills.keys() | self.rows.orphans.keys()
        return {trade_id for trade_id in trade_ids if (account, pair, trade_id) in there}

    async def booked_since(self, account: VenueAccountName, pair: Pair, since: datetime) -> Sequence[Booked]:
        rows = [row for key, row in self.rows.fills.items() if key[:2] == (account, pair)]
        return [Booked(f, 1, i.run_id if i else None, False) for f, i in rows if f.at >= since]

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
            self.rows.orphans.setdefault((account, fill.pair, fill.trade_id), Orphan(fill, seen_at))

    async def orphans(self, account: VenueAccountName) -> Sequence[Orphan]:
        return [orphan for key, orphan in self.rows.orphans.items() if key[0] == account]

    async def remove_orphans(self, account: VenueAccountName, pair: Pair, trade_ids: Sequence[str]) -> None:
        for trade_id in trade_ids:
            self.rows.orphans.pop((account, pair, trade_id), None)

    async def cursors(self, account: VenueAccountName) -> Mapping[Pair, Cursor]:
        return {pair: cursor for (name, pair), cursor in self.rows.cursors.items() if name == account}

    async def save_cursor(self, account: VenueAccountName, pair: Pair, cursor: Cursor) -> None:
        self.rows.cursors[account, pair] = cursor

    async def totals(self, run_ids: Sequence[RunId]) -> Mapping[RunId, FillTotals]:
        totals: dict[RunId, FillTotals] = {}
        for fill, intent in self.rows.fills.values():
            if intent is None or intent.run_id not in run_ids:
                continue
            old = totals.get(intent.run_id, FillTotals(0, ZERO, ZERO, ZERO))
            bought = fill.quantity if fill.side is Side.BUY else ZERO
            totals[intent.run_id] = FillTotals(
                *(old.fills + 1, old.volume + fill.quote_quantity),
                *(old.bought + bought, old.sold + fill.quantity - bought),
            )
        return totals

    async def open_orders(self, run_ids: Sequence[RunId]) -> Mapping[RunId, int]:
        return {}
