"""Money into and out of a venue account in memory, with the four ways venues treat a repeated withdrawal."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.money import Coin
from domain.payouts.onward import ChainAddress
from domain.ports.venue_funds import (
    DepositStage,
    VenueDeposit,
    VenueHoldings,
    VenueTerms,
    VenueWithdrawal,
    WithdrawalOrder,
    WithdrawalStage,
)
from tests.fakes.wallet import Fault


class Personality(StrEnum):
    """What a venue makes of a client id (safety §2.7)."""

    DEDUPES = "dedupes"  # the same id again gets the same withdrawal
    LABELS = "labels"  # lists it, and pays again when asked again
    NOTHING = "nothing"  # forgets it
    DELAYED = "delayed"  # labels, and lists a withdrawal only after a while


class Clock(Protocol):
    """What the time is."""

    def now(self) -> datetime:
        """Return this instant."""
        ...


@dataclass
class FakeTreasury:
    """One account at a venue, seen from within the venue: it outlives every crash of ours."""

    clock: Clock
    personality: Personality = Personality.DEDUPES
    two_wallets: bool = False
    listed_after: timedelta = timedelta(minutes=5)
    trading: dict[Coin, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    funding: dict[Coin, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    deposits: list[VenueDeposit] = field(default_factory=list)
    withdrawals: list[VenueWithdrawal] = field(default_factory=list)
    addresses: dict[tuple[Coin, str], ChainAddress] = field(default_factory=dict)
    terms: dict[tuple[Coin, str], VenueTerms] = field(default_factory=dict)
    reviews: bool = False  # withdrawals wait for a word
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    refusals: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    calls: Counter[str] = field(default_factory=Counter)

    @property
    def listed(self) -> list[VenueWithdrawal]:
        """Return the withdrawals that the venue shows."""
        hidden = self.listed_after if self.personality is Personality.DELAYED else timedelta(0)
        shown = [w for w in self.withdrawals if w.created_at + hidden <= self.clock.now()]
        forgets = self.personality is Personality.NOTHING
        return [replace(w, client_id="") for w in shown] if forgets else shown

    # What happens there.

    def offer(self, coin: Coin, network: str, address: str, tag: str = "", **terms: object) -> None:
        """Let the venue take and give a coin by a network."""
        self.addresses[coin, network] = ChainAddress(network, address, tag)
        usual = VenueTerms(True, True, Decimal(1), Decimal(2), Decimal("0.5"), fee_inside=True, places=6)
        self.terms[coin, network] = replace(usual, **terms)  # type: ignore[arg-type]  # by name

    def receive(
        self, coin: Coin, network: str, amount: str, chain_hash: str, fee: str = "0", index: str = "0"
    ) -> VenueDeposit:
        """Let a deposit be seen, of which the account gets ``amount``; it is credited by ``credit``."""
        deposit = VenueDeposit(
            f"deposit-{len(self.deposits)}",
            coin,
            self.addresses[coin, network],
            Decimal(amount),
            Decimal(fee),
            DepositStage.CONFIRMING,
            chain_hash,
            index,
            self.clock.now(),
        )
        self.deposits.append(deposit)
        return deposit

    def credit(self, chain_hash: str) -> None:
        """Credit the deposits with a hash that are not yet."""
        for at, deposit in enumerate(self.deposits):
            if deposit.chain_hash == chain_hash and deposit.stage is not DepositStage.CREDITED:
                self.deposits[at] = replace(deposit, stage=DepositStage.CREDITED)
                wallet = self.funding if self.two_wallets else self.trading
                wallet[deposit.coin] += deposit.amount

    def restage(self, withdrawal_id: str, stage: WithdrawalStage, chain_hash: str = "") -> VenueWithdrawal:
        """Let a withdrawal go on; a cancelled one is given back."""
        at = next(i for i, w in enumerate(self.withdrawals) if w.withdrawal_id == withdrawal_id)
        was = self.withdrawals[at]
        self.withdrawals[at] = replace(was, stage=stage, chain_hash=chain_hash or was.chain_hash)
        if stage is WithdrawalStage.CANCELLED is not was.stage:
            wallet = self.funding if self.two_wallets else self.trading
            wallet[was.coin] += was.arrives + was.fee
        return self.withdrawals[at]

    def pay(self, order: WithdrawalOrder) -> VenueWithdrawal:
        """Pay, once for each client id where the venue looks at those."""
        if self.personality is Personality.DEDUPES:
            for made in self.withdrawals:
                if made.client_id == order.client_id:
                    return made
        terms = self.terms[order.coin, order.to.network]
        arrives = order.amount - terms.fee if terms.fee_inside else order.amount
        wallet = self.funding if self.two_wallets else self.trading
        if wallet[order.coin] < arrives + terms.fee:
            raise Refused("not_enough")
        if order.amount < terms.least_withdrawal:
            raise Refused("amount_too_small")
        wallet[order.coin] -= arrives + terms.fee
        made = VenueWithdrawal(
            f"withdrawal-{len(self.withdrawals)}",
            order.client_id,
            order.coin,
            order.to,
            order.amount,
            arrives,
            terms.fee,
            WithdrawalStage.REVIEW if self.reviews else WithdrawalStage.UNDER_WAY,
            "",
            self.clock.now(),
        )
        self.withdrawals.append(made)
        return made


class FakeVenueFunds:
    """The ``VenueFunds`` port of a fake venue; make a new one for a new process."""

    def __init__(
        self,
        far: FakeTreasury,
        account: str = "fake-1",
        lease: Callable[[], None] = lambda: None,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        self._far = far
        self._lease = lease
        self._guard = guard  # raises when a transaction of ours is open
        self.account = VenueAccountName(account)
        self.two_wallets = far.two_wallets

    async def terms(self, coin: Coin, network: str) -> VenueTerms:
        self._begin("terms")
        if (terms := self._far.terms.get((coin, network))) is None:
            raise Refused("network_unknown")
        return terms

    async def deposit_address(self, coin: Coin, network: str) -> ChainAddress:
        self._begin("deposit_address")
        if (address := self._far.addresses.get((coin, network))) is None:
            raise Refused("network_unknown")
        return address

    async def holdings(self, coin: Coin) -> VenueHoldings:
        self._begin("holdings")
        return VenueHoldings(self._far.trading[coin], self._far.funding[coin])

    async def withdraw(self, order: WithdrawalOrder, not_after: datetime) -> str:
        self._begin("withdraw", write=True)
        if self._far.clock.now() > not_after:
            raise Refused("too_late")
        self._lease()
        made = self._far.pay(order)
        self._end("withdraw")
        return made.withdrawal_id

    async def withdrawals_since(self, coin: Coin, since: datetime) -> Sequence[VenueWithdrawal]:
        self._begin("withdrawals_since")
        return [w for w in self._far.listed if w.coin == coin and w.created_at >= since]

    async def deposits_since(self, coin: Coin, since: datetime) -> Sequence[VenueDeposit]:
        self._begin("deposits_since")
        return [d for d in self._far.deposits if d.coin == coin and d.created_at >= since]

    async def to_trading(self, coin: Coin, amount: Decimal, client_id: str) -> None:
        self._move("to_trading", self._far.funding, self._far.trading, coin, amount)

    async def to_funding(self, coin: Coin, amount: Decimal, client_id: str) -> None:
        self._move("to_funding", self._far.trading, self._far.funding, coin, amount)

    async def close(self) -> None:
        """Hold nothing."""

    def _move(
        self, call: str, source: dict[Coin, Decimal], there: dict[Coin, Decimal], coin: Coin, amount: Decimal
    ) -> None:
        self._begin(call, write=True)
        self._lease()
        if source[coin] < amount:
            raise Refused("not_enough")
        source[coin] -= amount
        there[coin] += amount
        self._end(call)

    def _begin(self, call: str, *, write: bool = False) -> None:
        self._guard()
        self._far.calls[call] += 1
        if self._far.faults[call] and self._far.faults[call][0] is Fault.DOWN:
            self._far.faults[call].pop(0)
            raise OutcomeUnknown("venue_down") if write else Unavailable("venue_down")
        if self._far.refusals[call]:
            raise Refused(self._far.refusals[call].pop(0))

    def _end(self, call: str) -> None:
        if self._far.faults[call] and self._far.faults[call][0] is Fault.LOST:
            self._far.faults[call].pop(0)
            raise OutcomeUnknown("answer_lost")
