"""The wallet when Mixin's answers are cut, swapped or made up: no money moves on a guess."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from yarl import URL

from adapters.mixin.http import MixinHttp
from adapters.mixin.wallet import MixinWallet
from adapters.mixin.wallet_rows import immutable_hash
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable
from domain.ids import AssetId, UserId, request_id
from domain.leases import WALLET, Grip, LeaseTiming
from domain.ports.wallet import Payment, SendState
from domain.secrets import Secret
from sandbox.world import BTC, USDT
from tests.adapters.mixin.conftest import Mixin
from tests.clocks import WallClock
from tests.fakes.clock import FakeClock
from tests.fakes.leases import unasked

ASSET = AssetId(USDT)
Change = Callable[[Any], Any]
"""Makes a lie of the ``data`` of an answer."""


@asynccontextmanager
async def lying(mixin: Mixin, path: str, change: Change) -> AsyncIterator[MixinWallet]:
    """Give a wallet that reaches Mixin through somebody who changes the answers of one path."""

    async def forward(request: web.Request) -> web.Response:
        body, target = await request.read(), URL(mixin.base + request.raw_path, encoded=True)
        kept = {n: request.headers[n] for n in ("Authorization", "X-Request-Id")}
        async with mixin.control.request(request.method, target, data=body, headers=kept) as answer:
            told = await answer.json()
        if request.path == path and "data" in told:
            told["data"] = change(told["data"])
        return web.json_response(told)

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", forward)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    http = MixinHttp(f"http://127.0.0.1:{runner.addresses[0][1]}", mixin.keystore, WallClock())
    try:
        yield MixinWallet(http, mixin.keystore, unasked)
    finally:
        await http.close()
        await runner.cleanup()


async def alice(mixin: Mixin) -> UserId:
    people = (await mixin.get("people"))["people"]
    return UserId(next(person["user_id"] for person in people if person["name"] == "Alice"))


async def payment(mixin: Mixin, amount: str = "1") -> Payment:
    """Return a payment of two inputs at least."""
    await mixin.post("people/Alice/transfer", asset_id=USDT, amount="12.5")
    await mixin.settled()
    free = [o for o in await mixin.wallet.outputs_from(0) if not o.spent and o.asset_id == ASSET]
    inputs = tuple(output.output_id for output in free)
    assert len(inputs) > 1
    return Payment(request_id("withdrawal", "lie"), ASSET, await alice(mixin), Decimal(amount), "", inputs)


def each(**facts: Any) -> Change:
    return lambda data: [row | facts for row in data]


def without(name: str) -> Change:
    return lambda data: [{key: value for key, value in row.items() if key != name} for row in data]


NONSENSE: list[Change] = [
    lambda _: None,
    lambda _: {},
    lambda _: ["x"],
    lambda _: [{}],
    each(amount="1e9", state="odd", keys="zz", mask="zz", views=["zz"], transaction_hash=7),
    each(amount=None, state=None, keys=None, mask=None, views=None, transaction_hash=None),
]


async def _all_but_the_deed(wallet: MixinWallet, what: Payment) -> None:
    await wallet.outputs_from(0)
    built = await wallet.build(what)
    await wallet.sign(what.request_id, built.raw, what.inputs)


@pytest.mark.parametrize("change", NONSENSE)
@pytest.mark.parametrize(
    "path", ["/safe/outputs", "/safe/outputs/fetch", "/safe/keys", "/safe/transaction/requests"]
)
async def test_nonsense_before_the_deed_means_that_nothing_happened(
    mixin: Mixin, path: str, change: Change
) -> None:
    what = await payment(mixin)
    async with lying(mixin, path, change) as wallet:
        with pytest.raises((Unavailable, InvariantBroken, OutcomeUnknown)):
            await _all_but_the_deed(wallet, what)
    assert await mixin.wallet.find(what.request_id) is None


@pytest.mark.parametrize(
    "change", [*NONSENSE[:-1], lambda _: [], each(transaction_hash="00" * 32), each(state="unspent")]
)
async def test_nonsense_after_the_deed_is_unknown_and_can_be_looked_up(mixin: Mixin, change: Change) -> None:
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    signed = await mixin.wallet.sign(what.request_id, built.raw, what.inputs)
    async with lying(mixin, "/safe/transactions", change) as wallet:
        with pytest.raises(OutcomeUnknown):
            await wallet.submit(what.request_id, signed)
    found = await mixin.wallet.find(what.request_id)
    assert found is not None
    assert found.transaction_hash == built.transaction_hash


async def test_deed_that_never_left_is_looked_up_too(mixin: Mixin) -> None:
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    signed = await mixin.wallet.sign(what.request_id, built.raw, what.inputs)
    http = MixinHttp("http://127.0.0.1:9", mixin.keystore, WallClock())
    with pytest.raises(OutcomeUnknown):
        await MixinWallet(http, mixin.keystore, unasked).submit(what.request_id, signed)
    await http.close()


async def test_spending_without_the_lease_never_leaves(mixin: Mixin) -> None:
    """D4, WD5: the last function before the socket looks at the lease; nothing else of the wallet asks."""
    what, clock = await payment(mixin), FakeClock()
    grip = Grip(WALLET, clock.monotonic)
    grip.tighten(1, clock.monotonic(), LeaseTiming())
    clock.advance(8)
    wallet = MixinWallet(mixin.http, mixin.keystore, grip.require)
    built = await wallet.build(what)
    signed = await wallet.sign(what.request_id, built.raw, what.inputs)
    with pytest.raises(Refused, match="lease_lost"):
        await wallet.submit(what.request_id, signed)
    found = await wallet.find(what.request_id)
    assert found is None or found.state is SendState.CHECKED
    clock.advance(-0.001)
    assert (await wallet.submit(what.request_id, signed)).state is not SendState.CHECKED


async def test_swapped_views_sign_nothing_and_wake_a_person(mixin: Mixin) -> None:
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    async with lying(
        mixin, "/safe/transaction/requests", lambda d: [d[0] | {"views": d[0]["views"][::-1]}]
    ) as wallet:
        with pytest.raises(InvariantBroken, match="spend_key_mismatch"):
            await wallet.sign(what.request_id, built.raw, what.inputs)


async def test_views_that_are_too_few_sign_nothing(mixin: Mixin) -> None:
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    async with lying(
        mixin, "/safe/transaction/requests", lambda d: [d[0] | {"views": d[0]["views"][:1]}]
    ) as wallet:
        with pytest.raises(Unavailable, match="mixin_answer_unreadable"):
            await wallet.sign(what.request_id, built.raw, what.inputs)


async def test_wrong_spend_key_signs_nothing(mixin: Mixin) -> None:
    other = MixinWallet(mixin.http, replace(mixin.keystore, spend_seed=Secret(b"x" * 32)), unasked)
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    with pytest.raises(InvariantBroken, match="spend_key_mismatch"):
        await other.sign(what.request_id, built.raw, what.inputs)
    with pytest.raises(Refused, match="spend_key_wrong"):
        await other.check_spend_key()


async def test_inputs_that_are_not_those_of_the_bytes_sign_nothing(mixin: Mixin) -> None:
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    with pytest.raises(InvariantBroken, match="inputs_differ"):
        await mixin.wallet.sign(what.request_id, built.raw, what.inputs[::-1])


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"asset_id": BTC}, "inputs_unfit"),
        ({"inscription_hash": "ab"}, "inputs_unfit"),
        ({"amount": "0.1"}, "inputs_short"),
    ],
)
async def test_unfit_inputs_are_never_built_into_a_payment(
    mixin: Mixin, facts: dict[str, str], code: str
) -> None:
    what = await payment(mixin)
    async with lying(mixin, "/safe/outputs/fetch", each(**facts)) as wallet:
        with pytest.raises(InvariantBroken, match=code):
            await wallet.build(what)


async def test_input_that_mixin_does_not_list_makes_us_wait(mixin: Mixin) -> None:
    what = await payment(mixin)
    with pytest.raises(Unavailable, match="outputs_not_listed"):
        await mixin.wallet.build(replace(what, inputs=(*what.inputs, request_id("none"))))


async def test_memo_that_no_transaction_takes_is_refused(mixin: Mixin) -> None:
    with pytest.raises(InvariantBroken, match="memo_too_long"):
        await mixin.wallet.build(replace(await payment(mixin), memo="市" * 86))


async def test_request_that_was_paid_is_not_signed_again(mixin: Mixin) -> None:
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    signed = await mixin.wallet.sign(what.request_id, built.raw, what.inputs)
    await mixin.wallet.submit(what.request_id, signed)
    with pytest.raises(OutcomeUnknown, match="request_used_before"):
        await mixin.wallet.sign(what.request_id, built.raw, what.inputs)
    await mixin.settled()
    found = await mixin.wallet.find(what.request_id)
    assert found is not None
    assert found.state is SendState.SPENT


async def test_every_field_that_may_never_change_is_in_the_hash(mixin: Mixin) -> None:
    honest = (await mixin.wallet.outputs_from(0))[0]
    changes: dict[str, Any] = {
        "amount": "7",
        "asset_id": BTC,
        "extra": "00",
        "mask": "",
        "keys": [],
        "senders": [],
    }
    for name, value in changes.items():
        async with lying(mixin, "/safe/outputs", each(**{name: value})) as wallet:
            assert (await wallet.outputs_from(0))[0].immutable_hash != honest.immutable_hash, name
    for name, value in {
        "state": "spent",
        "signed_by": "x",
        "updated_at": "",
        "amount": f"{honest.amount}.0",
    }.items():
        async with lying(mixin, "/safe/outputs", each(**{name: value})) as wallet:
            assert (await wallet.outputs_from(0))[0].immutable_hash == honest.immutable_hash, name


async def test_sender_is_one_person_or_nobody(mixin: Mixin) -> None:
    unclear: list[dict[str, Any]] = [{"senders": []}, {"senders": ["a", "b"]}, {"senders": None}]
    odd: list[dict[str, Any]] = [
        {"senders": [""]},
        {"senders": ["x" * 99]},
        {"senders": "abc"},
        {"senders": [None]},
    ]
    for facts in [*unclear, *odd, {"senders_threshold": 2}, {"senders_threshold": "many"}]:
        async with lying(mixin, "/safe/outputs", each(**facts)) as wallet:
            assert {o.sender for o in await wallet.outputs_from(0)} == {None}


@pytest.mark.parametrize(
    ("extra", "memo"), [("68690021", "hi\ufffd!"), ("ff", "\ufffd"), ("zz", ""), ("", ""), (None, "")]
)
async def test_memo_is_read_leniently(mixin: Mixin, extra: str | None, memo: str) -> None:
    async with lying(mixin, "/safe/outputs", each(extra=extra)) as wallet:
        assert (await wallet.outputs_from(0))[0].memo == memo


async def test_token_of_any_supply_does_not_stop_the_list(mixin: Mixin) -> None:
    async with lying(mixin, "/safe/outputs", each(amount="9" * 50)) as wallet:
        assert (await wallet.outputs_from(0))[0].amount == Decimal("9" * 50)


async def test_outputs_that_are_too_large_together_are_read_one_by_one(mixin: Mixin) -> None:
    """Many senders, or 4 MB behind burnt XIN: whoever pays chooses how long the list is."""
    for _ in range(3):
        await mixin.post("people/Alice/transfer", asset_id=USDT, amount="1")
    await mixin.settled()
    honest = [o.output_id for o in await mixin.wallet.outputs_from(0)]
    async with lying(mixin, "/safe/outputs", each(padding="0" * 3_000_000)) as wallet:
        assert [o.output_id for o in await wallet.outputs_from(0)] == honest
        assert [o.output_id for o in await wallet.outputs_from(0, 2)] == honest[:2]


async def test_inputs_that_are_too_large_together_pay_all_the_same(mixin: Mixin) -> None:
    """Who burns XIN into an output of ours must not hold up whatever payment picks it."""
    what = await payment(mixin)
    built = await mixin.wallet.build(what)
    async with lying(mixin, "/safe/outputs/fetch", each(extra="00" * 4_000_000)) as wallet:
        assert await wallet.build(what) == built
        signed = await wallet.sign(what.request_id, built.raw, what.inputs)
    assert (await mixin.wallet.submit(what.request_id, signed)).transaction_hash == built.transaction_hash


async def test_an_input_beyond_all_bounds_is_no_answer(mixin: Mixin) -> None:
    what = await payment(mixin)
    async with lying(mixin, "/safe/outputs/fetch", each(extra="0" * 34_000_000)) as wallet:
        with pytest.raises(Unavailable, match="mixin_answer_too_large"):
            await wallet.build(what)


def test_hash_of_an_output_is_made_as_it_always_was() -> None:
    """Rows keep it for ever: if this fails, raise the version."""
    row = {"output_id": "o", "transaction_hash": "t", "output_index": 0, "asset_id": "a", "amount": "1.50"}
    row |= {"mask": "m", "keys": ["k"], "senders": ["b", "a"], "receivers": ["r"], "extra": "00"}
    written = "v1:01e844ccff5448b85aae129842ff6e977a66d2be23c7f01759d3b38c4686cf72"
    assert immutable_hash(row) == written
    assert immutable_hash(row | {"senders": ["a", "b"], "inscription_hash": None, "sequence": 7}) == written


async def test_missing_page_of_a_proxy_is_not_an_unknown_transaction(mixin: Mixin) -> None:
    async def proxy(request: web.Request) -> web.Response:
        return web.Response(status=404, text="<html>", content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", proxy)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    http = MixinHttp(f"http://127.0.0.1:{runner.addresses[0][1]}", mixin.keystore, WallClock())
    with pytest.raises(Unavailable):
        await MixinWallet(http, mixin.keystore, unasked).find(request_id("x"))
    await http.close()
    await runner.cleanup()
