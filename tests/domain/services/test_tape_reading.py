"""The tape of each pair is read by whoever holds an account there, once, and what it comes to is kept."""

from decimal import Decimal

import pytest

from domain.errors import Unavailable
from domain.leases import Grip, LeaseTiming, venue_scope
from domain.market.model import Pair, Side
from domain.market.tape import Tape
from domain.services.tape_reading import LONGEST_ROUND_S, SPAN, TapeFeed, TapeReading
from tests.fakes.clock import FakeClock
from tests.fakes.runs import ACCOUNT
from tests.fakes.tapes import FakeTapes, FakeTraded

BTC, ETH = Pair.parse("BTC/USDT"), Pair.parse("ETH/USDT")


class Runs:
    """Runs that trade this pair, where there is one."""

    pair: Pair | None = None

    async def active(self, account: str) -> list["Runs"]:
        return [self] * bool(self.pair)


class World:
    def __init__(self) -> None:
        self.clock, self.traded, self.runs = FakeClock(), FakeTraded(), Runs()
        self.tapes = FakeTapes(self.clock, frozenset({BTC, ETH}))
        self.grip = self.held()
        self.start()

    def held(self) -> Grip:
        grip = Grip(venue_scope(ACCOUNT), self.clock.monotonic)
        grip.tighten(1, self.clock.monotonic(), LeaseTiming(ttl_s=1e9))
        return grip

    def feed(self, *pairs: Pair, venue: str = "binance", grip: Grip | None = None) -> TapeFeed:
        return TapeFeed(ACCOUNT, venue, pairs, self.tapes, grip or self.grip)

    def start(self, *feeds: TapeFeed) -> None:
        self.reading = TapeReading(
            feeds or [self.feed(BTC)],
            self.traded,
            self.runs,  # type: ignore[arg-type]
            self.clock,
        )


@pytest.fixture
def world() -> World:
    return World()


async def test_the_last_minutes_are_kept(world: World) -> None:
    world.tapes.trade(BTC, Side.BUY, "9")
    world.clock.advance(seconds=400)
    world.tapes.trade(BTC, Side.BUY, "2")
    world.tapes.trade(BTC, Side.SELL, "0.5")
    assert await world.reading.round() == "1 tapes read"
    told = world.traded.rows["binance", BTC]
    assert (told.count, told.bought, told.sold) == (2, Decimal(2), Decimal("0.5"))
    assert (told.since, told.until) == (world.clock.now() - SPAN, world.clock.now())
    assert told.last == world.tapes.happened[BTC][-1]


async def test_accounts_of_one_venue_read_a_pair_once_and_venues_each_their_own(world: World) -> None:
    world.start(world.feed(BTC), world.feed(BTC, ETH), world.feed(BTC, venue="gate"))
    assert await world.reading.round() == "3 tapes read"
    assert sorted(map(str, world.tapes.asked)) == ["BTC/USDT", "BTC/USDT", "ETH/USDT"]


async def test_what_runs_trade_is_read_though_it_is_not_offered(world: World) -> None:
    world.runs.pair = ETH
    await world.reading.round()
    assert set(world.traded.rows) == {("binance", BTC), ("binance", ETH)}


async def test_nobody_asks_for_an_account_that_another_holds(world: World) -> None:
    world.grip.drop()
    assert await world.reading.round() == "0 tapes read"
    assert world.tapes.asked == []


async def test_one_that_does_not_tell_keeps_no_other_from_being_read(world: World) -> None:
    world.start(world.feed(Pair.parse("NO/USDT"), BTC))
    assert await world.reading.round() == "1 tapes read; binance NO/USDT: pair_not_traded"
    before = dict(world.traded.rows)
    world.tapes.error = Unavailable("venue_silent")
    world.clock.advance(seconds=10)
    said = await world.reading.round()
    assert said == "0 tapes read; binance BTC/USDT: venue_silent; binance NO/USDT: venue_silent"
    assert world.traded.rows == before, "the last word stays, and grows old"


async def test_a_slow_venue_ends_a_round_and_the_next_begins_with_who_was_left_out(world: World) -> None:
    class Slow(FakeTapes):
        async def tape(self, pair: Pair) -> Tape:
            world.clock.advance(seconds=LONGEST_ROUND_S + 1)
            return await super().tape(pair)

    world.tapes = Slow(world.clock, frozenset({BTC, ETH}))
    world.start(world.feed(BTC, ETH))
    for _ in range(2):
        assert await world.reading.round() == "1 tapes read"
    assert world.tapes.asked == [BTC, ETH]
