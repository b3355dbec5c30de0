"""The ledger in Postgres: values in, one function call, values out. The rules are the database's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from sys import intern
from typing import Any

from adapters.db.store import PostgresStore
from domain.ledger.model import Account, AccountKind, Balance, Cause, Hold, Posting, Transfer
from domain.money import ZERO, Coin

_POST = "SELECT post_transfers($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS made"
_HOLD = "SELECT make_holds($1, $2, $3, $4, $5, $6, $7, $8) AS made"
_USE = "SELECT use_hold($1, $2, $3)"
_RELEASE = "SELECT release_hold($1, $2) AS released"
_RELEASE_ALL = "SELECT release_holds($1, $2) AS released"
_BALANCE = """
    SELECT b.total, b.held FROM balances b JOIN accounts a ON a.id = b.account_id
    WHERE a.kind = $1 AND a.owner = $2 AND a.venue = $3 AND a.coin = $4
"""
_UNCLAIMED = """
    SELECT b.total - b.claimed - b.held AS unclaimed FROM balances b JOIN accounts a ON a.id = b.account_id
    WHERE a.kind = $1 AND a.owner = $2 AND a.venue = $3 AND a.coin = $4
"""
_SPARE = "SELECT spare_in_mixin($1) AS spare"
_BALANCES = """
    SELECT a.coin, sum(b.total) AS total, sum(b.held) AS held
    FROM balances b JOIN accounts a ON a.id = b.account_id
    WHERE a.kind = $1 AND a.owner = $2
    GROUP BY a.coin ORDER BY a.coin
"""
_BALANCES_OF = """
    SELECT a.owner, a.coin, sum(b.total) AS total, sum(b.held) AS held
    FROM balances b JOIN accounts a ON a.id = b.account_id
    WHERE a.kind = $1 AND a.owner = ANY ($2::text[])
    GROUP BY a.owner, a.coin ORDER BY a.owner, a.coin
"""
_FIND = """
    SELECT t.kind, t.cause, p.amount, s.kind AS from_kind, s.owner AS from_owner, s.venue AS from_venue,
           d.kind AS to_kind, d.owner AS to_owner, d.venue AS to_venue, s.coin
    FROM unnest($1::text[], $2::text[]) AS g (kind, cause)
    JOIN transfers t USING (kind, cause) JOIN postings p ON p.transfer_id = t.id
    JOIN accounts s ON s.id = p.source_id JOIN accounts d ON d.id = p.destination_id
    ORDER BY t.id, p.number
"""
_FAULTS = "SELECT rule, subject, expected, found FROM ledger_faults ORDER BY rule, subject"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something the ledger's own books contradict each other in."""

    rule: str
    subject: str
    expected: str | None
    found: str | None


