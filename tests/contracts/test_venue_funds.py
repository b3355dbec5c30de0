"""One contract for money into and out of a venue account: in memory, and for each adapter that joins it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.funds import CcxtVenueFunds
from domain.errors import Refused
from domain.ids import VenueAccountName
from domain.money import Coin
from domain.payouts.onward import ChainAddress
from domain.ports.venue_funds import DepositStage, VenueFunds, WithdrawalOrder, WithdrawalStage
from domain.secrets import Secret
from sandbox.rails.networks import ETHEREUM
from sandbox.venue.app import Options, serve
from tests.clocks import WallClock
from tests.fakes.clock import FakeClock
from tests.fakes.leases import unasked
from tests.fakes.venue_funds import FakeTreasury, FakeVenueFunds

USDT = Coin("USDT")
MIXIN = "0x00000000000000000000000000000000000b0700"
LATER = timedelta(minutes=1)


class Clock(Protocol):
    """What the time is."""

    def now(self) -> datetime: ...


class Far(Protocol):
    """A venue account with 1000 USDT, its network of USDT, and what happens around it."""

    funds: VenueFunds
    network: str

    @property
    def clock(self) -> Clock:
        """Return the time there."""
        ...

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


class OnTheWire:
    """The sandbox's venue, in one of its languages."""

    def __init__(self, funds: CcxtVenueFunds, urls: dict[str, str]) -> None:
        self.funds: VenueFunds = funds
        self.clock, self.network, self._control = WallClock(), "ETH", urls["control"]

    async def post(self, path: str, **facts: Any) -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self._control}/{path}", json=facts) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def receive(self, amount: str, chain_hash: str) -> None:
        at = await self.funds.deposit_address(USDT, self.network)
        facts = {"hash": chain_hash, "chain_id": ETHEREUM.chain_id, "sender": MIXIN, "tag": ""}
        facts |= {"asset_key": "0xdac17f958d2ee523a2206206994597c13d831ec7", "address": at.address}
        await self.post("rails/mishaps", block_ms=10**9)
        await self.post("rails", crossings=[{**facts, "units": int(Decimal(amount) * 10**8)}])

    async def credit(self, chain_hash: str) -> None:
        await self.post("rails/mishaps", block_ms=0)
        async with asyncio.timeout(10):
            while any(
                row.stage is not DepositStage.CREDITED
                for row in await self.funds.deposits_since(USDT, self.clock.now() - LATER)
            ):
                await asyncio.sleep(0.05)

    async def carry(self, withdrawal_id: str, chain_hash: str) -> None:
        name = withdrawal_id.removeprefix("w")
        await self.post(f"funds/withdrawals/{name}", stage="done", chain_hash=chain_hash)

    async def cancel(self, withdrawal_id: str) -> None:
        await self.post(f"funds/withdrawals/{withdrawal_id.removeprefix('w')}", stage="cancelled")


@asynccontextmanager
async def on_the_wire(venue: str, tmp_path: Path) -> AsyncIterator[Far]:
    world, own = tmp_path / "world.json", {"api_key": "payer-key", "secret": "payer-secret"}
    account = {"name": "mm", "api_key": "k", "secret": "s", "withdrawal_key": own}
    world.write_text(json.dumps({"venue": {"accounts": [account | {"balances": {"USDT": "1000"}}]}}))
    payer = VenueKey(Secret(own["api_key"]), Secret(own["secret"]))
    key = VenueKey(Secret("k"), Secret("s"), payer)
    async with serve(Options(tmp_path / "state", 0, world, seed=7)) as urls:
        named = VenueAccount(VenueAccountName("mm"), venue, key, urls)
        funds = CcxtVenueFunds(named, WallClock(), unasked)
        far = OnTheWire(funds, urls)
        await far.post("funds/habits", process_ms=10**9)
        yield far
        await funds.close()


@pytest.fixture(params=["fake", "binance", "gate"])
async def far(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Far]:
    """Give a venue account: in memory, and over the wire in each language of the sandbox's venue."""
    if request.param == "fake":
        yield InMemory()
        return
    async with on_the_wire(request.param, tmp_path) as wired:
        yield wired


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
