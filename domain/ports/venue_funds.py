"""What comes into and leaves one account at one venue, beside trading."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.ids import VenueAccountName
from domain.money import Coin
from domain.payouts.onward import ChainAddress


class WithdrawalStage(StrEnum):
    """How far a venue says that a withdrawal is; its own words are translated by a table per venue."""

    REVIEW = "review"  # the venue looks at it, or waits for the owner's word (EX4)
    UNDER_WAY = "under_way"  # accepted; it may have a chain hash already
    DONE = "done"  # the chain carries it
    CANCELLED = "cancelled"  # it will not be sent; the coins are in the account again (EX7)
    UNCLEAR = "unclear"  # a word that is not in the table: never taken for an end


class DepositStage(StrEnum):
    """How far a venue says that a deposit is."""

    CONFIRMING = "confirming"  # seen; not to be used yet
    CREDITED = "credited"  # in the account, and free to be traded with
    REFUSED = "refused"  # the venue will not credit it by itself
    UNCLEAR = "unclear"  # a word that is not in the table


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """What a venue asks of money in one coin by one network; amounts are in the coin.

    ``fee_inside``: the fee is taken from the amount that is asked for, and not from the account beside it.
    ``places`` is how many decimals an amount to withdraw may have.
    """

    deposits: bool
    withdrawals: bool
    least_deposit: Decimal
    least_withdrawal: Decimal
    fee: Decimal
    fee_inside: bool
    places: int


@dataclass(frozen=True, slots=True)
class WithdrawalOrder:
    """A withdrawal as we ask for it; the same one is never asked for twice by code (EX2)."""

    client_id: str  # passed on wherever the venue takes one
    coin: Coin
    to: ChainAddress
    amount: Decimal


@dataclass(frozen=True, slots=True)
class VenueWithdrawal:
    """A withdrawal as the venue lists it.

    ``asked`` is the amount as it was asked for, to be recognised by; ``arrives`` is what the chain carries,
    and ``arrives + fee`` what leaves the account. ``client_id`` and ``chain_hash`` are empty where there is
    none (yet).
    """

    withdrawal_id: str
    client_id: str
    coin: Coin
    to: ChainAddress
    asked: Decimal
    arrives: Decimal
    fee: Decimal
    stage: WithdrawalStage
    chain_hash: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class VenueDeposit:
    """A deposit as the venue lists it; it is known by chain hash and ``index``, which tells outputs apart.

    ``amount`` is what the account gets (or got), after the venue's ``fee``. ``deposit_id`` may change (TX8).
    """

    deposit_id: str
    coin: Coin
    to: ChainAddress
    amount: Decimal
    fee: Decimal
    stage: DepositStage
    chain_hash: str
    index: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class VenueHoldings:
    """What an account holds of a coin, free and locked: where it trades from, and where deposits arrive.

    A venue with one wallet holds nothing in ``funding``.
    """

    trading: Decimal
    funding: Decimal

    @property
    def total(self) -> Decimal:
        """Return what the account holds altogether."""
        return self.trading + self.funding


class VenueFunds(Protocol):
    """Money into and out of one account at one venue.

    Networks are in the venue's own codes. Reads raise ``Unavailable`` and may be repeated. Writes are never
    repeated by an adapter, and pass the lease's local deadline in the last function before the socket.
    """

    @property
    def account(self) -> VenueAccountName:
        """Return the name of the account this is."""
        ...

    @property
    def two_wallets(self) -> bool:
        """Tell whether deposits and withdrawals go by another wallet than trading."""
        ...

    async def terms(self, coin: Coin, network: str) -> VenueTerms:
        """Return what the venue asks of a coin by a network.

        Raises:
            Refused: ``network_unknown``: it does not have this coin there.
        """
        ...

    async def deposit_address(self, coin: Coin, network: str) -> ChainAddress:
        """Return where the venue says deposits go, exactly as it says it, its name of the network included.

        Raises:
            Refused: ``network_unknown``.
        """
        ...

    async def holdings(self, coin: Coin) -> VenueHoldings:
        """Return what the account holds of a coin."""
        ...

    async def withdraw(self, order: WithdrawalOrder, not_after: datetime) -> str:
        """Ask once for a withdrawal and return the venue's id of it; nothing is sent after ``not_after``.

        Raises:
            Refused: the venue definitely declined, or nothing was sent: nothing leaves the account. That a
                client id was used before is no refusal: something may have left under it.
            OutcomeUnknown: no clear answer.
        """
        ...

    async def withdrawals_since(self, coin: Coin, since: datetime) -> Sequence[VenueWithdrawal]:
        """Return all withdrawals of a coin made at or after an instant, oldest first, whoever asked for them.

        Complete as far as the venue shows them: pages until a short page.
        """
        ...

    async def deposits_since(self, coin: Coin, since: datetime) -> Sequence[VenueDeposit]:
        """Return all deposits of a coin first seen at or after an instant, oldest first; complete."""
        ...

    async def to_trading(self, coin: Coin, amount: Decimal, client_id: str) -> None:
        """Move an amount from the funding wallet to the trading wallet, both ours, at a venue with two.

        Raises:
            Refused: the venue definitely declined, ``not_enough`` for one: the caller looks at the holdings.
            OutcomeUnknown: no clear answer; the holdings tell.
        """
        ...

    async def to_funding(self, coin: Coin, amount: Decimal, client_id: str) -> None:
        """Move an amount the other way, before it is withdrawn; fails as ``to_trading`` does."""
        ...

    async def close(self) -> None:
        """Let go of sockets."""
        ...
