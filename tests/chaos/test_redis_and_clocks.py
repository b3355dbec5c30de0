"""Redis emptied and killed for long (T12), and clocks that are wrong (T31)."""

import asyncio
import math
import random
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.assurance import Assure
from tests.chaos.judge import assert_nothing_lost_or_doubled
from tests.chaos.shop import SEED_NOW, Payments, Shop, open_shop, open_trading, size
from tests.chaos.test_processes import settle_and_judge
from tests.journeys.instance import until
from tests.journeys.steps import deposit, fills, stop_run

pytestmark = [pytest.mark.journey, pytest.mark.timeout(3600)]

REDIS_S, REDIS_EVERY_S = size("CHAOS_REDIS_S", 20), size("CHAOS_REDIS_EVERY_S", 5)
CALM_S = size("CHAOS_CALM_S", 10)
ADDED_AT_MOST_S = 3.0

OFFSETS_S = (3600.0, -3600.0)
WRONG_S = size("CHAOS_WRONG_CLOCK_S", 10)
SKEW_MS = 2_000
ZONE = "Australia/Lord_Howe"
"""Ten and a half hours ahead, and its summer is half an hour: who counts by it is never right."""
NOTICED_WITHIN_S = 120
"""The venue's clock is asked for every minute."""

_LATENCIES = """
    SELECT request_id, extract(epoch FROM recorded_at - created_at)::float AS seconds FROM outputs
    WHERE kind = 'deposit'
"""


def p99(values: Sequence[float]) -> float:
    """Return what all but one of a hundred stay within."""
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]


async def latencies(payments: Payments) -> dict[str, float]:
    """Return how many seconds each payment took until it was booked."""
    await until(payments.all_there, 120, "every payment is booked")
    rows = await payments.person.instance.rows(_LATENCIES)
    return {row["request_id"]: row["seconds"] for row in rows if row["request_id"] in payments.paid}


async def spoil_redis(shop: Shop, dice: random.Random, seconds: float) -> int:
    """Empty Redis or kill it, again and again; return how often."""
    redis = Redis.from_url(shop.facts["urls"]["redis"], socket_timeout=1, socket_connect_timeout=1)
    loop, done = asyncio.get_running_loop(), 0
    until_s = loop.time() + seconds
    try:
        while loop.time() < until_s:
            await asyncio.sleep(REDIS_EVERY_S)
            done += 1
            if dice.random() < 0.5:
                shop.signal("redis", signal.SIGKILL)
                continue
            try:
                await redis.flushall()
            except (RedisError, OSError):
                done -= 1  # it has not been started again yet
    finally:
        await redis.aclose()
    return done


async def test_redis_may_go_as_often_as_it_likes(tmp_path: Path, assure: Assure) -> None:
    dice = random.Random(SEED_NOW)
    async with open_shop(tmp_path / "state", f"Redis in trouble for {REDIS_S} s") as shop:
        await open_trading(shop.person("Alice"))
        bob = shop.person("Bob")
        await bob.asks("Hi", "deposit", 60)
        await deposit(bob, "USDT", "50")
        payments = Payments(bob)
        await payments.pay_for(CALM_S)
        calm = await latencies(payments)
        spoiled, _ = await asyncio.gather(spoil_redis(shop, dice, REDIS_S), payments.pay_for(REDIS_S))
        await settle_and_judge(shop, payments)
        every = await latencies(payments)
    troubled = [seconds for trace, seconds in every.items() if trace not in calm]
    added = p99(troubled) - p99(list(calm.values()))
    assure("T12", len(troubled), 0, spoiled=spoiled, added_p99_ms=int(added * 1000))
    assert added <= ADDED_AT_MOST_S, f"p99 calm {p99(list(calm.values())):.2f}, troubled {p99(troubled):.2f}"


async def orders(shop: Shop) -> int:
    """Return how many orders have been intended so far."""
    return int((await shop.rows("SELECT count(*) AS n FROM order_intents"))[0]["n"])


async def assert_trading_pauses(shop: Shop) -> None:
    """Wait until no new order is intended for a while; what rests may rest, if no clock can cancel it."""

    async def stands_still() -> bool:
        had = await orders(shop)
        await asyncio.sleep(WRONG_S)
        return await orders(shop) == had

    await until(stands_still, NOTICED_WITHIN_S, "trading pauses while a clock is wrong")


async def assert_trading_goes_on(shop: Shop) -> None:
    """Wait until new trades are booked."""
    had = await fills(shop)

    async def more() -> bool:
        return await fills(shop) > had

    await until(more, 180, "trading goes on with clocks that are right")


async def test_wrong_clocks_pause_trading_and_lose_nothing(
    tmp_path: Path, assure: Assure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", ZONE)  # of all processes
    async with open_shop(tmp_path / "state", "wrong clocks") as shop:
        await open_trading(shop.person("Alice"))
        bob = shop.person("Bob")
        await bob.asks("Hi", "deposit", 60)
        payments = Payments(bob)
        for offset_s in OFFSETS_S:
            await assert_trading_goes_on(shop)
            shop.turn_clock(offset_s)
            await payments.pay_for(3)
            await assert_trading_pauses(shop)
            shop.turn_clock(0)
            await until(payments.all_there, 120, "what was paid meanwhile is credited")
        await assert_trading_goes_on(shop)
        await shop.venue("faults", "POST", skew_ms=SKEW_MS)
        await assert_trading_pauses(shop)
        await shop.venue("faults", "POST")
        await assert_trading_goes_on(shop)
        await stop_run(shop.person("Alice"), within_s=180)
        await assert_nothing_lost_or_doubled(shop)
        took = await shop.rows("SELECT facts->>'reason' AS why FROM angel_entries WHERE kind = 'take'")
        dead = [row["why"] for row in took if "cannot take off" not in row["why"]]
        assert dead == [], "leases know the database's clock alone: nobody seems dead whose clock is wrong"
    assure("T31", len(OFFSETS_S) + 1, 0, payments=len(payments.paid))
