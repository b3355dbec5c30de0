"""What the wallet promises, in memory and over the wire to the sandbox's Mixin."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import pytest

from domain.errors import OutcomeUnknown, Refused
from domain.ids import AssetId, UserId, request_id
from domain.ports.wallet import Payment, SendState, Wallet
from sandbox.world import USDT
from tests.adapters.mixin.conftest import Mixin, running
from tests.fakes.wallet import BOT, FakeWallet

ASSET = AssetId(USDT)
ALICE = UserId("0c2f0000-0000-4000-8000-00000000a11c")
STRANGER = UserId("0c2f0000-0000-4000-8000-00000000dead")


class Bank(Protocol):
    """A wallet, and what happens around it."""

    @property
    def wallet(self) -> Wallet: ...

    @property
    def alice(self) -> UserId: ...

    @property
    def bot(self) -> UserId: ...

    async def pay_in(self, amount: str, memo: str = "") -> None:
        """Let Alice pay the bot."""
        ...

    async def received(self) -> Decimal:
        """Return what Alice got from the bot."""
        ...

    async def settle(self) -> None:
        """Make all accepted transactions final."""
        ...


@dataclass
class InMemory:
    wallet: FakeWallet
    alice: UserId = ALICE
    bot: UserId = BOT

    async def pay_in(self, amount: str, memo: str = "") -> None:
        self.wallet.pay_in(self.alice, ASSET, amount, memo)

    async def received(self) -> Decimal:
        return Decimal(self.wallet.paid[self.alice, ASSET])

    async def settle(self) -> None:
        self.wallet.polls_to_final = 1


@dataclass
class OnTheWire:
    mixin: Mixin
    alice: UserId
    had: Decimal

    @property
    def wallet(self) -> Wallet:
        return self.mixin.wallet

    @property
    def bot(self) -> UserId:
        return UserId(self.mixin.keystore.app_id)

    async def pay_in(self, amount: str, memo: str = "") -> None:
        await self.mixin.post("people/Alice/transfer", asset_id=USDT, amount=amount, memo=memo)
        self.had -= Decimal(amount)
        await self.mixin.settled()

    async def received(self) -> Decimal:
        return await usdt_of_alice(self.mixin) - self.had

    async def settle(self) -> None:
        await self.mixin.settled()


async def usdt_of_alice(mixin: Mixin) -> Decimal:
    balances = (await mixin.get("people/Alice/wallet"))["balances"]
    return Decimal(next(b["amount"] for b in balances if b["asset_id"] == USDT))


@pytest.fixture(params=["fake", "sandbox"])
async def bank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bank]:
    if request.param == "fake":
        yield InMemory(FakeWallet(unregistered={STRANGER}))
        return
    async with running(tmp_path) as mixin:
        people = (await mixin.get("people"))["people"]
        alice = UserId(next(person["user_id"] for person in people if person["name"] == "Alice"))
        yield OnTheWire(mixin, alice, await usdt_of_alice(mixin))


async def test_what_is_unspent_is_listed_whole_and_what_is_being_spent_is_not(bank: Bank) -> None:
    await bank.pay_in("3")
    await bank.pay_in("4")
    listed = await bank.wallet.unspent_outputs(ASSET)
    everything = await bank.wallet.outputs_from(0)
    assert {o.output_id for o in listed} == {o.output_id for o in everything if o.asset_id == ASSET}
    pays = await payment(bank, "5")
    built = await bank.wallet.build(pays)
    signed = await bank.wallet.sign(pays.request_id, built.raw, pays.inputs)
    assert await bank.wallet.unspent_outputs(ASSET) == listed, "signed is not sent"
    await bank.wallet.submit(pays.request_id, signed)
    left = await bank.wallet.unspent_outputs(ASSET)
    assert not {o.output_id for o in left} & set(pays.inputs)
    await bank.settle()
    [change] = [o for o in await bank.wallet.unspent_outputs(ASSET) if o.sender == bank.bot]
    assert (change.amount, change.spent) == (Decimal(2), False)
    assert await bank.wallet.unspent_outputs(AssetId(STRANGER)) == []


async def payment(bank: Bank, amount: str = "5", subject: str = "w1") -> Payment:
    """Return a payment of all that Alice has paid in."""
    free = [o for o in await bank.wallet.outputs_from(0) if o.sender == bank.alice and not o.spent]
    inputs = tuple(output.output_id for output in free)
    return Payment(request_id("withdrawal", subject), ASSET, bank.alice, Decimal(amount), "mm", inputs)


async def signed(bank: Bank, what: Payment) -> str:
    built = await bank.wallet.build(what)
    return await bank.wallet.sign(what.request_id, built.raw, what.inputs)


async def test_outputs_come_in_order_from_a_number_on_and_spent_ones_stay_listed(bank: Bank) -> None:
    for amount in ("12", "3", "7.5"):
        await bank.pay_in(amount, "hello")
    mine = [o for o in await bank.wallet.outputs_from(0) if o.sender == bank.alice]
    assert [o.amount for o in mine] == [Decimal(12), Decimal(3), Decimal("7.5")]
    assert [o.sequence for o in mine] == sorted({o.sequence for o in mine})
    assert [o.amount for o in await bank.wallet.outputs_from(mine[1].sequence)][:2] == [
        Decimal(3),
        Decimal("7.5"),
    ]
    assert await bank.wallet.outputs_from(mine[-1].sequence + 1) == []
    assert await bank.wallet.outputs_from(mine[0].sequence, 1) == mine[:1]
    what = await payment(bank)
    await bank.wallet.submit(what.request_id, await signed(bank, what))
    again = {o.output_id: o for o in await bank.wallet.outputs_from(0)}
    assert [again[o.output_id] for o in mine] == [replace(o, spent=True) for o in mine]


async def test_payment_is_made_once_however_often_it_is_sent(bank: Bank) -> None:
    await bank.pay_in("12")
    what = await payment(bank)
    built = await bank.wallet.build(what)
    assert await bank.wallet.build(what) == built
    assert await bank.wallet.find(what.request_id) is None
    for _ in range(2):  # a crash before the commit asks for signatures again
        raw = await bank.wallet.sign(what.request_id, built.raw, what.inputs)
    for _ in range(3):
        sent = await bank.wallet.submit(what.request_id, raw)
        assert sent.transaction_hash == built.transaction_hash
        assert sent.state is not SendState.CHECKED
    await bank.settle()
    found = await bank.wallet.find(what.request_id)
    assert found is not None
    assert (found.transaction_hash, found.state) == (built.transaction_hash, SendState.SPENT)
    assert await bank.received() == Decimal(5)


async def test_what_is_left_comes_back_as_an_output_of_our_own(bank: Bank) -> None:
    await bank.pay_in("12")
    what = await payment(bank, "5.00000001")
    await bank.wallet.submit(what.request_id, await signed(bank, what))
    await bank.settle()
    change = (await bank.wallet.outputs_from(0))[-1]
    assert (change.amount, change.sender, change.spent) == (Decimal("6.99999999"), bank.bot, False)
    assert change.request_id == what.request_id


async def test_inputs_pay_once_only(bank: Bank) -> None:
    await bank.pay_in("12")
    first, second = await payment(bank), await payment(bank, subject="w2")
    raw = await signed(bank, second)
    await bank.wallet.submit(first.request_id, await signed(bank, first))
    with pytest.raises(Refused, match="inputs_spent"):
        await bank.wallet.submit(second.request_id, raw)
    with pytest.raises(Refused, match="inputs_spent"):
        await signed(bank, replace(second, request_id=request_id("w3")))
    await bank.settle()
    assert await bank.received() == Decimal(5)


async def test_request_id_pays_once_only(bank: Bank) -> None:
    await bank.pay_in("12")
    first = await payment(bank)
    await bank.wallet.submit(first.request_id, await signed(bank, first))
    await bank.settle()
    await bank.pay_in("8")
    other = await payment(bank)
    assert other.inputs != first.inputs
    with pytest.raises((Refused, OutcomeUnknown)):
        await bank.wallet.submit(other.request_id, await signed(bank, other))
    assert await bank.received() == Decimal(5)


async def test_receiver_without_a_wallet_is_a_definite_no(bank: Bank) -> None:
    await bank.pay_in("12")
    with pytest.raises(Refused, match="receiver_unregistered"):
        await bank.wallet.build(replace(await payment(bank), receiver=STRANGER))


async def test_request_nobody_made_is_not_found(bank: Bank) -> None:
    assert await bank.wallet.find(request_id("nobody")) is None


async def test_pay_link_names_the_bot_and_what_is_asked(bank: Bank) -> None:
    trace = request_id("deposit", "1")
    link = await bank.wallet.pay_link(ASSET, Decimal("7.50"), trace, "mm")
    assert link == f"https://mixin.one/pay/{bank.bot}?asset={ASSET}&amount=7.5&memo=mm&trace={trace}"
