"""What came into the wallet and what leaves it, in memory: the promises of the tables, and their refusals.

Three stores look at the same rows, as the tables behind them do. Where Postgres would only let two workers
collide now and then, these refuse at once: who chooses outputs, or adds up what is kept, must hold the lock.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from domain.errors import InvariantBroken, Refused
from domain.ids import AssetId, UserId, WithdrawalId
from domain.money import ZERO, Token
from domain.payouts.inputs import Spendable
from domain.payouts.line import Waiting
from domain.payouts.model import (
    CONSOLIDATING,
    ENDED,
    OPEN_TO_CANCEL,
    PAYOUT_EDGES,
    Payout,
    PayoutState,
    Purpose,
)
from domain.ports.clock import LONGEST_WAIT
from domain.ports.deposits import Classified, DepositIntent, OutputKind, SmallChange, WaitingDeposit
from domain.ports.kept import KEPT_EDGES, KeptGroup, KeptState
from domain.ports.wallet import WalletOutput
from domain.services.incoming import BELOW_MINIMUM, MOST_BOOKED
from domain.services.wallet_float import BEHIND_ALL
from tests.fakes.chat import FakeTransactions

FIXED = ("raw", "transaction_hash", "signed_raw")
"""What is set once and never changes (WD3)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One output that was kept aside, and what became of it."""

    seen: Classified
    state: KeptState = KeptState.KEPT
    settled_by: str = ""

    @property
    def group(self) -> tuple[UserId | None, AssetId, str, bool]:
        """Return what it is listed under."""
        output = self.seen.output
        return output.sender, output.asset_id, self.seen.reason, self.seen.kind is OutputKind.SUSPENSE


@dataclass
class Rows:
    """Everything the tables know; ``change`` is what has yet to come back, by payout."""

    intents: dict[str, DepositIntent] = field(default_factory=dict)
    paid_by: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Classified] = field(default_factory=dict)
    not_final: dict[str, datetime] = field(default_factory=dict)
    kept: dict[str, Kept] = field(default_factory=dict)
    payouts: dict[WithdrawalId, Payout] = field(default_factory=dict)
    change: dict[WithdrawalId, Decimal] = field(default_factory=dict)
    reserved: dict[str, WithdrawalId] = field(default_factory=dict)
    locked: dict[str, int] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, object]) -> "Rows":
        """Return a copy that goes its own way; what the rows hold never changes."""
        return Rows(**{name: dict(getattr(self, name)) for name in self.__dataclass_fields__})


class Treasury:
    """The rows, and who is alone with them; ``rows`` lets the transactions put them back."""

    def __init__(self, transactions: FakeTransactions, tokens: Iterable[Token]) -> None:
        self.rows = Rows()
        self.coming: Callable[[AssetId], Decimal] = lambda _: ZERO  # of transfers that bring it
        self.tokens = sorted(tokens, key=lambda token: token.asset_id)
        self._transactions = transactions
        transactions.tables.append(self)

    def lock(self, name: str) -> None:
        """Be alone until the outermost transaction ends."""
        assert self._transactions.is_open, "a lock is held by a transaction"
        self.rows.locked[name] = self._transactions.begun

    def need(self, name: str) -> None:
        """Refuse to go on for who is not alone."""
        alone = self._transactions.is_open and self.rows.locked.get(name) == self._transactions.begun
        assert alone, f"{name} must be locked"

    def free(self, asset_id: AssetId) -> list[Spendable]:
        """Return the outputs that a payment may use, the smallest first."""
        free = [
            Spendable(output.output_id, output.amount)
            for output, seen in ((seen.output, seen) for seen in self.rows.outputs.values())
            if output.asset_id == asset_id
            and output.output_id not in self.rows.reserved
            and output.output_id not in self.rows.not_final
            and _may_be_spent(seen)
        ]
        return sorted(free, key=lambda one: (one.amount, one.output_id))


def _is_due(payout: Payout, at: datetime) -> bool:
    announced = payout.purpose is Purpose.FEES and payout.state is PayoutState.REQUESTED
    return payout.due_at <= at or (payout.due_at > at + LONGEST_WAIT and not announced)


def _may_be_spent(seen: Classified) -> bool:
    output, strange = seen.output, seen.kind is OutputKind.STRANGE
    fit = not output.inscription and not output.spent and output.amount < MOST_BOOKED
    return fit and (not strange or seen.reason == "asset_unknown")


class FakeDeposits:
    """Incoming money, as ``domain.ports.deposits.DepositStore``."""

    def __init__(self, treasury: Treasury) -> None:
        self._treasury = treasury

    async def add_intent(self, intent: DepositIntent) -> None:
        self._treasury.rows.intents[intent.id] = intent

    async def pay_intent(self, trace: str, output_id: str) -> DepositIntent | None:
        rows = self._treasury.rows
        assert output_id in rows.outputs, "only what came in pays"
        for intent in rows.intents.values():
            if intent.trace == trace and intent.id not in rows.paid_by:
                rows.paid_by[intent.id] = output_id
                return intent
        return None

    async def cursor(self, overlap: int) -> int:
        latest = sorted(seen.output.sequence for seen in self._treasury.rows.outputs.values())[-overlap:]
        return latest[0] if len(latest) == overlap else 0

    async def hashes(self, output_ids: Sequence[str]) -> dict[str, str]:
        stored = self._treasury.rows.outputs
        return {each: stored[each].output.immutable_hash for each in output_ids if each in stored}

    async def add_output(self, classified: Classified, at: datetime) -> bool:
        rows, output = self._treasury.rows, classified.output
        if output.output_id in rows.outputs:
            return False
        rows.outputs[output.output_id] = classified
        if classified.kind is OutputKind.CHANGE:
            came_from = [p.id for p in rows.payouts.values() if p.transaction_hash == output.transaction_hash]
            rows.change = {of: due for of, due in rows.change.items() if of not in came_from}
        if classified.kept:
            rows.kept[output.output_id] = Kept(classified)
        return True

    async def await_final(self, output: WalletOutput, at: datetime) -> None:
        self._treasury.rows.not_final[output.output_id] = at

    async def not_final(self, limit: int) -> list[WaitingDeposit]:
        rows = self._treasury.rows
        waiting = [WaitingDeposit(rows.outputs[name].output, at) for name, at in rows.not_final.items()]
        return sorted(waiting, key=lambda one: (one.seen_at, one.output.sequence))[:limit]

    async def is_final(self, output_id: str) -> bool:
        return self._treasury.rows.not_final.pop(output_id, None) is not None

    async def small_change(self, sender: UserId, asset_id: AssetId) -> SmallChange:
        self._treasury.lock(f"kept:{sender}")
        small = self._small(sender, asset_id)
        outputs = [kept.seen.output for kept in small.values()]
        amount = sum((output.amount for output in outputs), ZERO)
        return SmallChange(amount, min((output.created_at for output in outputs), default=None))

    async def add_up(self, sender: UserId, asset_id: AssetId, output_id: str) -> None:
        self._treasury.need(f"kept:{sender}")
        assert output_id in self._treasury.rows.outputs, "only what came in is enough"
        for name, kept in self._small(sender, asset_id).items():
            settle_kept(self._treasury.rows, name, kept, KeptState.CREDITED, output_id)

    def _small(self, sender: UserId, asset_id: AssetId) -> dict[str, Kept]:
        group = (sender, asset_id, BELOW_MINIMUM, True)
        kept = self._treasury.rows.kept.items()
        return {name: one for name, one in kept if one.group == group and one.state is KeptState.KEPT}


class FakeKept:
    """What is kept aside, as ``domain.ports.kept.KeptStore``."""

    def __init__(self, treasury: Treasury) -> None:
        self._treasury = treasury

    async def lock(self, sender: UserId) -> None:
        self._treasury.lock(f"kept:{sender}")

    async def of(self, sender: UserId, reasons: Iterable[str]) -> list[KeptGroup]:
        wanted = set(reasons)
        mine = [group for group in self._groups() if group.sender == sender and group.reason in wanted]
        return sorted(mine, key=lambda group: (group.asset_id, group.reason, group.booked))

    async def all(self, limit: int) -> list[KeptGroup]:
        return sorted(self._groups(), key=lambda g: (-g.count, g.asset_id, g.sender or "~"))[:limit]

    async def of_asset(self, asset_id: AssetId, reasons: Iterable[str], limit: int) -> list[KeptGroup]:
        wanted = set(reasons)
        named = [g for g in self._groups() if g.asset_id == asset_id and g.sender and g.reason in wanted]
        return sorted(named, key=lambda g: (-g.amount, g.sender or "", g.reason, g.booked))[:limit]

    async def take(self, group: KeptGroup, payout_id: WithdrawalId) -> Decimal:
        self._treasury.need(f"kept:{group.sender}")
        named = (group.sender, group.asset_id, group.reason, group.booked)
        taken = ZERO
        for name, kept in list(self._treasury.rows.kept.items()):
            if kept.group == named and kept.state is KeptState.KEPT:
                taken += kept.seen.output.amount
                settle_kept(self._treasury.rows, name, kept, KeptState.REFUNDING, payout_id)
        return taken

    async def refunds_since(self, receiver: UserId, since: datetime) -> int:
        payouts = self._treasury.rows.payouts.values()
        mine = [p for p in payouts if p.receiver == receiver and p.purpose is Purpose.REFUND]
        return sum(p.created_at > since for p in mine)

    def _groups(self) -> list[KeptGroup]:
        kept = [one for one in self._treasury.rows.kept.values() if one.state is KeptState.KEPT]
        groups = []
        for group in dict.fromkeys(one.group for one in kept):
            amounts = [one.seen.output.amount for one in kept if one.group == group]
            groups.append(KeptGroup(*group, amount=sum(amounts, ZERO), count=len(amounts)))
        return groups


class FakePayouts:
    """Outgoing money, as ``domain.ports.withdrawals.PayoutStore``."""

    def __init__(self, treasury: Treasury) -> None:
        self._treasury = treasury

    async def add(self, payout: Payout) -> None:
        assert isinstance(payout.due_at, datetime), "no column may be empty"
        if payout.id in self._treasury.rows.payouts:
            raise InvariantBroken("store_refused")
        self._treasury.rows.payouts[payout.id] = payout

    async def get(self, payout_id: WithdrawalId) -> Payout:
        if (payout := self._treasury.rows.payouts.get(payout_id)) is None:
            raise Refused("withdrawal_unknown", id=payout_id)
        return payout

    async def save(self, payout: Payout, was: PayoutState) -> bool:
        stored = await self.get(payout.id)
        if stored.state is not was:
            return False
        if payout.state not in {was, *PAYOUT_EDGES[was]}:
            raise InvariantBroken("store_refused")
        fixed = [(getattr(stored, name), getattr(payout, name)) for name in FIXED]
        if any(before and before != after for before, after in fixed):
            raise InvariantBroken("change_refused")
        assert isinstance(payout.reason, str), "no column may be empty"
        told = ("state", "due_at", "attempts", "reason", "onward", *FIXED)
        changes = {name: getattr(payout, name) for name in told}
        self._treasury.rows.payouts[payout.id] = replace(stored, **changes)
        return True

    async def due(self, at: datetime, limit: int) -> list[WithdrawalId]:
        due = [p for p in self._treasury.rows.payouts.values() if p.state not in ENDED and _is_due(p, at)]
        due.sort(key=lambda p: (p.due_at, p.id))
        place = {p.id: [q.id for q in due if q.receiver == p.receiver].index(p.id) for p in due}
        return [p.id for p in sorted(due, key=lambda p: (place[p.id], p.due_at, p.id))[:limit]]

    async def lock_wallet(self, asset_id: AssetId) -> None:
        self._treasury.lock(f"wallet:{asset_id}")

    async def line(self, asset_id: AssetId) -> list[Waiting]:
        payouts = self._treasury.rows.payouts.values()
        waiting = [p for p in payouts if p.token.asset_id == asset_id and p.state is PayoutState.WAITING]
        waiting = [p for p in waiting if p.purpose not in BEHIND_ALL]
        waiting.sort(key=lambda p: (p.created_at, p.id))
        return [Waiting(p.id, p.pays, p.created_at, p.reason == CONSOLIDATING) for p in waiting]

    async def of(self, receiver: UserId, limit: int) -> list[Payout]:
        mine = [
            payout
            for payout in self._treasury.rows.payouts.values()
            if payout.receiver == receiver
            and payout.purpose not in (Purpose.CONSOLIDATION, Purpose.FEES, Purpose.TRANSFER)
        ]
        mine.sort(key=lambda p: (p.state in ENDED, -p.created_at.timestamp(), p.id))
        return mine[:limit]

    async def takings(self, limit: int) -> list[Payout]:
        taken = [p for p in self._treasury.rows.payouts.values() if p.purpose is Purpose.FEES]
        taken.sort(key=lambda p: (p.state in ENDED, -p.created_at.timestamp(), p.id))
        return taken[:limit]

    async def refused_since(self, since: datetime) -> list[Payout]:
        payouts = self._treasury.rows.payouts.values()
        refused = [p for p in payouts if p.state is PayoutState.REFUSED and p.signed_raw]
        return sorted((p for p in refused if p.created_at >= since), key=lambda p: (p.created_at, p.id))

    async def spendable(self, asset_id: AssetId, most: int) -> list[Spendable]:
        free = self._treasury.free(asset_id)
        return sorted(free, key=lambda one: (-one.amount, one.output_id))[:most]

    async def free_total(self, asset_id: AssetId) -> Decimal:
        return sum((one.amount for one in self._treasury.free(asset_id)), ZERO)

    async def change_due(self, asset_id: AssetId) -> Decimal:
        rows = self._treasury.rows
        of_asset = (due for of, due in rows.change.items() if rows.payouts[of].token.asset_id == asset_id)
        return sum(of_asset, ZERO)

    async def coming(self, asset_id: AssetId) -> Decimal:
        return self._treasury.coming(asset_id)

    async def reserve(self, payout_id: WithdrawalId, output_ids: Sequence[str]) -> None:
        rows, payout = self._treasury.rows, await self.get(payout_id)
        assets = [payout.token.asset_id, *([payout.fee_apart.asset_id] if payout.fee_apart else [])]
        free, fee = self._free_of(assets[0]), self._free_of(assets[-1])
        if not free.keys() | fee.keys() >= set(output_ids):
            raise InvariantBroken("output_reserved_twice", payout=payout_id)
        rows.reserved |= dict.fromkeys(output_ids, payout_id)
        leaves = ZERO if payout.purpose is Purpose.CONSOLIDATION else payout.needs
        if change := sum((free[each] for each in output_ids if each in free), ZERO) - leaves:
            rows.change[payout_id] = change

    def _free_of(self, asset_id: AssetId) -> dict[str, Decimal]:
        self._treasury.need(f"wallet:{asset_id}")
        return {one.output_id: one.amount for one in self._treasury.free(asset_id)}

    async def inputs(self, payout_id: WithdrawalId, asset_id: AssetId | None = None) -> tuple[str, ...]:
        outputs = self._treasury.rows.outputs
        mine = [each for each, by in self._treasury.rows.reserved.items() if by == payout_id]
        return tuple(each for each in mine if asset_id in (None, outputs[each].output.asset_id))

    async def end_refund(self, payout_id: WithdrawalId, *, paid: bool) -> None:
        for name, kept in list(self._treasury.rows.kept.items()):
            if kept.settled_by == payout_id and kept.state is KeptState.REFUNDING:
                state = KeptState.REFUNDED if paid else KeptState.KEPT
                settle_kept(self._treasury.rows, name, kept, state, payout_id if paid else "")

    async def crowded(self, most: int) -> Token | None:
        payouts = self._treasury.rows.payouts.values()
        going = (p for p in payouts if p.state not in ENDED)
        busy = {
            p.token.asset_id for p in going if p.purpose not in BEHIND_ALL or p.state not in OPEN_TO_CANCEL
        }
        for token in self._treasury.tokens:
            if token.asset_id not in busy and len(self._treasury.free(token.asset_id)) >= most:
                return token
        return None

    async def smallest(self, asset_id: AssetId, most: int) -> list[Spendable]:
        return self._treasury.free(asset_id)[:most]

    async def give_back(self, payout_id: WithdrawalId) -> None:
        rows = self._treasury.rows
        rows.reserved = {each: by for each, by in rows.reserved.items() if by != payout_id}
        rows.change.pop(payout_id, None)


def settle_kept(rows: Rows, name: str, kept: Kept, state: KeptState, settled_by: str) -> None:
    if state not in KEPT_EDGES[kept.state]:
        raise InvariantBroken("store_refused")
    rows.kept[name] = replace(kept, state=state, settled_by=settled_by)
