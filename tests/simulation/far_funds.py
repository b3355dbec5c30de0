"""Money into and out of the simulated venue, and the chains that join it to the simulated Mixin."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.money import Coin
from domain.payouts.onward import ChainAddress
from domain.ports.clock import Clock
from domain.ports.venue_funds import (
    DepositStage,
    VenueDeposit,
    VenueHoldings,
    VenueTerms,
    VenueWithdrawal,
    WithdrawalOrder,
    WithdrawalStage,
)
from sandbox.mixin.core import crossings
from sandbox.venue.coins import find_way
from sandbox.venue.funds import Ask, Declined, Deposit, Reason, Stage, Withdrawal
from sandbox.venue.model import SCALE
from tests.simulation.far_mixin import FarMixin
from tests.simulation.far_venue import ACCOUNT, FarVenue
from tests.simulation.turns import Turns

_STAGES = {
    Stage.REVIEW: WithdrawalStage.REVIEW,
    Stage.PROCESSING: WithdrawalStage.UNDER_WAY,
    Stage.DONE: WithdrawalStage.DONE,
    Stage.CANCELLED: WithdrawalStage.CANCELLED,
    Stage.FAILED: WithdrawalStage.CANCELLED,
}
_REFUSALS = {Reason.TOO_POOR: "not_enough", Reason.TOO_LITTLE: "amount_too_small"}


@dataclass
class FarRails:
    """The chains between the two far sides; they outlive every process of ours."""

    mixin: FarMixin
    venue: FarVenue

    def step(self) -> None:
        """Let time pass on the chains: what is due is broadcast, seen on the other side, and confirmed."""
        now_ms, world, funds = self.venue.now_ms, self.mixin.world, self.venue.funds
        for leaving in crossings.cross(world):
            funds.see(leaving, now_ms)
            crossings.delivered(world, leaving)
        for coming in funds.step(now_ms):
            crossings.see(world, coming)
            funds.delivered(coming)
        self.mixin.commit()
        funds.journal.forget()


class SimulatedVenueFunds:
    """The ``VenueFunds`` port over ``FarVenue``; ``permit`` is asked right before a withdrawal leaves."""

    account: VenueAccountName = ACCOUNT
    two_wallets = False

    def __init__(self, far: FarVenue, turns: Turns, clock: Clock, permit: Callable[[], None]) -> None:
        self._far, self._turns, self._clock, self._permit = far, turns, clock, permit

    async def terms(self, coin: Coin, network: str) -> VenueTerms:
        await self._reads("terms")
        if (way := find_way(coin, network)) is None:
            raise Refused("network_unknown")
        least, fee = Decimal(way.least), Decimal(way.fee)
        return VenueTerms(
            True, True, Decimal(way.least_deposit), least, fee, fee_inside=True, places=way.places
        )

    async def deposit_address(self, coin: Coin, network: str) -> ChainAddress:
        await self._reads("deposit address")
        try:
            told = self._far.funds.address_of(ACCOUNT, coin, network)
        except Declined as e:
            raise Refused("network_unknown") from e
        return ChainAddress(told.network, told.address, told.tag)

    async def holdings(self, coin: Coin) -> VenueHoldings:
        await self._reads("holdings")
        return VenueHoldings(self._far.totals().get(coin, Decimal(0)), Decimal(0))

    async def withdraw(self, order: WithdrawalOrder, not_after: datetime) -> str:
        number, far = self._turns.call(), self._far
        await self._turns.boundary(number, "before withdraw")
        if self._clock.now() > not_after:
            raise Refused("too_late")
        self._permit()
        weather = far.weather
        if weather.strikes(weather.lost_request):
            raise OutcomeUnknown("no_clear_answer")
        to, units = order.to, int(order.amount * SCALE)
        ask = Ask(order.coin, to.network, to.address, to.tag, units, order.client_id)
        try:
            made = far.funds.withdraw(ACCOUNT, ask, far.now_ms)
        except Declined as e:
            raise Refused(_REFUSALS.get(e.reason, "venue_declined"), said=e.reason) from e
        self._turns.leaves_an_effect("withdraw")
        if wait_s := weather.wait_s() / 4:
            await self._clock.sleep(wait_s)
        await self._turns.boundary(number, "after withdraw")
        if weather.strikes(weather.lost_answer):
            raise OutcomeUnknown("no_clear_answer")
        return str(made.number)

    async def withdrawals_since(self, coin: Coin, since: datetime) -> Sequence[VenueWithdrawal]:
        await self._reads("withdrawals")
        shown = self._far.funds.listed_withdrawals(ACCOUNT, self._far.now_ms)
        found = [_withdrawal(name, row) for name, row in shown if row.coin == coin]
        return [row for row in found if row.created_at >= since.replace(microsecond=0)]

    async def deposits_since(self, coin: Coin, since: datetime) -> Sequence[VenueDeposit]:
        await self._reads("deposits")
        shown = self._far.funds.listed_deposits(ACCOUNT)
        found = [_deposit(name, row) for name, row in shown if row.coin == coin]
        return [row for row in found if row.created_at >= since.replace(microsecond=0)]

    async def to_trading(self, coin: Coin, amount: Decimal, client_id: str) -> None:
        raise Refused("one_wallet")

    async def to_funding(self, coin: Coin, amount: Decimal, client_id: str) -> None:
        raise Refused("one_wallet")

    async def close(self) -> None:
        """Let go of nothing."""

    async def _reads(self, what: str) -> None:
        weather, number = self._far.weather, self._turns.call()
        await self._turns.boundary(number, f"before {what}")
        if weather.strikes(weather.lost_answer) or weather.strikes(weather.lost_request):
            raise Unavailable("venue_silent")
        if wait_s := weather.wait_s() / 4:
            await self._clock.sleep(wait_s)


def _amount(units: int) -> Decimal:
    return Decimal(units) / SCALE


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC)  # venues tell whole seconds


def _withdrawal(name: str, row: Withdrawal) -> VenueWithdrawal:
    return VenueWithdrawal(
        withdrawal_id=name,
        client_id=row.client_id,
        coin=Coin(row.coin),
        to=ChainAddress(row.network, row.address, row.tag),
        asked=_amount(row.units),
        arrives=_amount(row.units - row.fee),
        fee=_amount(row.fee),
        stage=_STAGES[Stage(row.stage)],
        chain_hash=row.chain_hash,
        created_at=_at(row.applied_ms),
    )


def _deposit(name: str, row: Deposit) -> VenueDeposit:
    return VenueDeposit(
        deposit_id=name,
        coin=Coin(row.coin),
        to=ChainAddress(row.network, row.address, row.tag),
        amount=_amount(row.units - row.fee),
        fee=Decimal(0),
        stage=DepositStage.CREDITED if row.credited else DepositStage.CONFIRMING,
        chain_hash=row.chain_hash,
        index=row.address,
        created_at=_at(row.seen_ms),
    )
