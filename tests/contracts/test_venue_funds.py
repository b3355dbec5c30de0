"""One contract for money into and out of a venue account: in memory, and for each adapter that joins it."""

from datetime import timedelta
from decimal import Decimal
from typing import Protocol

import pytest

from domain.errors import Refused
from domain.money import Coin
from domain.payouts.onward import ChainAddress
from domain.ports.venue_funds import DepositStage, VenueFunds, WithdrawalOrder, WithdrawalStage
from tests.fakes.clock import FakeClock
from tests.fakes.venue_funds import FakeTreasury, FakeVenueFunds

USDT = Coin("USDT")
MIXIN = "0x00000000000000000000000000000000000b0700"
LATER = timedelta(minutes=1)


class Far(Protocol):
    """A venue account with 1000 USDT, its network of USDT, and what happens around it."""

    funds: VenueFunds
    clock: FakeClock
    network: str

    async def receive(self, amount: str, chain_hash: str) -> None:
        """Let a deposit of USDT be seen."""
        ...

    async def credit(self, chain_hash: str) -> None:
        """Let it be credited."""
        ...

    async def carry(self, withdrawal_id: str, chain_hash: str) -> None:
        """Let a chain carry a withdrawal."""
        ...

    async def cancel(self, withdrawal_id: str) -> None:
        """Let the venue give a withdrawal back."""
        ...


class InMemory:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.far = FakeTreasury(self.clock)
        self.network = "ETH"
        self.far.offer(USDT, self.network, "0xvenue")
        self.far.trading[USDT] = Decimal(1000)
        self.funds: VenueFunds = FakeVenueFunds(self.far)

    async def receive(self, amount: str, chain_hash: str) -> None:
        self.far.receive(USDT, self.network, amount, chain_hash)

    async def credit(self, chain_hash: str) -> None:
        self.far.credit(chain_hash)

    async def carry(self, withdrawal_id: str, chain_hash: str) -> None:
        self.far.restage(withdrawal_id, WithdrawalStage.DONE, chain_hash)

    async def cancel(self, withdrawal_id: str) -> None:
        self.far.restage(withdrawal_id, WithdrawalStage.CANCELLED)


@pytest.fixture
def far() -> Far:
    """Give a venue account that is in memory."""
    return InMemory()


def order(far: Far, amount: str = "100.0417") -> WithdrawalOrder:
    return WithdrawalOrder("mmt1", USDT, ChainAddress(far.network, MIXIN), Decimal(amount))


async def test_a_deposit_address_is_the_same_each_time_and_names_its_network(far: Far) -> None:
    address = await far.funds.deposit_address(USDT, far.network)
    assert address.address
    assert address.network == far.network
    assert await far.funds.deposit_address(USDT, far.network) == address
    with pytest.raises(Refused, match="network_unknown"):
        await far.funds.deposit_address(USDT, "NOSUCH")


async def test_terms_say_what_leaves_and_what_arrives(far: Far) -> None:
    terms = await far.funds.terms(USDT, far.network)
    assert terms.deposits
    assert terms.withdrawals
    assert terms.places >= 2
    with pytest.raises(Refused, match="network_unknown"):
        await far.funds.terms(USDT, "NOSUCH")


async def test_a_withdrawal_is_listed_with_what_was_asked_what_arrives_and_the_fee(far: Far) -> None:
    since, had = far.clock.now(), (await far.funds.holdings(USDT)).total
    made = await far.funds.withdraw(order(far), far.clock.now() + LATER)
    (listed,) = await far.funds.withdrawals_since(USDT, since - LATER)
    assert (listed.withdrawal_id, listed.asked) == (made, order(far).amount)
    assert listed.to == order(far).to
    assert listed.chain_hash == ""
    left = had - (await far.funds.holdings(USDT)).total
    assert left == listed.arrives + listed.fee
    await far.carry(made, "0xcarried")
    (carried,) = await far.funds.withdrawals_since(USDT, since - LATER)
    assert (carried.stage, carried.chain_hash) == (WithdrawalStage.DONE, "0xcarried")


async def test_a_withdrawal_that_the_venue_cancels_is_in_the_account_again(far: Far) -> None:
    since, had = far.clock.now(), await far.funds.holdings(USDT)
    await far.cancel(await far.funds.withdraw(order(far), far.clock.now() + LATER))
    (listed,) = await far.funds.withdrawals_since(USDT, since - LATER)
    assert listed.stage is WithdrawalStage.CANCELLED
    assert await far.funds.holdings(USDT) == had


@pytest.mark.parametrize("amount", ["100000", "0.01"])
async def test_what_the_account_cannot_or_may_not_pay_is_refused(far: Far, amount: str) -> None:
    had = await far.funds.holdings(USDT)
    with pytest.raises(Refused):
        await far.funds.withdraw(order(far, amount), far.clock.now() + LATER)
    assert await far.funds.withdrawals_since(USDT, far.clock.now() - LATER) == []
    assert await far.funds.holdings(USDT) == had


async def test_nothing_is_asked_for_after_its_deadline(far: Far) -> None:
    with pytest.raises(Refused):
        await far.funds.withdraw(order(far), far.clock.now() - timedelta(days=1))
    assert await far.funds.withdrawals_since(USDT, far.clock.now() - LATER) == []


async def test_a_deposit_is_seen_and_then_credited_under_its_chain_hash(far: Far) -> None:
    since, had = far.clock.now(), await far.funds.holdings(USDT)
    await far.receive("50", "0xabc")
    (seen,) = await far.funds.deposits_since(USDT, since - LATER)
    assert (seen.chain_hash, seen.stage) == ("0xabc", DepositStage.CONFIRMING)
    assert await far.funds.holdings(USDT) == had
    await far.credit("0xabc")
    (credited,) = await far.funds.deposits_since(USDT, since - LATER)
    assert credited.stage is DepositStage.CREDITED
    assert (await far.funds.holdings(USDT)).total - had.total == credited.amount == Decimal(50)
