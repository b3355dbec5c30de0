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


def test_what_is_known_fills_the_picture_the_dearest_on_top() -> None:
    closes = ((1_410, "95"), (1_424, "105"), (1_439, "100"))
    chart = chart_of(RunDay(RUN.pair, minutes(*closes), SINCE, AT))
    assert chart is not None
    [line] = map(points, chart.lines)
    assert [x for x, _ in line] == [Decimal(n) for n in (0, 20, 300, WIDTH)], "30 minutes of 20 each"
    assert [y for _, y in line] == [Decimal(n) for n in (HEIGHT // 2, HEIGHT, 0, HEIGHT // 2)]
    assert [chart.low, chart.high, chart.change] == [Decimal(n) for n in (95, 105, 0)]
    assert (chart.since, chart.until) == (AT - timedelta(minutes=30), AT)


def test_there_is_no_line_where_nothing_is_known() -> None:
    known = minutes(*((n, "100") for n in (0, 1, 17, 18, 59)))
    chart = chart_of(RunDay(RUN.pair, known, SINCE, AT))
    assert chart is not None
    lines = list(map(points, chart.lines))
    assert [[x / 10 for x, _ in line] for line in lines] == [[0, 1, 2], [18, 19], [60]]
    assert {y for line in lines for _, y in line} == {HEIGHT // 2}, (
        "a price that stood still is in the middle"
    )


def test_a_whole_day_is_no_more_points_than_are_seen() -> None:
    day = RunDay(RUN.pair, minutes(*((n, str(100 + n % 7)) for n in range(1_440))), SINCE, AT)
    chart = chart_of(day)
    assert chart is not None
    [line] = map(points, chart.lines)
    assert len(line) == STEPS + 1
    assert line[-1][0] == WIDTH


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
