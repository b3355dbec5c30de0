"""The contract table against the library it speaks through: an upgrade that changes a promise fails here."""

import importlib
import re
from dataclasses import replace
from typing import Any

import pytest

from adapters.exchange.client import contract_of
from adapters.exchange.contract import (
    DeadMan,
    Expiry,
    Finding,
    IdForm,
    MarketTrades,
    Trades,
    VenueContract,
)
from adapters.exchange.venues import BINANCE, BITGET, GATE, HYPERLIQUID, VENUES, XT
from adapters.ids import RandomIds
from domain.errors import Refused
from domain.market.candles import Interval

_NO = {
    "InsufficientFunds",
    "InvalidOrder",
    "PermissionDenied",
    "AuthenticationError",
    "RateLimitExceeded",
    "DDoSProtection",
    "InvalidNonce",
    "BadSymbol",
    "BadRequest",
    "OrderImmediatelyFillable",
}
"""Kinds of the library that may stand behind a definite no of ours."""

ROWS = pytest.mark.parametrize("row", VENUES.values(), ids=VENUES)


def library(row: VenueContract) -> Any:
    for part in ("ccxt.pro", "ccxt.async_support"):
        if found := getattr(importlib.import_module(part), row.venue, None):
            return found()
    raise AssertionError(f"the library has lost {row.venue}")


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    return {venue: library(row) for venue, row in VENUES.items()}


@ROWS
def test_row_says_what_the_library_can_do(row: VenueContract, known: dict[str, Any]) -> None:
    has = known[row.venue].has
    assert row.lists_open_orders == bool(has["fetchOpenOrders"])
    assert row.lists_own_trades == bool(has["fetchMyTrades"])
    assert row.cancels_all == bool(has["cancelAllOrders"])
    assert (row.timer.kind is DeadMan.UNIFIED) == bool(has.get("cancelAllOrdersAfter"))
    assert not row.tells_fees or has["fetchTradingFee"]
    assert has["fetchTime"], "its clock is measured"
    assert has["fetchOHLCV"], "its candles are kept"
    assert has["fetchTrades"] or row.market_trades is MarketTrades.UNASKED
    assert has.get("watchTrades") or row.market_trades is not MarketTrades.UNASKED, "somebody must tell"
    assert set(Interval) <= known[row.venue].timeframes.keys()
    if row.finding is Finding.LISTS:
        assert has["fetchClosedOrders"]


@ROWS
def test_row_asks_for_the_credentials_that_the_library_signs_with(
    row: VenueContract, known: dict[str, Any]
) -> None:
    wanted = {name for name, needed in known[row.venue].requiredCredentials.items() if needed}
    assert wanted - {"apiKey", "secret"} == set(row.needs)


@ROWS
def test_row_places_as_many_at_once_as_the_library(row: VenueContract, known: dict[str, Any]) -> None:
    told = (known[row.venue].features["spot"].get("createOrders") or {}).get("max", 1)
    assert row.batch_places == min(told, 10 if row.venue == "gate" else told)
    assert (row.batch_places > 1) == bool(row.batch_code_field)


@ROWS
def test_spans_and_pages_of_own_trades_are_no_longer_than_the_library_says(
    row: VenueContract, known: dict[str, Any]
) -> None:
    told = known[row.venue].features["spot"]["fetchMyTrades"]
    if told["limit"]:
        assert row.trades_page <= told["limit"]
    if told["untilDays"] and row.trades is not Trades.PAGES:
        assert row.trades_window.days <= told["untilDays"]
    if told["daysBack"] and row.trades_days:
        assert row.trades_days <= told["daysBack"]


@ROWS
def test_option_that_makes_requests_expire_is_one_of_the_library(
    row: VenueContract, known: dict[str, Any]
) -> None:
    if row.expiry is Expiry.OPTION:
        assert row.expiry_name in known[row.venue].options
    else:
        assert "recvWindow" not in known[row.venue].options
    assert (row.expiry is Expiry.CLOCK) == bool(row.latest_arrival_ms)


@ROWS
def test_code_that_means_no_is_not_of_a_kind_that_proves_nothing(
    row: VenueContract, known: dict[str, Any]
) -> None:
    told = known[row.venue].exceptions
    table = {**told.get("exact", {}), **told.get("broad", {}), **told.get("spot", {}).get("exact", {})}
    assert not (row.refusal_codes | row.closed_codes) & row.silence_codes
    for code in row.refusal_codes & table.keys():
        assert {kind.__name__ for kind in table[code].__mro__} & _NO, (code, table[code])


@ROWS
def test_code_of_an_id_that_was_used_before_is_looked_up(row: VenueContract, known: dict[str, Any]) -> None:
    """The library calls some of them InvalidOrder, which would be a definite no to an order that rests."""
    used = {"okx": {"51016"}, "bybit": {"110072", "170141", "12141"}, "kucoin": {"126044"}}
    assert used.get(row.venue, set()) <= row.silence_codes


@ROWS
def test_rehearsal_is_one_that_the_library_knows_of(row: VenueContract, known: dict[str, Any]) -> None:
    features = known[row.venue].features["spot"]
    if row.rehearsal:
        assert "test" in known[row.venue].urls
    elif row.venue != "htx":
        assert not features.get("sandbox")


@ROWS
def test_ids_of_ours_fit_and_come_back_as_they_were(row: VenueContract) -> None:
    ids = RandomIds()
    for _ in range(200):
        ours = ids.client_order_id()
        assert re.fullmatch(row.id_pattern, row.written(ours))
        assert row.read(row.written(ours)) == ours


def test_what_is_not_ours_stays_as_the_venue_wrote_it() -> None:
    for theirs in ("", "0x00", "0x" + "f" * 32, "0x" + "0" * 32, "web", "0x6d6d6b" + "f" * 26):
        assert HYPERLIQUID.read(theirs) == theirs
    assert GATE.read("apiv4") == "apiv4"
    with pytest.raises(ValueError, match="no id of ours"):
        HYPERLIQUID.written("short")


@ROWS
def test_supported_venue_is_strong_enough_and_names_its_source(row: VenueContract) -> None:
    assert contract_of(row.venue) is row
    assert row.weaknesses == ()
    assert row.source.startswith("ccxt")
    fields = set(VenueContract.__dataclass_fields__)
    assert {name.split(".")[0] for name in row.unconfirmed} <= fields


@pytest.mark.parametrize(
    ("weak", "reason"),
    [
        (replace(BITGET, finding=Finding.NOT, lists_open_orders=False), "no_lookup"),
        (replace(BITGET, finding=Finding.HISTORY, lists_open_orders=False), "no_lookup"),
        (replace(XT, lists_own_trades=False), "no_trades"),
        (replace(BINANCE, id_pattern=r"[0-9]{1,18}"), "id_misfit"),
        (replace(BINANCE, id_pattern=r"[a-z0-9]{1,17}"), "id_misfit"),
        (replace(HYPERLIQUID, id_form=IdForm.PLAIN), "id_misfit"),
    ],
)
def test_venue_where_an_order_or_a_fill_could_be_lost_is_refused_with_the_reason(
    weak: VenueContract, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VENUES, weak.venue, weak)
    with pytest.raises(Refused) as refused:
        contract_of(weak.venue)
    assert refused.value.code == "venue_too_weak"
    assert refused.value.facts == {"venue": weak.venue, "reason": reason}


def test_venue_that_cannot_look_up_but_lists_what_rests_is_strong_enough() -> None:
    assert replace(BITGET, finding=Finding.HISTORY).weaknesses == ()
    assert replace(BITGET, finding=Finding.NOT).weaknesses == ()
