"""The laws of a ladder: it never crosses, it widens by rounding only, it never promises what it lacks."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.market.model import Book, Level, Pair, Quote, Side, TradingRules
from domain.money import BPS
from domain.strategies import get_strategy, strategies
from domain.strategies.base import Inventory, parameters, show
from domain.strategies.pure_market_making import (
    BALANCED,
    STRATEGY,
    PureMarketMaking,
    half_spread,
    quote,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
PAIR = Pair.parse("BTC/USDT")
RULES = TradingRules(
    Decimal("0.01"), Decimal("0.00001"), Decimal("0.00001"), Decimal(5), Decimal(2), Decimal(5)
)
FUNDS = Inventory(Decimal("0.02"), Decimal(1000))


def book_of(bid: int, ask: int) -> Book:
    return Book(PAIR, (Level(bid, 10),), (Level(ask, 10),), AT)


BOOKS = st.builds(lambda bid, gap: book_of(bid, bid + gap), st.integers(1, 10**9), st.integers(1, 10**6))
STEPS = st.sampled_from(
    [Decimal(10) ** -n for n in range(9)] + [Decimal("0.05"), Decimal("0.25"), Decimal(5)]
)
RULES_ = st.builds(
    TradingRules,
    tick=STEPS,
    lot=STEPS,
    min_quantity=st.decimals(0, 1, places=5),
    min_notional=st.decimals(0, 100, places=2),
    maker_fee_bps=st.decimals(-5, 30, places=3),
    taker_fee_bps=st.just(Decimal(10)),
)
CONFIGS = st.builds(
    PureMarketMaking,
    half_spread_bps=st.integers(1, 1_000),
    levels=st.integers(1, 10),
    step_bps=st.integers(0, 500),
    order_amount=st.just(Decimal(0)) | st.decimals("0.00001", 1000, places=5),
    min_edge_bps=st.integers(0, 100),
)
INVENTORIES = st.builds(Inventory, st.decimals(0, 10**6, places=8), st.decimals(0, 10**9, places=8))


def sides(quotes: list[Quote]) -> tuple[list[Quote], list[Quote]]:
    return [q for q in quotes if q.side is Side.BUY], [q for q in quotes if q.side is Side.SELL]


@given(BOOKS, RULES_, CONFIGS, INVENTORIES)
def test_quotes_never_cross_and_widen_level_by_level(
    book: Book, rules: TradingRules, config: PureMarketMaking, inventory: Inventory
) -> None:
    bids, asks = sides(quote(book, rules, config, inventory))
    assert all(2 * q.ticks < book.twice_mid for q in bids)
    assert all(2 * q.ticks > book.twice_mid for q in asks)
    assert [q.ticks for q in bids] == sorted((q.ticks for q in bids), reverse=True)
    assert [q.ticks for q in asks] == sorted(q.ticks for q in asks)
    assert max(len(bids), len(asks)) <= config.levels


@given(BOOKS, RULES_, CONFIGS, INVENTORIES)
def test_rounding_only_widens_and_by_less_than_a_tick(
    book: Book, rules: TradingRules, config: PureMarketMaking, inventory: Inventory
) -> None:
    half = max(Fraction(config.half_spread_bps), Fraction(rules.maker_fee_bps) + config.min_edge_bps)
    mid = Fraction(book.twice_mid, 2)
    distances = [half + level * config.step_bps for level in range(config.levels)]
    for q in quote(book, rules, config, inventory):
        away = abs(q.ticks - mid)
        assert any(0 <= away - mid * d / BPS < 1 + mid / (100 * BPS) for d in distances)


@given(BOOKS, RULES_, CONFIGS, INVENTORIES)
def test_funds_are_never_exceeded_and_every_quote_is_acceptable(
    book: Book, rules: TradingRules, config: PureMarketMaking, inventory: Inventory
) -> None:
    bids, asks = sides(quote(book, rules, config, inventory))
    assert sum(rules.price(q.ticks) * rules.quantity(q.lots) for q in bids) <= inventory.quote
    assert sum(rules.quantity(q.lots) for q in asks) <= inventory.base
    for q in (*bids, *asks):
        assert q.lots > 0
        assert rules.quantity(q.lots) >= rules.min_quantity
        assert rules.price(q.ticks) * rules.quantity(q.lots) >= rules.min_notional


def test_balanced_quotes_three_levels_a_side_from_six_bps() -> None:
    bids, asks = sides(quote(book_of(5_999_950, 6_000_050), RULES, BALANCED, FUNDS))
    assert [q.ticks for q in bids] == [5_996_400, 5_994_000, 5_991_600]
    assert [q.ticks for q in asks] == [6_003_600, 6_006_000, 6_008_400]
    assert [q.lots for q in asks] == [666, 666, 666]


def test_the_half_spread_is_never_below_fee_plus_edge() -> None:
    dear = replace(RULES, maker_fee_bps=Decimal("7.5"))
    assert half_spread(RULES, BALANCED) == 6
    assert half_spread(dear, BALANCED) == Decimal("9.5")


def test_small_funds_make_fewer_quotes_rather_than_none() -> None:
    bids, asks = sides(
        quote(book_of(5_999_950, 6_000_050), RULES, BALANCED, Inventory(Decimal(0), Decimal(7)))
    )
    assert len(bids) == 1
    assert asks == []


def test_a_fixed_amount_is_taken_as_it_is_or_not_at_all() -> None:
    book = book_of(5_999_950, 6_000_050)
    config = replace(BALANCED, order_amount=Decimal("0.0015"))
    assert {q.lots for q in quote(book, RULES, config, FUNDS)} == {150}
    assert quote(book, RULES, replace(BALANCED, order_amount=Decimal("0.00002")), FUNDS) == []


def test_it_is_found_without_registration() -> None:
    assert get_strategy("pure_market_making") is STRATEGY
    assert list(strategies()) == ["pure_market_making"]
    with pytest.raises(Refused, match="strategy_unknown"):
        get_strategy("astrology")


@given(CONFIGS)
def test_a_config_survives_being_shown_and_read(config: PureMarketMaking) -> None:
    assert STRATEGY.read(show(config)) == config


def test_every_preset_names_every_parameter() -> None:
    for preset in STRATEGY.presets.values():
        assert set(show(preset)) == {f.name for f in fields(PureMarketMaking)}


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("half_spread_bps", "0", "parameter_out_of_range"),
        ("half_spread_bps", "1001", "parameter_out_of_range"),
        ("half_spread_bps", "6.5", "parameter_not_understood"),
        ("half_spread_bps", "٣", "parameter_not_understood"),
        ("half_spread_bps", "-1", "parameter_not_understood"),
        ("levels", "11", "parameter_out_of_range"),
        ("levels", "", "parameter_not_understood"),
        ("order_amount", "1e5", "parameter_not_understood"),
        ("order_amount", "9999999999999", "parameter_out_of_range"),
        ("post_only", "maybe", "parameter_not_understood"),
        ("colour", "blue", "parameter_unknown"),
    ],
)
def test_nonsense_is_refused_by_name(name: str, text: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        STRATEGY.read({name: text})


def test_auto_is_a_word_for_an_even_share() -> None:
    assert STRATEGY.read({"order_amount": "auto"}).order_amount == 0


def test_a_config_out_of_bounds_cannot_be_made() -> None:
    with pytest.raises(Refused, match="parameter_out_of_range"):
        PureMarketMaking(levels=0)
    with pytest.raises(TypeError):
        PureMarketMaking(half_spread_bps=6.5)  # type: ignore[arg-type]  # the point of the test


def test_parameters_know_their_help() -> None:
    assert [p.help for p in parameters(PureMarketMaking)] == [f.name for f in fields(PureMarketMaking)]
