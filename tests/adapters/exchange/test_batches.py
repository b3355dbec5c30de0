"""Many orders in one request, in each venue's own words: each is answered for itself, or not at all."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from adapters.exchange.batches import _CANCELS
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.exchange.venues import VENUES
from adapters.ids import RandomIds
from domain.errors import OutcomeUnknown, Refused
from domain.market.limits import Limits
from domain.market.model import Pair
from domain.market.orders import OrderState, VenueOrder
from tests.adapters.exchange.far_venue import FarVenue
from tests.adapters.exchange.test_on_the_wire import LATER, order_at, talking
from tests.adapters.exchange.test_sandbox_venue import BTC, account, far_bid, fault, soon, urls
from tests.clocks import WallClock
from tests.fakes.leases import unasked

__all__ = ["urls"]

WIDE = Limits(max_notional=Decimal(10**9), max_daily_notional=Decimal(10**10))

Say = Callable[[str, str], Any]


@dataclass(frozen=True)
class Many:
    """How a venue is asked for two orders, and says that it took the first and not the second."""

    line: str
    place: Say
    off: str = ""
    cancel: Say = field(default=lambda a, b: {})
    proven: bool = True  # its no to the second is one that proves something


MANY = {
    "okx": Many(
        "POST /api/v5/trade/batch-orders",
        lambda a, b: {
            "code": "2",
            "data": [
                {"clOrdId": a, "ordId": "312", "sCode": "0", "sMsg": ""},
                {"clOrdId": b, "ordId": "", "sCode": "51008", "sMsg": "short"},
            ],
        },
        "POST /api/v5/trade/cancel-batch-orders",
        lambda a, b: {
            "code": "2",
            "data": [
                {"clOrdId": a, "ordId": "312", "sCode": "0", "sMsg": ""},
                {"clOrdId": b, "ordId": "", "sCode": "51400", "sMsg": "gone"},
            ],
        },
    ),
    "bybit": Many(
        "POST /v5/order/create-batch",
        lambda a, b: {
            "retCode": 0,
            "result": {
                "list": [
                    {"symbol": "BTCUSDT", "orderId": "312", "orderLinkId": a, "createAt": "1698075516029"},
                    {"symbol": "BTCUSDT", "orderId": "", "orderLinkId": b, "createAt": ""},
                ]
            },
            "retExtInfo": {"list": [{"code": 0, "msg": "OK"}, {"code": 110007, "msg": "short"}]},
        },
        "POST /v5/order/cancel-batch",
        lambda a, b: {
            "retCode": 0,
            "result": {"list": [{"orderLinkId": a}, {"orderLinkId": b}]},
            "retExtInfo": {"list": [{"code": 0, "msg": "OK"}, {"code": 170213, "msg": "gone"}]},
        },
    ),
    "kraken": Many(
        "POST /0/private/AddOrderBatch",
        lambda a, b: {
            "error": [],
            "result": {"orders": [{"txid": "312", "descr": {}}, {"error": "EOrder:Insufficient funds"}]},
        },
        "POST /0/private/CancelOrderBatch",
        lambda a, b: {"error": [], "result": {"count": 1}},
    ),
    "gate": Many(
        "POST /spot/batch_orders",
        lambda a, b: [
            {"text": a, "succeeded": True, "label": "", "id": "312", "status": "open", "side": "buy"}
            | {"currency_pair": "BTC_USDT", "amount": "0.5", "price": "100", "left": "0.5", "type": "limit"}
            | {"filled_total": "0", "create_time_ms": 1, "update_time_ms": 1, "time_in_force": "poc"},
            {"text": b, "succeeded": False, "label": "BALANCE_NOT_ENOUGH", "message": "short"},
        ],
        "POST /spot/cancel_batch_orders",
        lambda a, b: [
            {"id": a, "text": a, "succeeded": True, "label": ""},
            {"id": b, "text": b, "succeeded": False, "label": "ORDER_NOT_FOUND"},
        ],
    ),
    "kucoin": Many(
        "POST /api/v1/orders/multi",
        lambda a, b: {
            "code": "200000",
            "data": {
                "data": [
                    {"symbol": "BTC-USDT", "id": "312", "clientOid": a, "status": "success", "failMsg": None},
                    {"symbol": "BTC-USDT", "id": None, "clientOid": b, "status": "fail", "failMsg": "odd"},
                ]
            },
        },
        proven=False,
    ),
    "mexc": Many(
        "POST /api/v3/batchOrders",
        lambda a, b: [
            {"symbol": "BTCUSDT", "orderId": "312", "newClientOrderId": a, "orderListId": -1},
            {"newClientOrderId": b, "msg": "too small", "code": 30004},
        ],
    ),
    "bitget": Many(
        "POST /api/v2/spot/trade/batch-orders",
        lambda a, b: {
            "code": "00000",
            "data": {
                "successList": [{"orderId": "312", "clientOid": a}],
                "failureList": [{"orderId": "", "clientOid": b, "errorCode": "43012", "errorMsg": "short"}],
            },
        },
        "POST /api/v2/spot/trade/batch-cancel-order",
        lambda a, b: {
            "code": "00000",
            "data": {"successList": [{"orderId": "312", "clientOid": a}], "failureList": []},
        },
        proven=False,  # the library drops what it refused; a look-up tells
    ),
    "htx": Many(
        "POST /v1/order/batch-orders",
        lambda a, b: {
            "status": "ok",
            "data": [
                {"order-id": 312, "client-order-id": a},
                {"client-order-id": b, "err-code": "account-frozen-balance-insufficient-error"},
            ],
        },
        "POST /v1/order/orders/batchcancel",
        lambda a, b: {"status": "ok", "data": {"success": [a], "failed": [{"client-order-id": b}]}},
    ),
    "hyperliquid": Many(
        "POST /exchange",
        lambda a, b: {
            "status": "ok",
            "response": {
                "type": "order",
                "data": {"statuses": [{"resting": {"oid": 312}}, {"error": "Insufficient spot balance"}]},
            },
        },
        proven=False,
    ),
}


def ids(venue: str) -> tuple[list[str], list[str]]:
    ours = [RandomIds().client_order_id() for _ in range(2)]
    return ours, [VENUES[venue].written(each) for each in ours]


def sent_to(far: FarVenue, line: str) -> list[str]:
    return [json.dumps(c.asked) for c in far.written() if f"{c.method} {c.path}" == line]


def test_every_venue_that_takes_many_is_here() -> None:
    assert MANY.keys() == {venue for venue, row in VENUES.items() if row.batch_places > 1}


@pytest.mark.parametrize("venue", MANY)
async def test_each_order_of_a_batch_is_answered_for_itself_or_not_at_all(venue: str) -> None:
    many, (ours, theirs) = MANY[venue], ids(venue)
    async with talking(venue) as (exchange, far, words):
        pair, known = Pair.parse(words.pair), far.answers
        await exchange.book(pair)
        orders = [order_at(words, each) for each in ours]

        far.answers = ((many.line, many.place(*theirs)), *known)
        first, second = await exchange.place_many(orders, LATER)
        [asked] = sent_to(far, many.line)
        assert all(each in asked for each in theirs)
        if expiry := words.expiry_at.split(".")[-1].split(" ")[-1]:
            assert expiry in asked or expiry in far.written()[-1].headers
        assert isinstance(first, VenueOrder), first
        assert (first.client_order_id, first.order_id, first.state) == (ours[0], "312", OrderState.OPEN)
        assert isinstance(second, Refused if many.proven else OutcomeUnknown), second

        far.answers = ((many.line, {"code": 45110, "label": "BALANCE_NOT_ENOUGH", "retCode": 110007}), *known)
        answers = await exchange.place_many(orders, LATER)
        assert [type(each) for each in answers] == [OutcomeUnknown, OutcomeUnknown], "of which of them?"

        far.lost = many.line
        answers = await exchange.place_many(orders, LATER)
        assert [type(each) for each in answers] == [OutcomeUnknown, OutcomeUnknown]
        far.lost = ""

        if many.off:
            far.answers = ((many.off, many.cancel(*theirs)), *known)
            taken = await exchange.cancel_many(pair, ours)
            [asked] = sent_to(far, many.off)
            assert all(each in asked for each in theirs)
            assert set(taken) == (set() if venue == "kraken" else {ours[0]})
        assert exchange.cancels_at_once == 1, "in recorded time"


def test_every_venue_that_takes_many_cancels_is_asked_for_them_here() -> None:
    asked = {venue for venue, many in MANY.items() if many.off} | {"hyperliquid"}
    assert asked == {venue for venue, row in VENUES.items() if row.batch_cancels > 1} == _CANCELS.keys()


async def test_hyperliquid_says_success_in_the_places_of_its_cancels() -> None:
    ours, theirs = ids("hyperliquid")
    said = {"statuses": ["success", {"error": "Order was never placed"}]}
    async with talking("hyperliquid") as (exchange, far, words):
        await exchange.book(Pair.parse(words.pair))
        answer = {"status": "ok", "response": {"type": "cancel", "data": said}}
        far.answers = (("POST /exchange", answer), *far.answers)
        with contextlib.suppress(OutcomeUnknown):  # the library fails as a whole where one does
            assert set(await exchange.cancel_many(Pair.parse(words.pair), ours)) == {ours[0]}
        said["statuses"][1] = "success"
        assert set(await exchange.cancel_many(Pair.parse(words.pair), ours)) == set(ours)
        asked = sent_to(far, "POST /exchange")
        assert all(each in asked[0] for each in theirs)
        assert "expiresAfter" in asked[0]


@pytest.fixture
async def gate(urls: dict[str, str]) -> AsyncIterator[CcxtExchange]:
    adapter = CcxtExchange(replace(account(urls, limits=WIDE), venue="gate"), WallClock(), unasked)
    yield adapter
    await adapter.close()


async def test_at_gate_many_come_and_go_in_one_request_each(gate: CcxtExchange) -> None:
    orders = [await far_bid(gate, f"mm{n}") for n in range(3)]
    orders[1] = replace(orders[1], quantity=Decimal(1_000))  # more than the account has
    first, second, third = await gate.place_many(orders, soon())
    assert isinstance(second, Refused), second
    assert second.code == "venue_funds_short"
    assert {o.client_order_id for o in await gate.open_orders(BTC)} == {"mm0", "mm2"}
    for each, name in ((first, "mm0"), (third, "mm2")):
        assert isinstance(each, VenueOrder)
        assert (each.client_order_id, each.state) == (name, OrderState.OPEN)
    taken = await gate.cancel_many(BTC, ["mm0", "mm1", "mm2", "mmnever"])
    assert taken.keys() == {"mm0", "mm2"}
    assert [word.state for word in taken.values() if word] == [OrderState.CANCELLED] * 2
    assert await gate.open_orders(BTC) == []


async def test_at_gate_a_batch_whose_answer_is_lost_is_found_order_by_order(
    gate: CcxtExchange, urls: dict[str, str]
) -> None:
    orders = [await far_bid(gate, f"mm{n}") for n in range(2)]
    await fault(urls, only="POST /api/v4/spot/batch_orders", withhold_percent=100)
    answers = await gate.place_many(orders, soon())
    assert [type(each) for each in answers] == [OutcomeUnknown] * 2
    assert (gate.places_at_once, gate.cancels_at_once) == (1, 20), "it may take no batches from this account"
    await fault(urls, only="POST /api/v4/spot/cancel_batch_orders", withhold_percent=100)
    for order in orders:
        found = await gate.find_order(BTC, order.client_order_id)
        assert found
        assert found.state is OrderState.OPEN
    with pytest.raises(OutcomeUnknown):
        await gate.cancel_many(BTC, ["mm0", "mm1"])
    await fault(urls)
    with pytest.raises(OutcomeUnknown):
        await gate.cancel(BTC, "mm0")  # it was done, and gate says no more than that it has ended
    assert await gate.open_orders(BTC) == []


async def test_a_batch_counts_as_the_venue_counts(gate: CcxtExchange) -> None:
    orders = [await far_bid(gate, f"mm{n}") for n in range(4)]
    await gate.rules(BTC)
    before = gate._pacer.orders.level
    await gate.place_many(orders, soon())
    assert before - gate._pacer.orders.level < 2, "gate counts requests"
    gate._contract = replace(gate._contract, batch_counts_each=True)
    gate._pacer.orders.level = before = gate._pacer.orders.allowance.burst
    await gate.place_many([replace(o, client_order_id=f"{o.client_order_id}x") for o in orders], soon())
    assert before - gate._pacer.orders.level > 2


async def test_what_our_own_gate_keeps_back_leaves_not_at_all(urls: dict[str, str]) -> None:
    def lost() -> None:
        raise Refused("lease_lost")

    adapter = CcxtExchange(replace(account(urls), venue="gate"), WallClock(), lost)
    orders = [await far_bid(adapter, f"mm{n}") for n in range(2)]
    with pytest.raises(Refused, match="lease_lost"):
        await adapter.place_many(orders, soon())
    assert await adapter.open_orders(BTC) == []
    await adapter.close()


async def test_a_recording_is_met_by_one_order_at_a_time(urls: dict[str, str]) -> None:
    for settings, most in ((account(urls), 1), (replace(account(urls), venue="gate"), 10)):
        for lockstep in (False, True):
            adapter = CcxtExchange(replace(settings, lockstep=lockstep), WallClock(), unasked)
            assert adapter.places_at_once == (1 if lockstep else most)
            await adapter.close()
