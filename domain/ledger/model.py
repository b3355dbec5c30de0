"""Accounts, postings and transfers: double entry in which nothing can be unbalanced.

A posting moves a positive amount of one coin from a source to a destination, so every
transfer sums to zero by its shape (I1). What an *asset* account lists as moved out of it is
what we hold there: a deposit flows from Mixin to the person, and by that Mixin holds more
for us. Hence for every coin: owed + own = asset side (I7).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.ids import RunId, TransferId, UserId, VenueAccountName
from domain.money import Coin, Token, plain


class Side(StrEnum):
    """Which side of the books an account stands on."""

    ASSET = "asset"
    OWED = "owed"
    OWN = "own"


class AccountKind(StrEnum):
    """Every place money can be."""

    MIXIN = "mixin"  # coins in the bot's Mixin wallet, per token
    VENUE = "venue"  # coins in a venue account
    TRANSIT = "transit"  # coins between the two: one account per treasury transfer
    AVAILABLE = "available"  # what a person may spend
    PENDING = "pending"  # what a person paid in that is not final yet
    RUN = "run"  # what a strategy run works with, at one venue account
    FEES = "fees"  # fees the instance has earned
    INVENTORY = "inventory"  # the owner's float
    ROUNDING = "rounding"
    NETWORK_FEES = "network_fees"  # passed through: what networks took
    VENUE_FEES = "venue_fees"  # passed through: what venues took
    SUSPENSE = "suspense"  # came in and belongs to nobody we may credit
    EXTERNAL = "external"  # trades at a venue that nobody here ordered


SIDE_OF = {
    AccountKind.MIXIN: Side.ASSET,
    AccountKind.VENUE: Side.ASSET,
    AccountKind.TRANSIT: Side.ASSET,
    AccountKind.AVAILABLE: Side.OWED,
    AccountKind.PENDING: Side.OWED,
    AccountKind.RUN: Side.OWED,
    AccountKind.FEES: Side.OWN,
    AccountKind.INVENTORY: Side.OWN,
    AccountKind.ROUNDING: Side.OWN,
    AccountKind.NETWORK_FEES: Side.OWN,
    AccountKind.VENUE_FEES: Side.OWN,
    AccountKind.SUSPENSE: Side.OWN,
    AccountKind.EXTERNAL: Side.OWN,
}

UNGUARDED = frozenset({AccountKind.ROUNDING, AccountKind.EXTERNAL})
"""Kinds whose balance may fall below zero; all others never do (I3)."""


@dataclass(frozen=True, slots=True)
class Account:
    """One place money can be, for one coin.

    ``owner`` is the user, run, venue account, treasury transfer or Mixin asset id, and empty for the
    instance's own accounts. ``venue`` names the venue account a run trades on, and is empty for all others.
    """

    kind: AccountKind
    owner: str
    coin: Coin
    venue: str = ""

    @property
    def side(self) -> Side:
        """Return the side of the books this account stands on."""
        return SIDE_OF[self.kind]

    def __str__(self) -> str:
        """Return ``kind:owner:coin``, with the venue account for runs."""
        return ":".join(part for part in (self.kind, self.owner, self.venue, self.coin) if part)


def mixin(token: Token) -> Account:
    """Return the account of what the bot's Mixin wallet holds of a token."""
    return Account(AccountKind.MIXIN, token.asset_id, token.coin)


def venue(name: VenueAccountName, coin: Coin) -> Account:
    """Return the account of what a venue account holds of a coin."""
    return Account(AccountKind.VENUE, name, coin)


def transit(transfer_id: TransferId, coin: Coin) -> Account:
    """Return the account of what is under way by one treasury transfer."""
    return Account(AccountKind.TRANSIT, transfer_id, coin)


def available(user_id: UserId, coin: Coin) -> Account:
    """Return the account of what a person may spend."""
    return Account(AccountKind.AVAILABLE, user_id, coin)


def pending(user_id: UserId, coin: Coin) -> Account:
    """Return the account of what a person has paid in that is not final yet."""
    return Account(AccountKind.PENDING, user_id, coin)


def run(run_id: RunId, venue_account: VenueAccountName, coin: Coin) -> Account:
    """Return the account of what a strategy run works with."""
    return Account(AccountKind.RUN, run_id, coin, venue_account)


def own(kind: AccountKind, coin: Coin) -> Account:
    """Return one of the instance's own accounts."""
    assert SIDE_OF[kind] is Side.OWN, kind
    return Account(kind, "", coin)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something happened; each cause makes at most one transfer (I6) or hold (I5)."""

    kind: str
    id: str

    def __str__(self) -> str:
        """Return ``kind:id``."""
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Posting:
    """One positive amount from a source to a destination."""

    source: Account
    destination: Account
    amount: Decimal

    def __post_init__(self) -> None:
        """Refuse what could not be posted; a wrong posting is a bug, not an input."""
        if not self.amount.is_finite() or self.amount <= 0:
            raise ValueError(f"a posting moves a positive amount, not {self.amount}")
        if self.source.coin != self.destination.coin:
            raise ValueError(f"a posting moves one coin, not {self.source.coin} to {self.destination.coin}")
        if self.source == self.destination:
            raise ValueError(f"a posting moves between two accounts, not within {self.source}")


@dataclass(frozen=True, slots=True)
class Transfer:
    """Postings that happen together, once per cause."""

    cause: Cause
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        """Refuse an empty transfer."""
        if not self.postings:
            raise ValueError(f"transfer for {self.cause} has no posting")

    @property
    def fingerprint(self) -> str:
        """Return SHA-256 (hex) of the inputs: the same cause with another fingerprint is an error."""
        lines = [str(self.cause), *(f"{p.source}>{p.destination}={plain(p.amount)}" for p in self.postings)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Hold:
    """A promise on an account's balance, owned by exactly one open thing (I5)."""

    owner: Cause
    account: Account
    amount: Decimal

    def __post_init__(self) -> None:
        """Refuse an empty promise."""
        if not self.amount.is_finite() or self.amount <= 0:
            raise ValueError(f"a hold promises a positive amount, not {self.amount}")


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds and how much of that is promised."""

    total: Decimal
    held: Decimal

    @property
    def free(self) -> Decimal:
        """Return what is neither spent nor promised."""
        return self.total - self.held


def net_of(transfers: Iterable[Transfer], account: Account) -> Decimal:
    """Return what the transfers change in an account, in the direction of its side."""
    change = Decimal(0)
    for posting in (p for t in transfers for p in t.postings):
        if posting.destination == account:
            change += posting.amount
        if posting.source == account:
            change -= posting.amount
    return -change if account.side is Side.ASSET else change
