"""What the wallet promises towards chains, in memory and over the wire to the sandbox's Mixin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from domain.errors import OutcomeUnknown, Refused
from domain.ids import AssetId, UserId, request_id
from domain.payouts.onward import ChainAddress, NetworkFee, fee_request_id
from domain.ports.chain_wallet import ChainPayment, ChainWallet
from domain.ports.wallet import SendState, Wallet
from sandbox.rails.networks import ETHEREUM
from sandbox.world import ETH, USDT
from tests.adapters.mixin.conftest import Mixin, running
from tests.fakes.wallet import FakeWallet, Fault

COIN, CHAIN = AssetId(USDT), AssetId(ETH)
VENUE = ChainAddress(ETH, ETHEREUM.address_of("a venue"))
NOWHERE = ChainAddress(ETH, "0xnowhere")
FEE = NetworkFee(CHAIN, Decimal("0.0011"))


class Both(Wallet, ChainWallet, Protocol):
    """Both sides of the wallet."""


class Bank(Protocol):
    """A wallet with 100 USDT and 1 ETH from Alice, and what happens around it."""

    @property
    def wallet(self) -> Both: ...

    async def carried(self, payment: ChainPayment) -> str:
        """Return the hash under which a chain carries a payment, once it does."""
        ...

    async def arrives(self, amount: str, chain_hash: str) -> None:
        """Let the chain pay the bot in Ether, and confirm it."""
        ...

    async def halve(self) -> None:
        """Let only the first of the next pair in, and nobody answer."""
        ...

    async def left(self) -> list[tuple[str, Decimal]]:
        """Return addresses and amounts of what left for chains."""
        ...


@dataclass
class InMemory:
    wallet: FakeWallet

    async def carried(self, payment: ChainPayment) -> str:
        self.wallet.carry(payment.request_id, "0xcarried")
        found = await self.wallet.find(payment.request_id)
        assert found
        return found.chain_hash

    async def arrives(self, amount: str, chain_hash: str) -> None:
        self.wallet.arrive(CHAIN, amount, chain_hash)

    async def halve(self) -> None:
        self.wallet.faults["half"].append(Fault.LOST)

    async def left(self) -> list[tuple[str, Decimal]]:
        return [(left.to.address, left.amount) for left in self.wallet.left]


@dataclass
class OnTheWire:
    mixin: Mixin

    @property
    def wallet(self) -> Both:
        return self.mixin.wallet

    async def carried(self, payment: ChainPayment) -> str:
        find = partial(self.mixin.wallet.find, payment.request_id)
        return str(await self.mixin.until(find, lambda sent: sent.chain_hash))

    async def arrives(self, amount: str, chain_hash: str) -> None:
        at = await self.mixin.wallet.deposit_address(CHAIN, ETH)
        await self.mixin.post("rails/mishaps", send_after_ms=0, block_ms=0)
        facts = {"hash": chain_hash, "chain_id": ETH, "asset_key": "", "sender": VENUE.address, "tag": at.tag}
        units = int(Decimal(amount) * 10**8)
        await self.mixin.post("rails", crossings=[{**facts, "units": units, "address": at.address}])
        await self.mixin.until(
            lambda: self.mixin.get("rails"), lambda r: r["arrivals"][-1]["state"] == "credited"
        )

    async def halve(self) -> None:
        await self.mixin.post("rails/halve", times=1)

    async def left(self) -> list[tuple[str, Decimal]]:
        await self.mixin.settled()
        rows = (await self.mixin.get("rails"))["departures"]
        return [(row["address"], Decimal(row["units"]) / 10**8) for row in rows]


@asynccontextmanager
async def in_memory() -> AsyncIterator[Bank]:
    wallet = FakeWallet(fees={COIN: FEE, CHAIN: replace(FEE, amount=Decimal("0.0008"))}, invalid={NOWHERE})
    for asset_id, amount in ((COIN, "100"), (CHAIN, "1")):
        wallet.pay_in(UserId("0c2f0000-0000-4000-8000-00000000a11c"), asset_id, amount)
    yield InMemory(wallet)


@asynccontextmanager
async def on_the_wire(tmp_path: Path) -> AsyncIterator[Bank]:
    async with running(tmp_path) as mixin:
        await mixin.post("rails/mishaps", send_after_ms=0)
        for asset_id, amount in ((USDT, "100"), (ETH, "1")):
            await mixin.post("people/Alice/transfer", asset_id=asset_id, amount=amount)
        await mixin.settled()
        yield OnTheWire(mixin)


@pytest.fixture(params=["fake", "sandbox"])
async def bank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bank]:
    async with in_memory() if request.param == "fake" else on_the_wire(tmp_path) as bank:
        yield bank


async def inputs(bank: Bank, asset_id: AssetId) -> tuple[str, ...]:
    """Return one output that covers what these tests pay."""
    free = [o for o in await bank.wallet.outputs_from(0) if o.asset_id == asset_id and not o.spent]
    return (free[-1].output_id,)


async def payment(bank: Bank, asset_id: AssetId = COIN, amount: str = "25", name: str = "t1") -> ChainPayment:
    [fee] = await bank.wallet.network_fees(asset_id, VENUE)
    apart = await inputs(bank, fee.asset_id) if fee.asset_id != asset_id else ()
    what = request_id("transfer", name), asset_id, VENUE, Decimal(amount), fee, "mmt"
    return ChainPayment(*what, await inputs(bank, asset_id), apart)


async def signed(bank: Bank, what: ChainPayment) -> str:
    built = await bank.wallet.build_onward(what)
    return await bank.wallet.sign(what.request_id, built.raw, (*what.inputs, *what.fee_inputs))


async def free(bank: Bank, asset_id: AssetId) -> Sequence[Decimal]:
    return [o.amount for o in await bank.wallet.outputs_from(0) if o.asset_id == asset_id and not o.spent]


async def test_fees_are_those_of_the_asset(bank: Bank) -> None:
    assert await bank.wallet.network_fees(COIN, VENUE) == [FEE]
    assert await bank.wallet.network_fees(CHAIN, VENUE) == [NetworkFee(CHAIN, Decimal("0.0008"))]


async def test_an_address_that_is_none_is_refused_before_anything_is_built(bank: Bank) -> None:
    with pytest.raises(Refused, match="address_invalid"):
        await bank.wallet.network_fees(COIN, NOWHERE)
    with pytest.raises(Refused, match="address_invalid"):
        await bank.wallet.build_onward(replace(await payment(bank), to=NOWHERE))


async def test_the_address_that_chains_pay_is_the_same_each_time(bank: Bank) -> None:
    address = await bank.wallet.deposit_address(CHAIN, ETH)
    assert address.network == ETH
    assert address.address
    assert await bank.wallet.deposit_address(CHAIN, ETH) == address


@pytest.mark.parametrize("asset_id", [COIN, CHAIN], ids=["fee apart", "fee inside"])
async def test_a_payment_to_a_chain_is_made_once_however_often_it_is_sent(
    bank: Bank, asset_id: AssetId
) -> None:
    what = await payment(bank, asset_id, "0.5" if asset_id == CHAIN else "25")
    built = await bank.wallet.build_onward(what)
    assert await bank.wallet.build_onward(what) == built
    assert bool(built.fee_hash) is (asset_id == COIN)
    assert await bank.wallet.find(what.request_id) is None
    raw = await bank.wallet.sign(what.request_id, built.raw, (*what.inputs, *what.fee_inputs))
    for _ in range(3):
        sent = await bank.wallet.submit(what.request_id, raw)
        assert (sent.request_id, sent.transaction_hash) == (what.request_id, built.transaction_hash)
        assert sent.state is not SendState.CHECKED
    assert await bank.carried(what)
    assert await bank.left() == [(VENUE.address, what.amount)]
    if built.fee_hash:
        fee = await bank.wallet.find(fee_request_id(what.request_id))
        assert fee
        assert (fee.transaction_hash, fee.chain_hash) == (built.fee_hash, "")


async def test_what_is_left_of_both_assets_comes_back(bank: Bank) -> None:
    had = {asset_id: sum(await free(bank, asset_id)) for asset_id in (COIN, CHAIN)}
    what = await payment(bank, amount="24.99999999")
    await bank.wallet.submit(what.request_id, await signed(bank, what))
    await bank.left()
    assert had[COIN] - sum(await free(bank, COIN)) == what.amount
    assert had[CHAIN] - sum(await free(bank, CHAIN)) == FEE.amount


async def test_half_a_pair_is_completed_by_the_same_bytes(bank: Bank) -> None:
    what = await payment(bank)
    raw = await signed(bank, what)
    await bank.halve()
    with pytest.raises(OutcomeUnknown):
        await bank.wallet.submit(what.request_id, raw)
    assert await bank.wallet.find(what.request_id)
    other = await bank.wallet.find(fee_request_id(what.request_id))
    assert other is None or other.state is SendState.CHECKED
    sent = await bank.wallet.submit(what.request_id, raw)
    assert sent.request_id == what.request_id
    assert await bank.wallet.find(fee_request_id(what.request_id))
    assert await bank.left() == [(VENUE.address, what.amount)]


async def test_inputs_pay_once_only(bank: Bank) -> None:
    first, second = await payment(bank), await payment(bank, name="t2")
    raw = await signed(bank, second)
    await bank.wallet.submit(first.request_id, await signed(bank, first))
    with pytest.raises(Refused, match="inputs_spent"):
        await bank.wallet.submit(second.request_id, raw)
    assert await bank.left() == [(VENUE.address, first.amount)]


async def test_what_comes_from_a_chain_names_its_transaction_and_no_sender(bank: Bank) -> None:
    await bank.arrives("0.25", "0xabc")
    came = [o for o in await bank.wallet.outputs_from(0) if o.deposit_hash]
    assert [(o.amount, o.sender, o.deposit_hash) for o in came] == [(Decimal("0.25"), None, "0xabc")]
    again = [o for o in await bank.wallet.outputs_from(0) if o.deposit_hash]
    assert again == came
