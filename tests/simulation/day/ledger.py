"""The ledger in memory, for a million postings: sums are kept, and not added up anew."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

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
    venue,
)
from domain.money import LEDGER_PLACES, ZERO, Coin, plain
from tests.simulation.day.tables import Journal, Noted

_OWED = (AccountKind.AVAILABLE, AccountKind.PENDING, AccountKind.RUN, AccountKind.SUSPENSE)


class Open(NamedTuple):
    """A hold, and what is left of it."""

    made: Hold
    remaining: Decimal
    ended: bool = False


class DayLedger:
    """Double entry with holds, as ``domain.ports.ledger.Ledger``."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal or Journal()
        self.transfers: Noted[Cause, Transfer] = Noted(self._journal)
        self._numbers: Noted[Cause, int] = Noted(self._journal)  # in order of posting
        self.totals: Noted[Account, Decimal] = Noted(self._journal)
        self.held: Noted[Account, Decimal] = Noted(self._journal)
        self.claims: Noted[Account, Decimal] = Noted(self._journal)  # of runs, by the account that backs them
        self.holds: Noted[Cause, Open] = Noted(self._journal)
        self._of: dict[tuple[AccountKind, str], list[Account]] = {}

    async def post(self, transfer: Transfer) -> bool:
        return await self.post_all((transfer,)) == 1

    async def post_all(self, transfers: Sequence[Transfer]) -> int:
        new: dict[Cause, Transfer] = {}
        for transfer in transfers:
            known = self.transfers.get(transfer.cause) or new.get(transfer.cause)
            if known and known.fingerprint != transfer.fingerprint:
                raise InvariantBroken("cause_has_other_contents", cause=transfer.cause)
            if not known:
                new[transfer.cause] = transfer
            for posting in transfer.postings:
                _check_places(posting.amount)
        changes = _changes(new.values())
        totals = {account: self.totals.get(account, ZERO) + by for account, by in changes.items()}
        claims = self._claims_after(changes)
        self._check(totals, claims)
        for account in totals:
            if account not in self.totals:
                self._of.setdefault((account.kind, account.owner), []).append(account)
        self.totals.update(totals)
        self.claims.update(claims)
        for cause, transfer in new.items():
            self._numbers[cause] = len(self.transfers)
            self.transfers[cause] = transfer
        return len(new)

    def _check(self, totals: dict[Account, Decimal], claims: dict[Account, Decimal]) -> None:
        """Refuse sums that must not be: below what is promised, or claims that nothing backs."""
        for account, total in totals.items():
            if account.kind not in UNGUARDED and total < self.held.get(account, ZERO):
                raise self._insufficient(account)
        for backing in {*claims, *(a for a in totals if a.kind is AccountKind.VENUE)}:
            self._check_backed(backing, totals, claims)

    async def find_all(self, causes: Sequence[Cause]) -> list[Transfer]:
        found = {cause for cause in causes if cause in self.transfers}
        return [self.transfers[cause] for cause in sorted(found, key=self._numbers.__getitem__)]

    async def hold(self, hold: Hold) -> bool:
        return await self.hold_all((hold,)) == 1

    async def hold_all(self, holds: Sequence[Hold]) -> int:
        new = self._new_holds(holds)
        more: dict[Account, Decimal] = {}
        for hold in new.values():
            _add(more, hold.account, hold.amount)
        for account, amount in more.items():
            if amount > self.totals.get(account, ZERO) - self.held.get(account, ZERO):
                raise self._insufficient(account)
            if account.kind is AccountKind.VENUE:
                self._check_backed(account, {}, {}, amount)
        for account, amount in more.items():
            self.held[account] = self.held.get(account, ZERO) + amount
        for owner, hold in new.items():
            self.holds[owner] = Open(hold, hold.amount)
        return len(new)

    def _new_holds(self, holds: Sequence[Hold]) -> dict[Cause, Hold]:
        new: dict[Cause, Hold] = {}
        for hold in holds:
            stored = self.holds.get(hold.owner)
            known = stored.made if stored else new.get(hold.owner)
            if known and known != hold:
                raise InvariantBroken("cause_has_other_contents", cause=hold.owner)
            new[hold.owner] = hold
            _check_places(hold.amount)
            if hold.account.kind in UNGUARDED:
                raise InvariantBroken("store_refused", constraint="balances_held")
        return {owner: hold for owner, hold in new.items() if owner not in self.holds}

    async def use_hold(self, owner: Cause, amount: Decimal) -> None:
        hold = self._hold_of(owner)
        if hold.ended or not 0 < amount <= hold.remaining or amount != round(amount, LEDGER_PLACES):
            raise InvariantBroken("hold_too_small", owner=owner, remaining=plain(hold.remaining))
        self._change_hold(owner, hold, hold.remaining - amount, ended=False)

    async def release(self, owner: Cause) -> Decimal:
        hold = self._hold_of(owner)
        self._change_hold(owner, hold, ZERO, ended=True)
        return hold.remaining

    async def release_all(self, owners: Sequence[Cause]) -> int:
        new = {owner for owner in owners if not self._hold_of(owner).ended}
        for owner in new:
            await self.release(owner)
        return len(new)

    async def balance(self, account: Account) -> Balance:
        return Balance(self.totals.get(account, ZERO), self.held.get(account, ZERO))

    async def unclaimed(self, account: Account) -> Decimal:
        free = self.totals.get(account, ZERO) - self.held.get(account, ZERO)
        return free - self.claims.get(account, ZERO)

    async def spare(self, coin: Coin) -> Decimal:
        mine = [(account.kind, total) for account, total in self.totals.items() if account.coin == coin]
        there = sum((total for kind, total in mine if kind is AccountKind.MIXIN), ZERO)
        return there - sum((total for kind, total in mine if kind in _OWED), ZERO)

    async def balances(self, kind: AccountKind, owner: str) -> dict[Coin, Balance]:
        found: dict[Coin, Balance] = {}
        for account in self._of.get((kind, owner), ()):
            if account in self.totals:
                before = found.get(account.coin)
                more = Balance(self.totals[account], self.held.get(account, ZERO))
                found[account.coin] = (
                    Balance(before.total + more.total, before.held + more.held) if before else more
                )
        return found

    async def balances_of(
        self, kind: AccountKind, owners: Sequence[str]
    ) -> Mapping[str, Mapping[Coin, Balance]]:
        return {owner: await self.balances(kind, owner) for owner in owners}

    def faults(self) -> list[str]:
        """Return where sums are wrong, and coins of which we hold not what is owed and owned (I4, I7)."""
        sides: dict[Coin, Decimal] = {}
        held: dict[Account, Decimal] = {}
        claims: dict[Account, Decimal] = {}
        for account, total in self.totals.items():
            signed = total if account.side is Side.ASSET else -total
            sides[account.coin] = sides.get(account.coin, ZERO) + signed
            if account.kind is AccountKind.RUN:
                _add(claims, _backing(account), total)
        for hold in self.holds.values():
            _add(held, hold.made.account, hold.remaining)
        booked = _changes(self.transfers.values())
        return [
            *(f"{coin} differs by {by}" for coin, by in sides.items() if by),
            *_differences("total", self.totals, booked),
            *_differences("held", self.held, held),
            *_differences("claims", self.claims, claims),
        ]

    def _claims_after(self, changes: dict[Account, Decimal]) -> dict[Account, Decimal]:
        claims: dict[Account, Decimal] = {}
        for account, by in changes.items():
            if account.kind is AccountKind.RUN:
                backing = _backing(account)
                claims[backing] = claims.get(backing, self.claims.get(backing, ZERO)) + by
        return claims

    def _check_backed(
        self,
        backing: Account,
        totals: dict[Account, Decimal],
        claims: dict[Account, Decimal],
        more_held: Decimal = ZERO,
    ) -> None:
        claimed = claims.get(backing, self.claims.get(backing, ZERO))
        held = self.held.get(backing, ZERO) + more_held
        missing = claimed + held - totals.get(backing, self.totals.get(backing, ZERO))
        if claimed > 0 and missing > 0:
            raise Refused("beyond_float", account=str(backing), missing=plain(missing))

    def _change_hold(self, owner: Cause, hold: Open, remaining: Decimal, *, ended: bool) -> None:
        account = hold.made.account
        self.held[account] = self.held[account] - hold.remaining + remaining
        self.holds[owner] = Open(hold.made, remaining, ended)

    def _hold_of(self, owner: Cause) -> Open:
        if owner not in self.holds:
            raise InvariantBroken("hold_unknown", owner=owner)
        return self.holds[owner]

    def _insufficient(self, account: Account) -> Refused:
        free = self.totals.get(account, ZERO) - self.held.get(account, ZERO)
        return Refused("insufficient_funds", account=str(account), available=plain(free))


