"""Trades put together from a stream and from requests: each once, in order, and every hole made known."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.exchange import trade_watch
from adapters.exchange.contract import MarketTrades
from adapters.exchange.trade_watch import ASK_EVERY_S, CLOSE_EVERY_S, OLD_S, QUIET_S, TradeWatch
from domain.market.model import Side
from domain.market.tape import PublicTrade, Tape

BEGAN = datetime(2026, 11, 27, 12, tzinfo=UTC)
JOINED = pytest.mark.parametrize("kind", [MarketTrades.NUMBERED, MarketTrades.SHARED])
ALONE = pytest.mark.parametrize("kind", [MarketTrades.APART, MarketTrades.UNASKED])


def at(second: float) -> datetime:
    return BEGAN + timedelta(seconds=second)


def trade(number: int, second: float | None = None, name: str | None = None) -> PublicTrade:
    """Return a trade that was at the second of its number."""
    when = at(number if second is None else second)
    return PublicTrade(str(number) if name is None else name, when, Decimal(100), Decimal(1), Side.BUY)


def trades(*numbers: int) -> list[PublicTrade]:
    return [trade(number) for number in numbers]


def numbers(tape: Tape | None) -> list[int]:
    assert tape is not None
    return [int(each.trade_id) for each in tape.trades]


def streaming(kind: MarketTrades, told: Iterable[int] = (), page: Iterable[int] = ()) -> TradeWatch:
    """Return a watch whose stream told a trade, and which was filled after that, at second 10."""
    watch = TradeWatch(kind)
    watch.take(trades(*(told or (10,))), 10)
    assert watch.wants(10)
    watch.fill(trades(*(page or range(1, 11))), at(10))
    return watch


def seen(watch: TradeWatch, second: float) -> Tape | None:
    return watch.tape(at(second), second)


def whole_of(watch: TradeWatch, second: float) -> Tape:
    tape = seen(watch, second)
    assert tape is not None, "nobody tells"
    return tape


@JOINED
def test_nothing_is_told_before_anybody_has(kind: MarketTrades) -> None:
    assert seen(TradeWatch(kind), 1) is None


@JOINED
def test_a_stream_begins_whole_where_its_first_trades_are_in_what_a_request_tells(
    kind: MarketTrades,
) -> None:
    watch = streaming(kind)
    watch.take(trades(11, 12), 12)
    tape = whole_of(watch, 13)
    assert numbers(tape) == list(range(1, 13))
    assert (tape.since, tape.until) == (at(1), at(13))
    assert not watch.wants(13 + ASK_EVERY_S), "a stream that tells is asked for by nobody"


@JOINED
def test_before_its_request_a_stream_is_whole_from_its_first_word_on(kind: MarketTrades) -> None:
    watch = TradeWatch(kind)
    watch.take(trades(9, 10), 10)
    watch.take(trades(11), 11)
    tape = whole_of(watch, 12)
    assert numbers(tape) == [10, 11]
    assert tape.since == at(10), "what came at once with it may be told again, and others missing between"
    assert tape.traded(timedelta(minutes=5)).count == 1, (
        "of what was at its first instant some may be missing"
    )


@JOINED
def test_what_is_told_twice_counts_once_and_what_comes_late_stands_in_its_place(kind: MarketTrades) -> None:
    watch = streaming(kind)
    for told in (trades(11, 12), trades(12, 13), trades(15), trades(14), trades(11)):
        watch.take(told, 15)
    if kind is MarketTrades.NUMBERED:  # 15 before 14 looked as if 14 were lost: a request looks
        assert watch.wants(15)
        watch.fill(trades(*range(12, 16)), at(15))
    assert not watch.wants(40)
    assert numbers(seen(watch, 41)) == list(range(1, 16))


@JOINED
def test_what_a_broken_stream_missed_is_filled_by_a_request(kind: MarketTrades) -> None:
    watch = streaming(kind)
    watch.forget()
    watch.take(trades(20), 50)
    before = whole_of(watch, 51)
    assert numbers(before) == [20]
    assert before.since == at(20), "until it is filled the hole is known"
    assert watch.wants(51)
    watch.fill(trades(*range(5, 21)), at(51))
    tape = whole_of(watch, 52)
    assert numbers(tape) == list(range(1, 21))
    assert tape.since == at(1)


@JOINED
def test_a_hole_that_no_request_reaches_across_stays_known(kind: MarketTrades) -> None:
    watch = streaming(kind)
    watch.forget()
    watch.take(trades(20), 50)
    watch.fill(trades(*range(15, 21)), at(51))  # the oldest it tells is after the last one known
    tape = whole_of(watch, 52)
    assert tape.since == at(15)
    assert tape.traded(timedelta(minutes=5)).count == 5


@JOINED
def test_a_request_that_lags_behind_the_stream_closes_no_hole(kind: MarketTrades) -> None:
    watch = streaming(kind)
    watch.forget()
    watch.take(trades(20), 50)
    watch.fill(trades(*range(5, 18)), at(51))
    tape = seen(watch, 52)
    assert numbers(tape) == [20]
    assert watch.wants(51)
    assert not watch.wants(51 + CLOSE_EVERY_S - 1)
    assert watch.wants(51 + CLOSE_EVERY_S)
    watch.fill(trades(*range(16, 22)), at(56))
    watch.take(trades(21), 56)
    assert numbers(seen(watch, 57)) == list(range(1, 22))


def test_a_number_that_nobody_told_is_a_hole_and_ids_that_do_not_count_make_none() -> None:
    watch = streaming(MarketTrades.NUMBERED)
    watch.take(trades(11), 11)
    watch.take(trades(14), 45)
    assert numbers(seen(watch, 46)) == [14]
    assert watch.wants(46)
    watch.fill(trades(*range(9, 15)), at(46))
    assert numbers(seen(watch, 46)) == list(range(1, 15))
    uncounted = streaming(MarketTrades.SHARED)
    uncounted.take(trades(11), 11)
    uncounted.take(trades(14), 45)
    assert not uncounted.wants(46)
    assert numbers(seen(uncounted, 46)) == [*range(1, 12), 14]


def test_a_second_hole_before_the_first_is_filled_moves_its_end() -> None:
    watch = streaming(MarketTrades.NUMBERED)
    watch.take(trades(14), 14)
    watch.take(trades(20), 20)
    assert numbers(seen(watch, 21)) == [20]
    watch.fill(trades(*range(9, 17)), at(21))
    assert numbers(seen(watch, 22)) == [20]
    watch.fill(trades(*range(15, 21)), at(22))
    assert numbers(seen(watch, 22)) == list(range(1, 21))


@JOINED
def test_a_stream_that_breaks_inside_a_hole_leaves_one_hole(kind: MarketTrades) -> None:
    watch = streaming(kind)
    watch.forget()
    watch.take(trades(20), 20)
    watch.forget()
    watch.fill(trades(*range(8, 26)), at(45))
    assert numbers(seen(watch, 46)) == list(range(1, 26))
    watch.take(trades(30), 46)
    assert numbers(seen(watch, 46)) == [30]
    watch.fill(trades(*range(24, 31)), at(47))
    assert numbers(seen(watch, 48)) == list(range(1, 31))


@JOINED
def test_a_silent_stream_is_asked_about_and_believed_where_nothing_was_traded(kind: MarketTrades) -> None:
    watch = streaming(kind)
    late = 10 + QUIET_S + 1
    assert watch.wants(late)
    watch.fill(trades(*range(1, 11)), at(late))
    tape = whole_of(watch, late + 1)
    assert tape.until == at(late + 1)
    assert tape.traded(timedelta(minutes=5)).count == 9
    assert not watch.wants(late + ASK_EVERY_S)


@JOINED
def test_a_deaf_stream_is_told_by_requests_until_it_speaks_again(kind: MarketTrades) -> None:
    watch = streaming(kind)
    late = 10 + QUIET_S + 1
    assert watch.wants(late)
    watch.fill(trades(*range(1, 31)), at(late))
    tape = whole_of(watch, late + 5)
    assert numbers(tape) == list(range(1, 31))
    assert tape.until == at(late)
    later = late + ASK_EVERY_S
    assert watch.wants(later)
    watch.fill(trades(*range(20, 41)), at(later))
    assert numbers(seen(watch, later)) == list(range(1, 41))
    spoke = int(later) + 1
    watch.take(trades(spoke), spoke)
    assert numbers(seen(watch, spoke + 1)) == [spoke]
    assert watch.wants(later + ASK_EVERY_S)
    watch.fill(trades(*range(35, spoke + 1)), at(later + ASK_EVERY_S))
    assert numbers(seen(watch, later + ASK_EVERY_S)) == list(range(1, spoke + 1))


@JOINED
def test_where_neither_tells_nothing_is_told(kind: MarketTrades) -> None:
    watch = TradeWatch(kind)
    assert watch.wants(0)
    watch.fill(trades(-2, -1), at(0))
    assert numbers(seen(watch, OLD_S)) == [-2, -1]
    assert seen(watch, OLD_S + 1) is None
    quiet = streaming(kind)
    assert seen(quiet, 10 + max(QUIET_S, OLD_S) + 1) is None


@JOINED
def test_nobody_asks_more_often_than_every_so_many_seconds(kind: MarketTrades) -> None:
    watch = TradeWatch(kind)
    assert [watch.wants(second) for second in (0, 1, ASK_EVERY_S - 1)] == [True, False, False]
    assert watch.wants(ASK_EVERY_S)


@JOINED
def test_news_that_come_later_than_usual_do_not_stand_for_a_sound_stream(kind: MarketTrades) -> None:
    watch = streaming(kind)
    for number in range(11, 10 + int(QUIET_S) + 5):
        watch.take(trades(number), number + 5)  # the first came at once, and these are five seconds old
    assert watch.wants(10 + QUIET_S + 1)


@JOINED
def test_a_bounded_number_is_kept_and_what_goes_is_not_said_to_be_there(
    kind: MarketTrades, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_watch, "MOST", 7)
    watch = streaming(kind)
    assert numbers(seen(watch, 10)) == list(range(1, 11)), "half as much more is still kept"
    watch.take(trades(11), 11)
    tape = whole_of(watch, 12)
    assert numbers(tape) == list(range(5, 12))
    assert tape.since == at(4)
    watch.take(trades(2), 12)  # told again after it went
    again = whole_of(watch, 12)
    assert again.traded(timedelta(minutes=5)).count == 7


@JOINED
def test_what_is_older_than_anybody_looks_back_goes_and_the_last_trade_stays(
    kind: MarketTrades, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_watch, "KEPT", timedelta(seconds=4))
    watch = TradeWatch(kind)
    watch.take(trades(10), 10)
    watch.fill(trades(*range(3, 11)), at(10))
    tape = whole_of(watch, 10)
    assert numbers(tape) == [6, 7, 8, 9, 10]
    assert tape.since == at(5)
    watch.take([trade(11, 500)], 500)
    late = whole_of(watch, 501)
    assert numbers(late) == [11]
    assert late.traded(timedelta(minutes=5)).count == 1


@JOINED
def test_so_many_at_once_that_some_may_be_lost_are_a_hole(
    kind: MarketTrades, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trade_watch, "MOST_AT_ONCE", 3)
    watch = streaming(kind)
    watch.take(trades(11, 12, 13), 13)
    assert watch.wants(10 + CLOSE_EVERY_S)
    watch.fill(trades(*range(8, 14)), at(40))
    assert numbers(seen(watch, 40)) == list(range(1, 14))


def test_a_pair_that_never_traded_is_whole_and_empty() -> None:
    watch = TradeWatch(MarketTrades.SHARED)
    watch.fill([], at(0))
    assert seen(watch, 1) == Tape((), at(0), at(0))
    watch.take(trades(5), 5)
    watch.fill(trades(5), at(6))
    assert numbers(seen(watch, 7)) == [5]


@ALONE
def test_a_stream_whose_ids_are_its_own_is_whole_from_its_first_word_and_never_mixed(
    kind: MarketTrades,
) -> None:
    watch = TradeWatch(kind)
    watch.fill([trade(5, name="r5"), trade(6, name="r6")], at(6))
    watch.take(trades(6), 6)  # it may be the same as one that is known, and says nothing new
    assert [each.trade_id for each in whole_of(watch, 7).trades] == ["r5", "r6"]
    watch.take(trades(7), 7)
    watch.take(trades(8), 8)
    tape = whole_of(watch, 8)
    assert numbers(tape) == [7, 8]
    assert tape.since == at(7)
    watch.forget()
    watch.take(trades(20), 20)
    assert numbers(seen(watch, 21)) == [20], "what was missed is missing, and nothing older is told"


def test_a_silent_stream_with_ids_of_its_own_keeps_its_trades_where_a_request_tells_no_newer_one() -> None:
    watch = TradeWatch(MarketTrades.APART)
    watch.take(trades(1, 2), 2)
    late = 3 + QUIET_S
    assert watch.wants(late)
    watch.fill([trade(0, name="a"), trade(2, name="b")], at(late))
    assert numbers(seen(watch, late)) == [1, 2]
    later = late + QUIET_S + 1
    assert watch.wants(later)
    watch.fill([trade(2, name="b"), trade(9, name="c")], at(later))
    tape = whole_of(watch, later)
    assert [each.trade_id for each in tape.trades] == ["b", "c"]
    watch.take(trades(70), later + 1)
    assert numbers(seen(watch, later + 2)) == [70]


def test_trades_without_a_name_all_count() -> None:
    watch = TradeWatch(MarketTrades.APART)
    watch.take([trade(1, name=""), trade(1, name="")], 1)
    watch.take([trade(2, name="")], 2)
    tape = whole_of(watch, 3)
    assert len(tape.trades) == 3


def test_where_no_request_tells_the_market_none_is_made() -> None:
    watch = TradeWatch(MarketTrades.UNASKED)
    assert not watch.wants(1_000)
    watch.take(trades(1), 1)
    assert numbers(seen(watch, 2)) == [1]
    assert seen(watch, 2 + QUIET_S) is None


@dataclass
class Chance:
    """A market, a stream and requests about it of which anything may go wrong, by the dice."""

    kind: MarketTrades
    dice: random.Random
    now: float = 0.0
    happened: list[PublicTrade] = field(default_factory=list)
    told: list[PublicTrade] = field(default_factory=list)
    waiting: list[PublicTrade] = field(default_factory=list)
    """What the stream, while it stands, has not told yet."""
    stands: bool = False

    def __post_init__(self) -> None:
        self.watch = TradeWatch(self.kind)

    def passes(self) -> None:
        """Let time pass, and perhaps somebody trade."""
        self.now = round(self.now + self.dice.choice((0.1, 0.3, 0.5, 2, 40)), 3)
        if self.dice.random() < 0.7:
            self.happened.append(trade(len(self.happened) + 1, self.now))
            self.waiting += self.happened[-1:] * self.stands

    def streams(self) -> None:
        """Let the stream begin, break, or tell what waits: in any order, with some of it again."""
        if not self.stands:
            self.stands = self.dice.random() < 0.3
        elif self.dice.random() < 0.05:
            self.stands, self.waiting = False, []
            self.watch.forget()
        else:
            again = self.dice.sample(self.told[-9:], min(2, len(self.told)))
            said = self.waiting + again * (self.dice.random() < 0.5)
            self.watch.take(self.dice.sample(said, len(said)), self.now)
            self.told, self.waiting = self.told + self.waiting, []

    def asks(self) -> None:
        """Ask where it is wanted: some answers are lost, late, or reach back too little."""
        if self.watch.wants(self.now) and self.dice.random() < 0.8:
            late = len(self.happened) > 4 and self.dice.random() < 0.3
            page = self.happened[: len(self.happened) - 4 * late][-self.dice.choice((2, 15, 60)) :]
            if self.kind is MarketTrades.APART:
                page = [replace(each, trade_id=f"r{each.trade_id}") for each in page]
            known_to = page[-1].at if late else at(self.now)
            self.watch.fill(page, known_to)


@pytest.mark.parametrize("kind", [MarketTrades.NUMBERED, MarketTrades.SHARED, MarketTrades.APART])
@pytest.mark.parametrize("seed", range(20))
def test_what_is_called_whole_is_whole_whatever_breaks(kind: MarketTrades, seed: int) -> None:
    chance, whole = Chance(kind, random.Random(seed)), 0
    for _ in range(800):
        chance.passes()
        chance.streams()
        chance.asks()
        if (tape := seen(chance.watch, chance.now)) is None:
            continue
        told = [each.at for each in tape.trades if tape.since < each.at <= tape.until]
        assert told == [each.at for each in chance.happened if tape.since < each.at <= tape.until]
        assert list(tape.trades) == sorted(tape.trades, key=lambda each: each.order)
        whole += len(told) > 3
    assert whole > 100, "some of it must be told"
