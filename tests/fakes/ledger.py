"""The ledger in memory: the same promises as the database keeps, and the model its tests compare with."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from domain.errors import InvariantBroken, Refused
from domain.ids import VenueAccountName
from domain.ledger.model import (
    UNGUARDED,
    Account,
    AccountKind,
    Balance,
    Cause,
    Hold,
    Side,
    Transfer,
    net_of,
    venue,
)
from domain.money import LEDGER_PLACES, ZERO, Coin, plain


@dataclass(frozen=True)
class _Hold:
    made: Hold
    remaining: Decimal
    ended: bool = False


@dataclass
class Books:
    """Everything the ledger knows."""

    transfers: dict[Cause, Transfer] = field(default_factory=dict)
    totals: dict[Account, Decimal] = field(default_factory=dict)
    holds: dict[Cause, _Hold] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, object]) -> "Books":
        """Return books that go their own way; nothing that they hold ever changes."""
        return Books(dict(self.transfers), dict(self.totals), dict(self.holds))


class FakeLedger:
    """Double entry with holds; ``rows`` lets ``FakeTransactions`` put it back."""

    def __init__(self) -> None:
        self.rows = Books()

    async def post(self, transfer: Transfer) -> bool:
        return await self.post_all((transfer,)) == 1

    async def post_all(self, transfers: Sequence[Transfer]) -> int:
        new: dict[Cause, Transfer] = {}
        for transfer in transfers:
            known = self.rows.transfers.get(transfer.cause) or new.get(transfer.cause)
            if known and known.fingerprint != transfer.fingerprint:
                raise InvariantBroken("cause_has_other_contents", cause=transfer.cause)
            if not known:
                new[transfer.cause] = transfer
            for posting in transfer.postings:
                _check_places(posting.amount)
        totals = self._totals_with(new.values())
        for refusal in self._refusals(totals):
            raise refusal
        self.rows.totals = totals
        self.rows.transfers |= new
        return len(new)

    async def find_all(self, causes: Sequence[Cause]) -> list[Transfer]:
        return [transfer for cause, transfer in self.rows.transfers.items() if cause in causes]

    async def hold(self, hold: Hold) -> bool:
        return await self.hold_all((hold,)) == 1

    async def hold_all(self, holds: Sequence[Hold]) -> int:
        new: dict[Cause, Hold] = {}
        for hold in holds:
            known = new.get(hold.owner)
            if stored := self.rows.holds.get(hold.owner):
                known = stored.made
            if known and known != hold:
                raise InvariantBroken("cause_has_other_contents", cause=hold.owner)
            new[hold.owner] = hold
            _check_places(hold.amount)
            if hold.account.kind in UNGUARDED:
                raise InvariantBroken("store_refused", constraint="balances_held")
        new = {owner: hold for owner, hold in new.items() if owner not in self.rows.holds}
        for account in {hold.account for hold in new.values()}:
            free = self._free(account)
            if sum(hold.amount for hold in new.values() if hold.account == account) > free:
                raise _insufficient(account, free)
        before = self.rows.holds
        self.rows.holds = before | {owner: _Hold(hold, hold.amount) for owner, hold in new.items()}
        refusals, self.rows.holds = self._refusals(self.rows.totals), before
        for refusal in refusals:
            raise refusal
        self.rows.holds |= {owner: _Hold(hold, hold.amount) for owner, hold in new.items()}
        return len(new)

    async def use_hold(self, owner: Cause, amount: Decimal) -> None:
        hold = self._hold_of(owner)
        if hold.ended or not 0 < amount <= hold.remaining or amount != round(amount, LEDGER_PLACES):
            raise InvariantBroken("hold_too_small", owner=owner, remaining=plain(hold.remaining))
        self.rows.holds[owner] = replace(hold, remaining=hold.remaining - amount)

    async def release(self, owner: Cause) -> Decimal:
        hold = self._hold_of(owner)
        self.rows.holds[owner] = replace(hold, remaining=ZERO, ended=True)
        return hold.remaining

    async def release_all(self, owners: Sequence[Cause]) -> int:
        new = {owner for owner in owners if not self._hold_of(owner).ended}
        for owner in new:
            await self.release(owner)
        return len(new)

    async def balance(self, account: Account) -> Balance:
        return Balance(self.rows.totals.get(account, ZERO), self._held(account))

    async def unclaimed(self, account: Account) -> Decimal:
        claims = (
            total
            for run, total in self.rows.totals.items()
            if run.kind is AccountKind.RUN and venue(VenueAccountName(run.venue), run.coin) == account
        )
        return self._free(account) - sum(claims, ZERO)

    async def spare(self, coin: Coin) -> Decimal:
        kinds = (AccountKind.AVAILABLE, AccountKind.PENDING, AccountKind.RUN, AccountKind.SUSPENSE)
        mine = {account: total for account, total in self.rows.totals.items() if account.coin == coin}
        there = sum((total for account, total in mine.items() if account.kind is AccountKind.MIXIN), ZERO)
        return there - sum((total for account, total in mine.items() if account.kind in kinds), ZERO)

    async def balances(self, kind: AccountKind, owner: str) -> dict[Coin, Balance]:
        found: dict[Coin, Balance] = {}
        for account in sorted(self.rows.totals, key=str):
            if (account.kind, account.owner) == (kind, owner):
                before = found.get(account.coin, Balance(ZERO, ZERO))
                more = await self.balance(account)
                found[account.coin] = Balance(before.total + more.total, before.held + more.held)
        return found

    async def balances_of(
        self, kind: AccountKind, owners: Sequence[str]
    ) -> Mapping[str, Mapping[Coin, Balance]]:
        return {owner: await self.balances(kind, owner) for owner in owners}

    def refusals_of(self, transfers: Iterable[Transfer]) -> set[str]:
        """Return every code that posting these fresh transfers may be refused with; the database says one."""
        return {refusal.code for refusal in self._refusals(self._totals_with(transfers))}

    def copy(self) -> "FakeLedger":
        """Return a ledger that goes its own way from here."""
        other = FakeLedger()
        other.rows = copy.deepcopy(self.rows)
        return other

    def _totals_with(self, transfers: Iterable[Transfer]) -> dict[Account, Decimal]:
        transfers, totals = list(transfers), dict(self.rows.totals)
        postings = [posting for transfer in transfers for posting in transfer.postings]
        for account in {account for p in postings for account in (p.source, p.destination)}:
            totals[account] = totals.get(account, ZERO) + net_of(transfers, account)
        return totals

    def _refusals(self, totals: dict[Account, Decimal]) -> list[Refused]:
        refusals = []
        held: dict[Account, Decimal] = {}
        for hold in self.rows.holds.values():
            if hold.remaining:
                held[hold.made.account] = held.get(hold.made.account, ZERO) + hold.remaining
        claims: dict[Account, Decimal] = {}
        for account, total in totals.items():
            if account.kind not in UNGUARDED and total < held.get(account, ZERO):
                refusals.append(_insufficient(account, self._free(account)))
            if account.kind is AccountKind.RUN:
                backing = venue(VenueAccountName(account.venue), account.coin)
                claims[backing] = claims.get(backing, ZERO) + total
        for backing, claimed in claims.items():
            missing = claimed + held.get(backing, ZERO) - totals.get(backing, ZERO)
            if claimed > 0 and missing > 0:
                refusals.append(Refused("beyond_float", account=str(backing), missing=plain(missing)))
        return refusals

    def _held(self, account: Account) -> Decimal:
        return sum((h.remaining for h in self.rows.holds.values() if h.made.account == account), ZERO)

    def _free(self, account: Account) -> Decimal:
        return self.rows.totals.get(account, ZERO) - self._held(account)

    def _hold_of(self, owner: Cause) -> _Hold:
        if owner not in self.rows.holds:
            raise InvariantBroken("hold_unknown", owner=owner)
        return self.rows.holds[owner]

    def faults(self) -> list[str]:
        """Return the coins in which what we hold is not what is owed and owned (I7)."""
        sides: dict[Coin, Decimal] = {}
        for account, total in self.rows.totals.items():
            signed = total if account.side is Side.ASSET else -total
            sides[account.coin] = sides.get(account.coin, ZERO) + signed
        return [coin for coin, difference in sides.items() if difference != 0]


def _insufficient(account: Account, free: Decimal) -> Refused:
    return Refused("insufficient_funds", account=str(account), available=plain(free))


def _check_places(amount: Decimal) -> None:
    if amount != round(amount, LEDGER_PLACES):
        raise InvariantBroken("posting_malformed")
