"""The line of a market: where prices were, broken where nothing is known, and there without a script."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from aiohttp.web import Application

from domain.market.candles import Candle
from domain.ports.live_runs import RunDay
from tests.fakes.candles import candle
from tests.webapp.own_world import ALICE, AT, RUN, Client, OwnWorld
from webapp.chart import HEIGHT, STEPS, WIDTH, chart_of

Dial = Callable[[Application], "asyncio.Future[Client]"]
SINCE = AT - timedelta(days=1)


def minutes(*closes: tuple[int, str]) -> list[Candle]:
    """Return the minutes that opened so long after the day began."""
    return [candle(SINCE + timedelta(minutes=after), close) for after, close in closes]


def points(line: str) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(x), Decimal(y)) for x, y in (point.split(",") for point in line.split())]


def test_the_dearest_is_on_top_the_cheapest_below_and_now_on_the_right() -> None:
    closes = ((1_429, "100"), (1_434, "104"), (1_439, "102"))
    chart = chart_of(RunDay(RUN.pair, minutes(*closes), SINCE, AT))
    assert chart is not None
    [(_, cheap), (_, dear), (now, last)] = points(chart.lines[0])
    assert [cheap, dear, last, now] == [Decimal(n) for n in (HEIGHT, 0, HEIGHT // 2, WIDTH)]
    assert [chart.low, chart.high, chart.change] == [Decimal(n) for n in (100, 104, 2)]
    assert chart.until == AT


def test_there_is_no_line_where_nothing_is_known() -> None:
    closes = [(n, "101") for n in (*range(30), *range(300, 330))]
    chart = chart_of(RunDay(RUN.pair, minutes(*closes), SINCE, AT))
    assert chart is not None
    first, second = map(points, chart.lines)
    ends, resumes = first[-1][0], second[0][0]
    assert (ends, resumes) == (Decimal("12.5"), Decimal("126.2")), "minutes 30 and 303 of 1,440, of 600"
    assert {y for _, y in first} == {HEIGHT // 2}, "a price that stood still is in the middle"


def test_a_whole_day_is_no_more_points_than_are_seen() -> None:
    day = RunDay(RUN.pair, minutes(*((n, str(100 + n % 7)) for n in range(1_440))), SINCE, AT)
    chart = chart_of(day)
    assert chart is not None
    assert [len(points(line)) for line in chart.lines] == [STEPS]


def test_nothing_known_is_nothing_drawn() -> None:
    assert chart_of(RunDay(RUN.pair, [], SINCE, AT)) is None


async def test_page_has_the_line_and_the_script_gets_it_alone(aiohttp_client: Dial) -> None:
    world = OwnWorld()
    client = await aiohttp_client(world.app())
    await world.enter(client, ALICE)
    assert "polyline" not in await (await client.get("/runs/1")).text()
    world.runs.minutes = minutes((1_400, "97.5"), (1_405, "98"))
    page = await (await client.get("/runs/1")).text()
    piece = await (await client.get("/runs/1/chart")).text()
    for words in (
        "polyline points=",
        "Lowest 97.5, highest 100, change -2%",
        "to 2026-11-27 12:56:00 UTC",
    ):
        assert words in page
        assert words in piece
    assert "<html" not in piece
