"""The wallet adapter against the sandbox's Mixin, which checks what the real one checks."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from adapters.mixin.codec import transaction as safe
from adapters.mixin.http import MixinHttp
from adapters.mixin.wallet import MixinWallet
from domain.errors import OutcomeUnknown, Refused
from domain.ids import AssetId, UserId, request_id
from domain.ports.wallet import Payment, SendState, WalletOutput
from sandbox.world import USDT
from tests.adapters.mixin.conftest import Mixin
from tests.clocks import WallClock
from tests.fakes.leases import unasked

ASSET = AssetId(USDT)


async def alice_of(mixin: Mixin) -> UserId:
    people = (await mixin.get("people"))["people"]
    return UserId(next(person["user_id"] for person in people if person["name"] == "Alice"))


async def unspent(mixin: Mixin) -> Sequence[WalletOutput]:
    return [o for o in await mixin.wallet.outputs_from(0) if not o.spent and o.asset_id == ASSET]


async def payment(mixin: Mixin, amount: str = "25.5", subject: str = "w1") -> Payment:
    inputs = tuple(output.output_id for output in await unspent(mixin))
    return Payment(
        request_id("withdrawal", subject), ASSET, await alice_of(mixin), Decimal(amount), "mm:w1", inputs
    )


async def pay(mixin: Mixin, what: Payment) -> str:
    built = await mixin.wallet.build(what)
    signed = await mixin.wallet.sign(what.request_id, built.raw, what.inputs)
    sent = await mixin.wallet.submit(what.request_id, signed)
    assert sent.transaction_hash == built.transaction_hash
    await mixin.settled()
    return signed


async def alice_has(mixin: Mixin) -> Decimal:
    balances = (await mixin.get("people/Alice/wallet"))["balances"]
    return Decimal(next(b["amount"] for b in balances if b["asset_id"] == USDT))


async def test_spend_key_is_the_one_mixin_has_for_us(mixin: Mixin) -> None:
    await mixin.wallet.check_spend_key()


async def test_outputs_are_read_by_sequence_with_their_sender(mixin: Mixin) -> None:
    before = await mixin.wallet.outputs_from(0)
    await mixin.post("people/Alice/transfer", asset_id=USDT, amount="12.5", memo="hello")
    await mixin.settled()
    after = await mixin.wallet.outputs_from(before[-1].sequence + 1)
    assert [(o.amount, o.sender, o.memo, o.spent) for o in after] == [
        (Decimal("12.5"), await alice_of(mixin), "hello", False)
    ]
    again = await mixin.wallet.outputs_from(after[0].sequence)
    assert again[0].immutable_hash == after[0].immutable_hash
    assert len(await mixin.wallet.outputs_from(0, limit=1)) == 1


async def test_pay_link_is_paid_once_and_its_trace_is_the_request_id(mixin: Mixin) -> None:
    trace = request_id("deposit", "d1")
    link = await mixin.wallet.pay_link(ASSET, Decimal("7.25"), trace, "deposit")
    assert (await mixin.post("people/Alice/pay", link=link))["status"] == "paid"
    assert (await mixin.post("people/Alice/pay", link=link))["status"] == "already_paid"
    await mixin.settled()
    paid = [o for o in await mixin.wallet.outputs_from(0) if o.request_id == trace]
    assert [o.amount for o in paid] == [Decimal("7.25")]


async def test_payment_arrives_and_change_comes_back(mixin: Mixin) -> None:
    had, held = await alice_has(mixin), sum(o.amount for o in await unspent(mixin))
    await pay(mixin, await payment(mixin))
    assert await alice_has(mixin) == had + Decimal("25.5")
    assert sum(o.amount for o in await unspent(mixin)) == held - Decimal("25.5")
    change = (await unspent(mixin))[-1]
    assert change.sender == mixin.keystore.app_id


async def test_same_payment_is_built_to_the_same_bytes(mixin: Mixin) -> None:
    what = await payment(mixin)
    assert await mixin.wallet.build(what) == await mixin.wallet.build(what)


async def test_signed_bytes_sent_again_pay_once(mixin: Mixin) -> None:
    what = await payment(mixin)
    had = await alice_has(mixin)
    signed = await pay(mixin, what)
    for _ in range(3):
        assert (await mixin.wallet.submit(what.request_id, signed)).state in (
            SendState.SIGNED,
            SendState.SPENT,
        )
    assert await alice_has(mixin) == had + what.amount


async def test_lost_answer_is_unknown_and_found_by_the_request_id(mixin: Mixin) -> None:
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    signed = await mixin.wallet.sign(what.request_id, built.raw, what.inputs)
    assert (found := await mixin.wallet.find(what.request_id)) is None or found.state is SendState.CHECKED
    await mixin.post("faults", kind="drop_reply", match="POST /safe/transactions$")
    with pytest.raises(OutcomeUnknown):
        await mixin.wallet.submit(what.request_id, signed)
    found = await mixin.wallet.find(what.request_id)
    assert found is not None
    assert (found.transaction_hash, found.state is SendState.CHECKED) == (built.transaction_hash, False)


async def test_inputs_that_are_spent_are_a_definite_no(mixin: Mixin) -> None:
    first, second = await payment(mixin), await payment(mixin, subject="w2")
    built = await mixin.wallet.build(second)
    await pay(mixin, first)
    with pytest.raises(Refused, match=r"inputs_(spent|locked)"):
        await mixin.wallet.sign(second.request_id, built.raw, second.inputs)


async def test_bytes_signed_for_other_inputs_are_refused(mixin: Mixin) -> None:
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    signed = bytearray.fromhex(await mixin.wallet.sign(what.request_id, built.raw, what.inputs))
    signed[-1] ^= 1
    with pytest.raises((Refused, OutcomeUnknown)):
        await mixin.wallet.submit(what.request_id, signed.hex())
    assert (await alice_has(mixin)) == await alice_has(mixin)


async def test_receiver_without_a_safe_wallet_is_a_definite_no(mixin: Mixin) -> None:
    inputs = tuple(output.output_id for output in await unspent(mixin))
    stranger = UserId(request_id("nobody"))
    with pytest.raises(Refused, match="receiver_unregistered"):
        await mixin.wallet.build(Payment(request_id("w", "3"), ASSET, stranger, Decimal(1), "", inputs))


async def test_whole_output_leaves_no_change_output(mixin: Mixin) -> None:
    first = (await unspent(mixin))[0]
    what = Payment(
        request_id("w", "4"), ASSET, await alice_of(mixin), first.amount, "all", (first.output_id,)
    )
    built = await mixin.wallet.build(what)
    assert len(safe.decode(bytes.fromhex(built.raw)).outputs) == 1
    await pay(mixin, what)


async def test_wallet_without_a_spend_key_signs_nothing(mixin: Mixin) -> None:
    from dataclasses import replace

    from adapters.mixin.keystore import BadKeystore

    poor = MixinWallet(mixin.http, replace(mixin.keystore, spend_seed=None), unasked)
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    with pytest.raises(BadKeystore):
        await poor.sign(what.request_id, built.raw, what.inputs)


async def test_output_has_the_same_hash_for_ever(mixin: Mixin) -> None:
    """DP5: unspent, then spent and read by another process."""
    await mixin.post("people/Alice/transfer", asset_id=USDT, amount="12.5", memo="hello")
    await mixin.settled()
    before = {o.output_id: o for o in await mixin.wallet.outputs_from(0)}
    await pay(mixin, await payment(mixin, subject="hash"))
    http = MixinHttp(mixin.base, mixin.keystore, WallClock())
    after = {o.output_id: o for o in await MixinWallet(http, mixin.keystore, unasked).outputs_from(0)}
    await http.close()
    assert any(after[i].spent and not o.spent for i, o in before.items())
    assert {i: after[i].immutable_hash for i in before} == {i: o.immutable_hash for i, o in before.items()}
