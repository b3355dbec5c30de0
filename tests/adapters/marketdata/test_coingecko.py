"""CoinGecko: asked rarely, read with suspicion."""

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import pytest

from adapters.marketdata.coingecko import EVERY_S, IDS, CoinGecko
from domain.errors import Unavailable
from domain.money import Coin
from domain.secrets import Secret
from tests.adapters.marketdata.gecko import Gecko, coingecko, row
from tests.clocks import WallClock

BTC = Coin("BTC")
Read = Callable[[], Awaitable[Decimal | None]]


class MovedClock(WallClock):
    """The real clock, from which seconds pass when told."""

    passed_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.passed_s


@pytest.fixture
async def gecko() -> AsyncIterator[Gecko]:
    async with coingecko() as running:
        yield running


@pytest.fixture
async def source(gecko: Gecko, clock: MovedClock) -> AsyncIterator[CoinGecko]:
    source = CoinGecko(gecko.url, clock, Secret("CG-demo"))
    yield source
    await source.close()


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


async def test_one_question_for_all_coins_serves_for_five_minutes(
    gecko: Gecko, source: CoinGecko, clock: MovedClock
) -> None:
    for _ in range(10):
        said = await source.readings([BTC, Coin("USDT")])
    assert said[BTC].change == Decimal("-0.0125")
    [asked] = gecko.asked
    assert (asked.query["ids"], asked.query["vs_currencies"]) == ("bitcoin,tether", "usd")
    assert asked.headers["x-cg-demo-api-key"] == "CG-demo"
    clock.passed_s = EVERY_S
    await source.readings([BTC])
    assert len(gecko.asked) == 2


async def test_whoever_is_told_to_wait_waits_longer_each_time(
    gecko: Gecko, source: CoinGecko, clock: MovedClock
) -> None:
    gecko.status = 429
    for waits_s in (EVERY_S, 2 * EVERY_S):
        with pytest.raises(Unavailable, match="prices_silent"):
            await source.readings([BTC])
        asked = len(gecko.asked)
        clock.passed_s += waits_s - 5
        await source.readings([BTC])
        assert len(gecko.asked) == asked
        clock.passed_s += 5
    gecko.status, gecko.headers = 429, {"Retry-After": "900"}
    with pytest.raises(Unavailable):
        await source.readings([BTC])
    clock.passed_s += 895
    await source.readings([BTC])
    gecko.status = 200
    clock.passed_s += 5
    assert (await source.readings([BTC]))[BTC].price == 60_000


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"bitcoin": 1}' + " " * 300_000],
    ids=["empty", "cut", "list", "null", "text", "deep", "large"],
)
async def test_what_is_no_answer_says_nothing(gecko: Gecko, source: CoinGecko, body: str) -> None:
    gecko.body = body
    with pytest.raises(Unavailable, match="prices_silent"):
        await source.readings([BTC])


@pytest.mark.parametrize("price", ["0", "-1", "1e999999", "NaN", "1e20", "[]", '"60000"x'])
async def test_a_price_that_makes_no_sense_is_left_out(gecko: Gecko, source: CoinGecko, price: str) -> None:
    await left_out(gecko, source, row(price))


@pytest.mark.parametrize("bitcoin", ["7", "null", "{}", row("60000", at=99_999_999_999_999)])
async def test_a_row_that_makes_no_sense_is_left_out(gecko: Gecko, source: CoinGecko, bitcoin: str) -> None:
    await left_out(gecko, source, bitcoin)


async def left_out(gecko: Gecko, source: CoinGecko, bitcoin: str) -> None:
    gecko.body = f'{{"bitcoin": {bitcoin}, "tether": {row("1")}}}'
    try:
        assert BTC not in await source.readings([BTC, Coin("USDT")])
    except Unavailable:
        assert "x" in bitcoin  # no JSON at all


@pytest.mark.parametrize(("said", "price"), [("1.5e-7", "0.00000015"), ("0.1", "0.1"), ("67000", "67000")])
async def test_numbers_are_read_as_they_are_written(
    gecko: Gecko, source: CoinGecko, said: str, price: str
) -> None:
    gecko.body = f'{{"bitcoin": {row(said, change="null")}}}'
    reading = (await source.readings([BTC]))[BTC]
    assert (reading.price, reading.change) == (Decimal(price), None)


@pytest.mark.parametrize("change", ["1e99", "-1e99", "1e-99", "null", '"much"', "[]"])
async def test_a_change_beyond_belief_takes_nothing_from_the_price(
    gecko: Gecko, source: CoinGecko, change: str
) -> None:
    gecko.body = f'{{"bitcoin": {row("60000", change=change)}}}'
    reading = (await source.readings([BTC]))[BTC]
    assert reading.price == 60_000
    assert not reading.change


async def test_a_server_that_is_not_there_is_silent(clock: MovedClock) -> None:
    source = CoinGecko("http://127.0.0.1:9/api/v3", clock)
    with pytest.raises(Unavailable, match="prices_silent"):
        await source.readings([BTC])
    await source.close()


def test_no_two_coins_are_one_at_coingecko() -> None:
    assert len(set(IDS.values())) == len(IDS)