class PostgresLedger:
    """Double entry with holds, as ``domain.ports.ledger.Ledger``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def post(self, transfer: Transfer) -> bool:
        """Post a transfer and return whether it was made now."""
        return await self.post_all((transfer,)) == 1

    async def post_all(self, transfers: Sequence[Transfer]) -> int:
        """Post many transfers in one statement, all or none, and return how many were made now."""
        if not transfers:
            return 0
        sql, args = post_call(transfers)
        rows = await self._store.fetch(sql, *args, writes=True)
        return int(rows[0]["made"])

    async def find_all(self, causes: Sequence[Cause]) -> Sequence[Transfer]:
        """Return the transfers these causes have made, oldest first."""
        rows = await self._store.fetch(_FIND, [c.kind for c in causes], [c.id for c in causes])
        found: dict[Cause, list[Posting]] = {}
        for row in rows:
            found.setdefault(Cause(row["kind"], row["cause"]), []).append(_posting(row))
        return [Transfer(cause, tuple(postings)) for cause, postings in found.items()]

    async def hold(self, hold: Hold) -> bool:
        """Promise an amount; return whether it was promised now."""
        return await self.hold_all((hold,)) == 1

    async def hold_all(self, holds: Sequence[Hold]) -> int:
        """Promise many amounts in one statement, all or none; return how many were promised now."""
        if not holds:
            return 0
        accounts = _Numbered(hold.account for hold in holds)
        rows = await self._store.fetch(
            _HOLD,
            *accounts.columns(),
            [hold.owner.kind for hold in holds],
            [hold.owner.id for hold in holds],
            [accounts.number(hold.account) for hold in holds],
            [hold.amount for hold in holds],
            writes=True,
        )
        return int(rows[0]["made"])

    async def use_hold(self, owner: Cause, amount: Decimal) -> None:
        """Shrink a hold by what is about to be spent from it."""
        await self._store.fetch(_USE, owner.kind, owner.id, amount, writes=True)

    async def release(self, owner: Cause) -> Decimal:
        """End a hold and return what was still promised."""
        rows = await self._store.fetch(_RELEASE, owner.kind, owner.id, writes=True)
        return Decimal(rows[0]["released"])

    async def release_all(self, owners: Sequence[Cause]) -> int:
        """End many holds in one statement, all or none; return how many were ended now."""
        if not owners:
            return 0
        kinds, ids = [owner.kind for owner in owners], [owner.id for owner in owners]
        return int((await self._store.fetch(_RELEASE_ALL, kinds, ids, writes=True))[0]["released"])

    async def balance(self, account: Account) -> Balance:
        """Return an account's balance; zeros when never used."""
        rows = await self._store.fetch(_BALANCE, account.kind, account.owner, account.venue, account.coin)
        return Balance(rows[0]["total"], rows[0]["held"]) if rows else Balance(ZERO, ZERO)

    async def unclaimed(self, account: Account) -> Decimal:
        """Return what a venue account holds of a coin beyond the claims of its runs and what is promised."""
        rows = await self._store.fetch(_UNCLAIMED, account.kind, account.owner, account.venue, account.coin)
        return Decimal(rows[0]["unclaimed"]) if rows else ZERO

    async def spare(self, coin: Coin) -> Decimal:
        """Return what the Mixin wallet holds of a coin beyond all that is owed to people or kept aside."""
        return Decimal((await self._store.fetch(_SPARE, coin))[0]["spare"])

    async def balances(self, kind: AccountKind, owner: str) -> dict[Coin, Balance]:
        """Return all balances of one owner's accounts of a kind, by coin."""
        rows = await self._store.fetch(_BALANCES, kind, owner)
        return {Coin(row["coin"]): Balance(row["total"], row["held"]) for row in rows}

    async def balances_of(
        self, kind: AccountKind, owners: Sequence[str]
    ) -> Mapping[str, Mapping[Coin, Balance]]:
        """Return all balances of many owners' accounts of a kind, by owner and coin."""
        found: dict[str, dict[Coin, Balance]] = {owner: {} for owner in owners}
        for row in await self._store.fetch(_BALANCES_OF, kind, list(owners)):
            found[row["owner"]][Coin(intern(row["coin"]))] = Balance(row["total"], row["held"] or ZERO)
        return found

    async def faults(self) -> list[Fault]:
        """Return where balances, postings and holds contradict each other: nothing, ever.

        Everything is recomputed from the first posting on, so this is for tests and nightly jobs.
        """
        return [Fault(**row) for row in await self._store.fetch(_FAULTS)]


def _posting(row: dict[str, Any]) -> Posting:
    source, destination = (
        Account(AccountKind(row[f"{end}_kind"]), row[f"{end}_owner"], Coin(row["coin"]), row[f"{end}_venue"])
        for end in ("from", "to")
    )
    return Posting(source, destination, row["amount"])


class _Numbered:
    """Distinct accounts with numbers from 1, as our SQL functions name them."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._numbers: dict[Account, int] = {}
        for account in accounts:
            self._numbers.setdefault(account, len(self._numbers) + 1)

    def number(self, account: Account) -> int:
        return self._numbers[account]

    def columns(self) -> tuple[list[str], list[str], list[str], list[str]]:
        """Return kinds, owners, venues and coins."""
        accounts = list(self._numbers)
        return (
            [a.kind for a in accounts],
            [a.owner for a in accounts],
            [a.venue for a in accounts],
            [a.coin for a in accounts],
        )


def post_call(transfers: Sequence[Transfer]) -> tuple[str, tuple[object, ...]]:
    """Return the statement that posts transfers, and its arguments column by column."""
    postings = [(number, p) for number, t in enumerate(transfers, 1) for p in t.postings]
    accounts = _Numbered(account for _, p in postings for account in (p.source, p.destination))
    return _POST, (
        *accounts.columns(),
        [t.cause.kind for t in transfers],
        [t.cause.id for t in transfers],
        [t.fingerprint for t in transfers],
        [number for number, _ in postings],
        [accounts.number(p.source) for _, p in postings],
        [accounts.number(p.destination) for _, p in postings],
        [p.amount for _, p in postings],
    )
