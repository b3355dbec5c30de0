"""T12: Redis emptied and killed again and again while people pay: it wakes, it holds nothing (RD1, RD2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from sandbox.world import USDT
from tests.journeys.books import assert_books_agree
from tests.journeys.instance import Instance, Person, until
from tests.journeys.steps import deposit, withdraw

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]

PAYMENTS, EVERY_S = 12, 0.8
ADDED_AT_MOST_S = 3.0

_LATENCIES = """
    SELECT extract(epoch FROM recorded_at - created_at)::float AS seconds FROM outputs
    WHERE amount = $1 AND kind = 'deposit' ORDER BY seconds
"""


async def test_nothing_is_lost_and_little_is_late_without_redis(tmp_path: Path) -> None:
    async with Instance(tmp_path / "state") as instance:
        alice = instance.person("Alice")
        await alice.asks("Hi", "deposit")
        await deposit(alice, "USDT", "100")
        calm = await pay_and_measure(alice, "1.5")
        async with redis_in_trouble(instance):
            troubled = await pay_and_measure(alice, "2.5")
            await withdraw(alice, "USDT", "50")
        await assert_books_agree(instance)
    assert len(calm) == len(troubled) == PAYMENTS
    assert max(troubled) <= max(calm) + ADDED_AT_MOST_S, f"calm {calm}, in trouble {troubled}"


async def pay_and_measure(person: Person, amount: str) -> list[float]:
    """Pay again and again; return how many seconds each payment took until it was booked."""
    for _ in range(PAYMENTS):
        await person.instance.mixin(
            f"people/{person.name}/transfer", "POST", asset_id=USDT, amount=amount, memo=""
        )
        await asyncio.sleep(EVERY_S)
    booked: list[float] = []

    async def all_booked() -> bool:
        rows = await person.instance.rows(_LATENCIES, Decimal(amount))
        booked[:] = [row["seconds"] for row in rows]
        return len(booked) == PAYMENTS

    await until(all_booked, 20, f"{PAYMENTS} payments are booked")
    return booked


@asynccontextmanager
async def redis_in_trouble(instance: Instance) -> AsyncIterator[None]:
    """Empty Redis every second, and kill it every third time."""
    spoiling = asyncio.create_task(_spoil(instance))
    try:
        yield
    finally:
        spoiling.cancel()
        await asyncio.gather(spoiling, return_exceptions=True)


async def _spoil(instance: Instance) -> None:
    redis = Redis.from_url(instance.facts["urls"]["redis"], socket_timeout=1, socket_connect_timeout=1)
    try:
        while True:
            for _ in range(3):
                await asyncio.sleep(1)
                try:
                    await redis.flushall()
                except (RedisError, OSError):
                    continue  # it has not been started again yet
            instance.kill("redis")
    finally:
        await redis.aclose()
