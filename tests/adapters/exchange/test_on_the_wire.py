"""Every venue of the contract table on a wire of its own: whose words our requests are in, what leaves."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.exchange.contract import Expiry
from adapters.exchange.venues import VENUES
from adapters.ids import RandomIds
from domain.errors import OutcomeUnknown
from domain.ids import VenueAccountName
from domain.market.model import Pair, Side
from domain.market.orders import LimitOrder, OrderState
from domain.secrets import Secret
from tests.adapters.exchange.far_venue import Call, FarVenue, serving
from tests.adapters.exchange.more_venue_words import WORDS as MORE
from tests.adapters.exchange.venue_words import WORDS as FIRST
from tests.adapters.exchange.words import Words
from tests.clocks import WallClock
from tests.fakes.leases import unasked

ADDRESS, WALLET_KEY = "0x" + "1" * 40, "0x" + "2" * 64
EXPIRY_MS = 5_000
LATER = datetime(2999, 1, 1, tzinfo=UTC)

WORDS = FIRST | MORE

EACH = pytest.mark.parametrize("venue", WORDS)


@asynccontextmanager
async def talking(
    venue: str, *, lockstep: bool = True
) -> AsyncIterator[tuple[CcxtExchange, FarVenue, Words]]:
    """Give our adapter at a venue of few words."""
    words = WORDS[venue]
    far = FarVenue(words.answers, words.id_at, words.create, int(time.time() * 1000))
    async with serving(far) as url:
        wallet = "privateKey" in VENUES[venue].needs
        key = VenueKey(
            Secret(ADDRESS if wallet else "key-of-ours"),
            Secret(WALLET_KEY if wallet else "c2VjcmV0LW9mLW91cnM="),
            passphrase=Secret("pass"),
        )
        account = VenueAccount(
            VenueAccountName("mm"),
            venue,
            key,
            addresses(venue, url),
            request_expiry_ms=EXPIRY_MS,
            lockstep=lockstep,
        )
        exchange = CcxtExchange(account, WallClock(), unasked)
        exchange._client.enableRateLimit = False  # how fast is for other tests
        try:
            yield exchange, far, words
        finally:
            await exchange.close()


def addresses(venue: str, url: str) -> dict[str, str]:
    if venue != "binance":
        return {"rest": url}
    nowhere = {"ws": "ws://127.0.0.1:9/stream/ws", "ws_api": "ws://127.0.0.1:9/x"}
    return {"rest": f"{url}/api/v3", "sapi": f"{url}/sapi/v1", **nowhere}


def order_at(words: Words, client_order_id: str) -> LimitOrder:
    return LimitOrder(client_order_id, Pair.parse(words.pair), Side.BUY, Decimal(100), Decimal("0.5"))


def expiry_in(call: Call, words: Words) -> str:
    kind, _, name = words.expiry_at.partition(" ")
    return str(call.headers.get(name, "")) if kind == "header" else str(call.at(words.expiry_at) or "")


def expires_soon(told: str, sent_ms: float) -> bool:
    """Tell whether what a request says of its expiry is a few seconds, or an instant that far away."""
    if told.isdecimal() and len(told) < 8:
        return int(told) == EXPIRY_MS
    at_ms = float(told) if told.isdecimal() else datetime.fromisoformat(told).timestamp() * 1000
    return abs(at_ms - sent_ms - EXPIRY_MS) < 3_000


@EACH
async def test_orders_are_made_found_and_cancelled_in_the_venues_own_words(venue: str) -> None:
    ours = RandomIds().client_order_id()
    async with talking(venue) as (exchange, far, words):
        pair, row = Pair.parse(words.pair), VENUES[venue]
        theirs = row.written(ours)
        book = await exchange.book(pair)
        assert book.sane
        before_ms = time.time() * 1000
        placed = await exchange.place(order_at(words, ours), LATER)
        assert (placed.client_order_id, placed.order_id) == (ours, "312")
        assert (placed.state, placed.price, placed.filled) == (OrderState.OPEN, Decimal(100), Decimal(0))

        [made] = far.written() if venue != "kraken" else _kraken_writes(far)
        assert f"{made.method} {made.path}" == words.create
        assert made.at(words.id_at) == theirs
        if words.expiry_at:
            assert expires_soon(expiry_in(made, words), before_ms), expiry_in(made, words)
        else:
            assert row.expiry is Expiry.CLOCK

        [shown] = await exchange.open_orders(pair)
        assert (shown.client_order_id, shown.order_id) == (ours, "312")
        [fill] = await exchange.fills_since(pair, None, datetime.now(UTC) - timedelta(minutes=5))
        assert (fill.order_id, fill.quantity, fill.quote_quantity) == ("312", Decimal("0.5"), Decimal(50))
        assert fill.client_order_id == (ours if row.fill_parameter and venue != "binance" else "")
        assert (fill.maker, fill.fee_known) == (True, True)
        assert fill.fee > 0

        cancelled = await exchange.cancel(pair, ours)
        assert cancelled is None or cancelled.state is OrderState.CANCELLED
        assert (cancelled is not None) == row.answers_whole
        [_, taken] = far.written() if venue != "kraken" else _kraken_writes(far)
        assert f"{taken.method} {taken.path}" == words.cancel.replace("$ID", theirs)
        if words.cancel_id_at:
            assert taken.at(words.cancel_id_at) == theirs
        if words.expiry_at and words.cancel_expires and not words.expiry_at.startswith("header expTime"):
            assert expires_soon(expiry_in(taken, words), before_ms)
        assert far.unknown == []


def test_every_venue_of_the_table_is_here() -> None:
    assert WORDS.keys() == VENUES.keys()


@EACH
async def test_an_order_of_a_pair_that_is_gone_is_no_reason_to_stop(venue: str) -> None:
    """Whoever cancels many goes on to the next: the venue neither takes it off nor shows it."""
    async with talking(venue) as (exchange, _, words):
        pair = Pair.parse(words.pair)
        await exchange.book(pair)
        exchange._client.markets = {k: v for k, v in exchange._client.markets.items() if k != words.pair}
        exchange._client.markets_by_id = {}
        assert await exchange.cancel(pair, RandomIds().client_order_id()) is None


@EACH
async def test_an_order_whose_answer_was_lost_is_found_by_our_id(venue: str) -> None:
    ours = RandomIds().client_order_id()
    async with talking(venue) as (exchange, far, words):
        pair = Pair.parse(words.pair)
        await exchange.book(pair)
        far.silent = True
        with pytest.raises(OutcomeUnknown):
            await exchange.place(order_at(words, ours), LATER)
        far.seen.clear()
        found = await exchange.find_order(pair, ours)
        assert found is not None
        assert (found.client_order_id, found.order_id, found.state) == (ours, "312", OrderState.OPEN)
        theirs = VENUES[venue].written(ours)
        looked = [c for c in far.seen if f"{c.method} {c.path}" == words.find.replace("$ID", theirs)]
        assert looked
        if words.find_id_at:
            assert looked[0].at(words.find_id_at) == theirs
        far.seen.clear()
        await exchange.cancel(pair, ours)
        [taken] = far.written() if venue != "kraken" else _kraken_writes(far)
        assert f"{taken.method} {taken.path}" == words.cancel.replace("$ID", theirs)


def _kraken_writes(far: FarVenue) -> list[Call]:
    """Return what changes something: kraken is posted to for everything that is not public."""
    return [call for call in far.written() if call.path.endswith(("AddOrder", "CancelOrder"))]
