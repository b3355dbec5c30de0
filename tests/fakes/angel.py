"""What the Angel asks for, in memory: the store of ``memory_trading``, files, a witness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from domain.angel.closing import Stranded
from domain.angel.entries import Deed, Entry
from domain.angel.watch import Sign, Standing
from domain.errors import InvariantBroken, Refused, Unavailable
from domain.ids import RunId, VenueAccountName
from domain.leases import Scope
from domain.ledger.model import AccountKind, Balance, Hold
from domain.ledger.model import run as run_account
from domain.market.model import Pair, Side
from domain.market.orders import TERMINAL, Intent, OrderState, VenueOrder, heard, settles
from domain.market.runs import Run, RunKind, RunState
from domain.money import ZERO, Coin
from domain.ports.angel import Answer, Memory
from domain.services.desk import hold_owner
from tests.domain.services.memory_trading import MemoryWorld
from tests.fakes.leases import FakeLeaseTable

_SCOPE = "venue:"


@dataclass
class MemoryAngelStore:
    """As ``domain.ports.angel.AngelStore``; ``away`` is a store that does not answer."""

    world: MemoryWorld
    away: bool = False
    broken: Exception | None = None  # what it raises instead of an answer
    refuses: set[str] = field(default_factory=set)  # orders of ours of which no word fits the books
    ill: dict[str, str] = field(default_factory=dict)  # by holder, what it says of its own work
    troubles: dict[str, str] = field(default_factory=dict)  # by Angel, what would keep it from its work
    refused: dict[VenueAccountName, str] = field(default_factory=dict)
    waits: dict[str, str] = field(default_factory=dict)  # by holder, whose silence it waits out
    heard_s: dict[str, float] = field(default_factory=dict)  # by Angel, when it last said that it looks
    entries: dict[str, tuple[Entry, bool, Answer]] = field(default_factory=dict)

    @property
    def table(self) -> FakeLeaseTable:
        return self.world.leases

    async def look(self) -> Sequence[Sign]:
        self._asked()
        now_s = self.world.time.monotonic()
        return [self._sign(scope, now_s) for scope in sorted(self.table.rows)]

    def _sign(self, scope: Scope, now_s: float) -> Sign:
        table, lease = self.table, self.table.rows[scope]
        standing = Standing.ANGEL if scope in table.angels else Standing.HELD
        standing = standing if lease.live else Standing.RELEASED
        ago_s, left_s = now_s - table.renewed_s[scope], table.ends_s[scope] - now_s
        ill, waits_for = self._words(scope, lease.holder)
        behind = standing is Standing.RELEASED and self._behind(scope)
        facts = (scope, lease.epoch, lease.holder, standing, ago_s, left_s, ill)
        return Sign(*facts, table.renewed_s[scope], left_behind=behind, waits_for=waits_for)

    def _words(self, scope: Scope, holder: str) -> tuple[str, str]:
        """Return what a holder says of its work for an account: why it does none, and whom it waits for."""
        return self.ill.get(holder, ""), self.waits.get(holder, "")

    def _behind(self, scope: Scope) -> bool:
        """Tell whether a worker left orders where it went from; where an Angel did, it saw none."""
        account, holder = scope.removeprefix(_SCOPE), self.table.rows[scope].holder
        rest = (i for i in self.world.orders.rows.values() if i.account == account)
        return not holder.startswith("angel:") and any(
            i.state not in TERMINAL and not i.settled for i in rest
        )

    async def act(self, entry: Entry, *, late: bool = False) -> Answer:
        self._asked()
        if entry.id not in self.entries:
            answer = Answer(False, entry.epoch) if late else await self._act(entry)
            self.entries[entry.id] = (entry, late, answer)
        return self.entries[entry.id][2]

    async def _act(self, entry: Entry) -> Answer:
        if entry.deed is Deed.TAKE:
            return self._take(entry)
        if entry.epoch is None or not self._is_theirs(entry):
            return Answer(False, entry.epoch)
        table, scope, now_s = self.table, entry.scope, self.world.time.monotonic()
        table.renewed_s[scope], table.ends_s[scope] = now_s, now_s + table.ttl_s[scope]
        async with self.world.store.transaction():
            if entry.deed is Deed.HEARD:
                for said in entry.facts["orders"]:
                    await self._hear(VenueAccountName(scope.removeprefix(_SCOPE)), said)
            elif entry.deed is Deed.ORDER:
                await self._order(entry)
        if entry.deed is Deed.SAFE:
            table.angels.discard(scope)
            table.rows[scope] = replace(table.rows[scope], live=False)
        return Answer(True, entry.epoch)

    def _take(self, entry: Entry) -> Answer:
        table, scope, now_s = self.table, entry.scope, self.world.time.monotonic()
        lease, facts = table.rows[scope], entry.facts
        over = table.ends_s[scope] <= now_s
        if scope in table.angels:
            may = lease.holder == entry.angel or over
        else:
            silent = facts["preempt"] and now_s - table.renewed_s[scope] >= table.ttl_s[scope] / 2
            stuck = facts["stuck"] and bool(self._words(scope, lease.holder)[0])
            may = lease.live and (over or silent or stuck)
            may = may or (not lease.live and facts["behind"] and self._behind(scope))
        if lease.epoch != facts["seen"] or not may:
            return Answer(False, None)
        table.rows[scope] = replace(lease, epoch=lease.epoch + 1, holder=entry.angel, live=True)
        table.angels.add(scope)
        table.renewed_s[scope], table.ends_s[scope] = now_s, now_s + table.ttl_s[scope]
        self._halt_runs(VenueAccountName(scope.removeprefix(_SCOPE)))
        return Answer(True, lease.epoch + 1)

    def _halt_runs(self, account: VenueAccountName) -> None:
        runs = self.world.runs
        runs.rows = [
            replace(run, state=RunState.HALTED)
            if run.account == account and run.state is RunState.RUNNING
            else run
            for run in runs.rows
        ]

    def _runs_of(self, account: VenueAccountName) -> Sequence[Run]:
        return [run for run in self.world.runs.rows if run.account == account]

    def _find(self, account: VenueAccountName, client_order_id: str) -> Intent | None:
        rows = self.world.orders.rows.values()
        return next((i for i in rows if i.client_order_id == client_order_id), None)

    def _keep(self, intent: Intent) -> None:
        self.world.orders.rows[intent.id] = intent

    def _is_theirs(self, entry: Entry) -> bool:
        lease = self.table.rows[entry.scope]
        return entry.scope in self.table.angels and (lease.epoch, lease.holder) == (entry.epoch, entry.angel)

    async def _hear(self, account: VenueAccountName, said: dict[str, str]) -> None:
        if said["client_order_id"] in self.refuses:
            raise InvariantBroken("store_refused")
        found = self._find(account, said["client_order_id"])
        if found is None or found.settled:
            return
        state, filled = OrderState(said["state"]), Decimal(said["filled"])
        order = (found.pair, found.side, found.price, found.quantity)
        after = heard(found, VenueOrder(found.client_order_id, said["order_id"], *order, filled, state))
        if settles(after):
            await self.world.ledger.release(hold_owner(after))
            after = replace(after, settled=True)
        self._keep(after)

    async def _order(self, entry: Entry) -> None:
        wish, account = entry.facts, VenueAccountName(entry.scope.removeprefix(_SCOPE))
        run = await self.world.runs.get(RunId(wish["run_id"]))
        if run.state is not RunState.HALTED:
            raise Refused("run_not_running", run=run.id)
        assert entry.epoch is not None
        intent = Intent(
            *(wish["id"], wish["client_order_id"], run.id, account, entry.epoch),
            *(Pair(Coin(wish["base"]), Coin(wish["quote"])), Side(wish["side"])),
            *(Decimal(wish["price"]), Decimal(wish["quantity"])),
            post_only=False,
            not_after=self.world.time.now(),
            immediate=True,
        )
        await self.world.ledger.hold_all(
            [Hold(hold_owner(intent), run_account(run.id, account, intent.pays), intent.cost)]
        )
        self._keep(intent)

    async def alive(self, us: str, trouble: str, refused: Mapping[VenueAccountName, str]) -> None:
        self._asked()
        self.troubles[us], self.refused = trouble, dict(refused)
        self.heard_s[us] = self.world.time.monotonic()

    async def pairs(self, account: VenueAccountName) -> Sequence[Pair]:
        self._asked()
        return sorted({run.pair for run in self._runs_of(account)}, key=str)

    async def unsettled(self, account: VenueAccountName) -> Sequence[Intent]:
        self._asked()
        return await self.world.orders.unsettled(account)

    async def stranded(self, account: VenueAccountName) -> Sequence[Stranded]:
        self._asked()
        found = []
        for run in self._runs_of(account):
            if run.state is RunState.HALTED:
                partner = self._partner(run)
                found.append(
                    replace(await self._half(run), partner=await self._half(partner) if partner else None)
                )
        return found

    def _partner(self, run: Run) -> Run | None:
        halves = (o for o in self.world.runs.rows if o.id == run.leader or o.leader == run.id)
        return next(halves, None)

    async def _half(self, run: Run) -> Stranded:
        has = await self.world.ledger.balances(AccountKind.RUN, run.id)
        sides = (has.get(coin) or Balance(ZERO, ZERO) for coin in (run.pair.base, run.pair.quote))
        base, quote = sides
        start, there = (run.base_start, run.quote_start), (base.total, quote.total, base.free, quote.free)
        is_leg = run.kind is RunKind.LEG
        return Stranded(run.id, run.account, run.pair, *start, *there, is_leg=is_leg)

    def _asked(self) -> None:
        if self.away:
            raise Unavailable("store_unavailable")
        if self.broken:
            raise self.broken

    def deeds(self, scope: Scope) -> list[Deed]:
        """Return what was done with an account, in order."""
        return [entry.deed for entry, late, _ in self.entries.values() if entry.scope == scope]


@dataclass
class MemoryDiary:
    """As ``domain.ports.angel.Diary``; outlives its writer."""

    rows: dict[str, Entry] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    full: bool = False

    def write(self, entry: Entry) -> None:
        if self.full:
            raise Unavailable("diary_unwritable")
        self.rows[entry.id] = entry

    def noted(self, entry: Entry) -> None:
        self.told.add(entry.id)

    def unnoted(self) -> Sequence[Entry]:
        return [entry for entry in self.rows.values() if entry.id not in self.told]


@dataclass
class MemoryKeepsake:
    """As ``domain.ports.angel.Keepsake``."""

    kept: Memory = field(default_factory=lambda: Memory((), {}))

    def keep(self, memory: Memory) -> None:
        self.kept = memory

    def recall(self) -> Memory:
        return self.kept


@dataclass
class FakeHaltSign:
    """A halt file, there or not."""

    said: bool = False

    def stands(self) -> bool:
        return self.said


@dataclass
class FakeWitness:
    """As ``domain.ports.angel.Witness``."""

    sees: bool = False

    async def sees_store(self) -> bool:
        return self.sees