def _backing(account: Account) -> Account:
    return venue(VenueAccountName(account.venue), account.coin)


def _changes(transfers: Iterable[Transfer]) -> dict[Account, Decimal]:
    """Return by how much transfers change accounts: what leaves an asset account is what we hold there."""
    changes: dict[Account, Decimal] = {}
    for transfer in transfers:
        for posting in transfer.postings:
            source, destination = posting.source, posting.destination
            _add(changes, source, posting.amount if source.side is Side.ASSET else -posting.amount)
            _add(changes, destination, -posting.amount if destination.side is Side.ASSET else posting.amount)
    return changes


def _add(sums: dict[Account, Decimal], account: Account, amount: Decimal) -> None:
    sums[account] = sums.get(account, ZERO) + amount


def _differences(what: str, kept: dict[Account, Decimal], real: dict[Account, Decimal]) -> list[str]:
    accounts = kept.keys() | real.keys()
    differ = [a for a in accounts if kept.get(a, ZERO) != real.get(a, ZERO)]
    return [f"{what} of {a}: {kept.get(a, ZERO)} is kept, {real.get(a, ZERO)} is true" for a in differ]


def _check_places(amount: Decimal) -> None:
    if amount != round(amount, LEDGER_PLACES):
        raise InvariantBroken("posting_malformed")
