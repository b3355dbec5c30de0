"""Which account a conversion is offered at: what it brings after fees decides, where float and room are."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain.conversions.quoting import ConversionQuote, Wish
from domain.errors import Refused
from domain.ids import UserId, VenueAccountName
from domain.ledger.model import venue
from domain.market.model import Level, Pair, Side
from domain.market.runs import MarketView
from domain.money import Coin
from tests.fakes.runs import RULES
from tests.handlers.world import World

PAIR = Pair.parse("BTC/USDT")
ALICE = UserId("alice")
DEAR, CHEAP, EMPTY = (VenueAccountName(name) for name in ("a-dear", "b-cheap", "c-empty"))
PLENTY = Decimal(1_000_000)


def market(world: World, account: VenueAccountName, fee_bps: int, bid: int, floats: Decimal = PLENTY) -> None:
    """Let a worker have seen an account whose others bid so much."""
    rules = replace(RULES, taker_fee_bps=Decimal(fee_bps))
    sides = (Level(bid, 10**9),), (Level(bid + 2, 10**9),)
    mid = rules.price(bid + 1)
    world.views.rows.append(MarketView(account, PAIR, rules, mid, world.clock.now(), *sides))
    for coin in ("BTC", "USDT"):
        world.ledger.rows["total"][venue(account, Coin(coin))] = floats


@pytest.fixture
def world() -> World:
    world = World()
    world.person("alice", BTC="1", USDT="100000")
    return world


async def quoted(world: World, wish: Wish) -> ConversionQuote:
    return await world.services().conversions.quote(ALICE, wish)


SELLING = Wish(PAIR, Side.SELL, Decimal("0.1"))
BUYING = Wish(PAIR, Side.BUY, Decimal(600))


@pytest.mark.parametrize("wish", [SELLING, BUYING, Wish(PAIR, Side.BUY, quantity=Decimal("0.01"))])
async def test_the_dearer_venue_is_left_where_prices_are_the_same(world: World, wish: Wish) -> None:
    market(world, DEAR, 20, 6_000_000)
    market(world, CHEAP, 10, 6_000_000)
    assert (await quoted(world, wish)).account == CHEAP


@pytest.mark.parametrize(("wish", "bid"), [(SELLING, 6_012_000), (BUYING, 5_988_000)])
async def test_a_better_price_may_be_worth_a_higher_fee(world: World, wish: Wish, bid: int) -> None:
    market(world, DEAR, 20, bid)
    market(world, CHEAP, 10, 6_000_000)
    assert (await quoted(world, wish)).account == DEAR


async def test_an_account_without_float_is_passed_over(world: World) -> None:
    market(world, CHEAP, 10, 6_000_000)
    market(world, EMPTY, 0, 6_100_000, floats=Decimal("0.01"))
    assert (await quoted(world, SELLING)).account == CHEAP


async def test_where_no_account_has_the_float_it_is_said_how_much_fits(world: World) -> None:
    market(world, DEAR, 10, 6_000_000, floats=Decimal("0.03"))
    market(world, EMPTY, 0, 6_000_000, floats=Decimal("0.01"))
    with pytest.raises(Refused, match="conversion_beyond_float") as refused:
        await quoted(world, SELLING)
    assert refused.value.facts == {"coin": "BTC", "fits": "0.03"}
    assert world.views.wanted[EMPTY, Coin("BTC")][0] == SELLING.amount


async def test_an_account_that_was_not_seen_lately_is_passed_over(world: World) -> None:
    market(world, CHEAP, 10, 6_100_000)
    world.clock.advance(seconds=31)
    market(world, DEAR, 20, 6_000_000)
    assert (await quoted(world, SELLING)).account == DEAR


async def test_a_thin_book_is_said_to_give_only_a_part(world: World) -> None:
    market(world, CHEAP, 10, 6_000_000)
    assert not (await quoted(world, SELLING)).part
    [view] = world.views.rows
    world.views.rows[0] = replace(view, bids=(Level(6_000_000, 4_000), Level(5_000_000, 10**9)))
    quote = await quoted(world, SELLING)
    assert quote.part
    assert (quote.now.spends, quote.worst) == (Decimal("0.04"), Decimal(59_400))


async def test_what_was_shown_is_what_the_texts_say(world: World) -> None:
    market(world, CHEAP, 10, 6_000_000)
    shown = (await quoted(world, SELLING)).params
    assert shown["worst"] == "59400"
    assert Decimal(shown["receives"]) == 6_000 - Decimal(shown["venue_fee"]) - Decimal(shown["our_fee"])
    assert Decimal(shown["least"]) == 5_940 - Decimal("5.94")
    assert all(isinstance(text, str) for text in shown.values())


async def test_a_quote_ends_with_its_fees_and_with_its_five_minutes(world: World) -> None:
    market(world, CHEAP, 10, 6_000_000)
    people = world.services().conversions
    quote = await quoted(world, SELLING)
    token = await people.confirm(ALICE, quote)
    [schedule] = world.fees.rows.schedules
    world.fees.rows.schedules.append(replace(schedule, version=2, trading_bps=9))
    with pytest.raises(Refused, match="quote_expired"):
        await people.start(ALICE, quote.params, token)
    world.clock.advance(seconds=timedelta(minutes=5).total_seconds())
    with pytest.raises(Refused, match="confirmation_expired"):
        await people.start(ALICE, quote.params, token)
    assert world.exchanged.rows == {}


async def test_nobody_has_more_than_ten_orders_open(world: World) -> None:
    market(world, CHEAP, 10, 6_000_000)
    people = world.services().conversions
    for _ in range(10):
        quote = await quoted(world, SELLING)
        await people.start(ALICE, quote.params, await people.confirm(ALICE, quote))
    with pytest.raises(Refused, match="too_many_conversions"):
        await quoted(world, SELLING)
    await people.cancel(ALICE, 1)
    with pytest.raises(Refused, match="too_many_conversions"):  # it has not ended yet
        await quoted(world, SELLING)
