"""Candles are kept up, what was missed is asked for, and nobody is asked more than that takes."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from domain.errors import Unavailable
from domain.leases import Grip, LeaseTiming, venue_scope
from domain.market.candles import Interval, Series
from domain.market.model import Pair
from domain.services.candle_keeping import KEPT, MOST_QUESTIONS, PAGE, SETTLES, CandleFeed, CandleKeeping
from tests.fakes.candles import FakeCandles, FakeCandleSource, candle
from tests.fakes.clock import FakeClock
from tests.fakes.runs import ACCOUNT

BTC, ETH = Pair.parse("BTC/USDT"), Pair.parse("ETH/USDT")
MINUTES, HOURS = (Series("binance", BTC, interval) for interval in Interval)
MINUTE = timedelta(minutes=1)


class Traded:
    """Runs that trade these pairs."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []

    async def active(self, account: str) -> list["Traded"]:
        return [self] * bool(self.pairs)

    @property
    def pair(self) -> Pair:
        return self.pairs[-1]


class World:
    def __init__(self) -> None:
        self.clock, self.candles, self.source = FakeClock(), FakeCandles(), FakeCandleSource()
        self.grip, self.runs = Grip(venue_scope(ACCOUNT), self.clock.monotonic), Traded()
        self.grip.tighten(1, self.clock.monotonic(), LeaseTiming(ttl_s=1e9))
        self.start()

    def start(self, *more: CandleFeed) -> None:
        """Begin anew, as a process does."""
        feed = CandleFeed(ACCOUNT, "binance", [BTC], self.source, self.grip)
        self.keeping = CandleKeeping([feed, *more], self.candles, self.runs, self.clock)  # type: ignore[arg-type]

    def trade(self, since: datetime, until: datetime) -> None:
        """Let the venue tell every minute and hour between two instants, and the open ones."""
        for interval in Interval:
            lasts = interval.lasts
            first = interval.begun(max(since, until - KEPT[interval] - timedelta(hours=5)))
            opened = [first + n * lasts for n in range((until - first) // lasts + 1)]
            self.source.tells(BTC, interval, [candle(at, str(100 + at.minute)) for at in opened])

    async def rounds(self, most: int = 30) -> str:
        """Do rounds until nothing is due; say what the first one said."""
        first = said = await self.keeping.round()
        for _ in range(most):
            if said == "no candles are due":
                return first
            said = await self.keeping.round()
        raise AssertionError(f"still due: {said}")

    async def known(self, series: Series = MINUTES) -> list[datetime]:
        now = self.clock.now()
        return [c.opens_at for c in await self.candles.list(series, now - timedelta(days=99), now, 9_999)]


@pytest.fixture
def world() -> World:
    world = World()
    world.trade(world.clock.now() - timedelta(days=60), world.clock.now())
    return world


async def test_at_first_all_is_asked_for_as_far_back_as_is_kept_page_by_page(world: World) -> None:
    now = world.clock.now()
    await world.rounds()
    minutes, hours = await world.known(), await world.known(HOURS)
    assert (minutes[0], hours[0]) == (
        now - 2 * MINUTE - KEPT[Interval.MINUTE],
        Interval.HOUR.begun(now) - timedelta(hours=1) - KEPT[Interval.HOUR],
    )
    assert (len(minutes), len(hours)) == (2 * 1_440 + 1, 40 * 24 + 1), "no gap"
    assert len(world.source.asked) == -(-len(minutes) // (PAGE - 1)) + -(-len(hours) // (PAGE - 1))


async def test_only_what_is_over_and_settled_is_kept(world: World) -> None:
    await world.rounds()
    now = world.clock.now()
    assert (await world.known())[-1] == now - 2 * MINUTE, "the last minute ended this instant"
    world.clock.advance(SETTLES.total_seconds())
    await world.rounds()
    assert (await world.known())[-1] == now - MINUTE


async def test_in_between_nobody_is_asked(world: World) -> None:
    world.clock.advance(SETTLES.total_seconds())
    await world.rounds()
    world.source.asked.clear()
    world.clock.advance(59)
    assert await world.rounds() == "no candles are due"
    assert world.source.asked == []
    world.clock.advance(1)
    world.trade(world.clock.now() - timedelta(hours=2), world.clock.now())
    assert await world.rounds() == "asked: 1; new: 1"
    assert [interval for _, interval, _ in world.source.asked] == [Interval.MINUTE]


async def test_what_was_missed_while_nobody_looked_is_made_up_for(world: World) -> None:
    await world.rounds()
    before = await world.known()
    world.clock.advance(20 * 3_600 + 17)
    world.trade(world.clock.now() - timedelta(days=1), world.clock.now())
    world.start()
    await world.rounds()
    after = await world.known()
    assert len(after) == len(before) + 20 * 60 + 1
    assert {later - earlier for earlier, later in pairwise(after)} == {MINUTE}


async def test_after_a_longer_absence_the_gap_stays(world: World) -> None:
    await world.rounds()
    before = (await world.known())[-1]
    world.clock.advance(5 * 86_400)
    world.trade(world.clock.now() - timedelta(days=5), world.clock.now())
    world.start()
    await world.rounds()
    resumed = next(at for at in await world.known() if at > before)
    assert resumed == world.clock.now() - 2 * MINUTE - KEPT[Interval.MINUTE]


async def test_a_pair_that_nobody_traded_for_long_is_passed_over(world: World) -> None:
    now = world.clock.now()
    world.source.tells(BTC, Interval.MINUTE, [candle(now - timedelta(hours=47)), candle(now - 2 * MINUTE)])
    await world.rounds()
    assert len(await world.known()) == 2
    world.clock.advance(60)
    world.source.asked.clear()
    await world.rounds()
    assert len(world.source.asked) == 1, "once a minute, from the last one known on"


async def test_a_candle_told_otherwise_is_noticed_while_it_is_the_newest(world: World) -> None:
    await world.rounds()
    last = (await world.known())[-1]
    world.source.tells(BTC, Interval.MINUTE, [candle(last, "7"), candle(last + MINUTE)])
    world.clock.advance(60)
    assert await world.rounds() == "asked: 1; new: 1; told otherwise than before: 1"
    [changed, _] = await world.candles.list(MINUTES, last, world.clock.now(), 9)
    assert (changed.close, changed.told) == (Decimal(7), 2)


async def test_a_silent_venue_is_left_alone_for_a_minute_and_named(world: World) -> None:
    world.source.error = Unavailable("venue_silent")
    assert await world.rounds() == "binance BTC/USDT 1h venue_silent: 1; binance BTC/USDT 1m venue_silent: 1"
    world.source.asked.clear()
    world.clock.advance(59)
    await world.rounds()
    assert world.source.asked == []
    world.clock.advance(1)
    world.source.error = None
    await world.rounds()
    assert await world.known()


async def test_whoever_does_not_act_for_the_account_asks_nobody(world: World) -> None:
    world.grip.drop()
    assert await world.rounds() == "no candles are due"
    assert world.source.asked == []


async def test_two_accounts_at_one_venue_ask_once(world: World) -> None:
    second = FakeCandleSource()
    world.start(CandleFeed(ACCOUNT, "binance", [BTC], second, world.grip))
    await world.rounds()
    assert (bool(world.source.asked), second.asked) == (True, [])


async def test_what_another_process_has_kept_is_not_asked_for(world: World) -> None:
    await world.rounds()
    world.source.asked.clear()
    world.start()
    assert await world.rounds() == "no candles are due"
    assert world.source.asked == []


async def test_a_pair_of_a_run_is_kept_though_it_is_offered_no_more(world: World) -> None:
    world.runs.pairs.append(ETH)
    await world.rounds()
    assert {pair for pair, _, _ in world.source.asked} == {BTC, ETH}


async def test_no_round_asks_much_and_everybody_has_a_turn(world: World) -> None:
    pairs = [Pair.parse(f"C{n}/USDT") for n in range(10)]
    world.start(CandleFeed(ACCOUNT, "binance", pairs, world.source, world.grip))
    for _ in range(4):
        before = len(world.source.asked)
        await world.keeping.round()
        assert len(world.source.asked) - before == MOST_QUESTIONS
    asked = {(pair, interval) for pair, interval, _ in world.source.asked}
    assert len(asked) == 22


async def test_a_round_that_takes_long_ends(world: World) -> None:
    class Slow(FakeCandleSource):
        async def candles(self, pair, interval, since, most):  # type: ignore[no-untyped-def]
            world.clock.advance(6)
            return await super().candles(pair, interval, since, most)

    slow = Slow()
    world.start(CandleFeed(ACCOUNT, "gate", [BTC, ETH], slow, world.grip))
    world.keeping.feeds = world.keeping.feeds[1:]
    await world.keeping.round()
    assert len(slow.asked) == 1
