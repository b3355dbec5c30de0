"""From hello to a market maker that fills, and back out: real processes, real protocols, every digit."""

import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from sandbox.world import BTC, USDT
from tests.journeys.books import assert_books_agree, assert_nothing_is_open
from tests.journeys.instance import Instance, Person, until
from tests.journeys.steps import deposit, fills, owed_to, start_run, stop_run, withdraw

SEED = int(os.environ.get("MRMARKET_KILL_SEED", "20261123"))
"""When whom to kill; another one is another journey."""

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]


async def _id_of(person: Person) -> str:
    people = (await person.instance.mixin("people"))["people"]
    return next(str(p["user_id"]) for p in people if p["name"] == person.name)


async def _assert_everything_came_back(person: Person, before: dict[str, object]) -> None:
    """Check that what arrived in the wallet is deposits + trading result - fees, to the last digit."""
    instance = person.instance
    run = await instance.rows(
        """
        SELECT sum(CASE side WHEN 'buy' THEN quantity ELSE -quantity END) AS base,
               sum(CASE side WHEN 'buy' THEN -quote_quantity ELSE quote_quantity END) AS quote,
               sum(fee) FILTER (WHERE fee_coin = 'BTC') AS fee_base,
               sum(fee) FILTER (WHERE fee_coin = 'USDT') AS fee_quote
        FROM fills
        """
    )
    result = {name: value or 0 for name, value in run[0].items()}
    after = await person.wallet()
    left = await owed_to(instance, await _id_of(person))
    assert after[BTC] - before[BTC] + left.get("BTC", 0) == result["base"] - result["fee_base"]  # type: ignore[operator]
    assert after[USDT] - before[USDT] + left.get("USDT", 0) == result["quote"] - result["fee_quote"]  # type: ignore[operator]


async def test_journey_ends_with_every_digit_where_it_belongs(tmp_path: Path) -> None:
    async with Instance(tmp_path / "state") as instance:
        alice = instance.person("Alice")
        await alice.asks("Hi", "deposit")
        before = await alice.wallet()
        await deposit(alice, "USDT", "1000")
        await deposit(alice, "BTC", "0.02")
        await start_run(alice, "BTC/USDT", "balanced", "0.02", "1000")
        await until(lambda: _at_least(instance, 20), 60, "20 fills")
        await stop_run(alice)
        await assert_nothing_is_open(instance)
        await withdraw(alice, "USDT")
        await withdraw(alice, "BTC")
        await assert_books_agree(instance)
        await _assert_everything_came_back(alice, dict(before))


OURS = ("bot", "workers")
ALL = (*OURS, "mixin", "venue", "postgres", "redis")


@pytest.mark.parametrize("victims", [OURS, ALL], ids=["ours", "all"])
async def test_journey_survives_killed_processes(tmp_path: Path, victims: tuple[str, ...]) -> None:
    dice = random.Random(SEED)
    async with Instance(tmp_path / "state") as instance:
        alice = instance.person("Alice")
        await alice.asks("Hi", "deposit")
        before = await alice.wallet()
        killing = asyncio.create_task(_kill_at_random(instance, dice, victims))
        await deposit(alice, "USDT", "1000")
        await deposit(alice, "BTC", "0.02")
        await start_run(alice, "BTC/USDT", "balanced", "0.02", "1000")
        await until(lambda: _at_least(instance, 5), 90, "5 fills")
        await stop_run(alice, within_s=90)
        await withdraw(alice, "USDT")
        await withdraw(alice, "BTC")
        await killing
        await assert_nothing_is_open(instance)
        await assert_books_agree(instance)
        await _assert_everything_came_back(alice, dict(before))
        sent = [m for m in await alice.messages() if "is in your Mixin wallet" in str(m.get("text"))]
        assert len(sent) == 2


async def test_journey_survives_a_restart_of_everything(tmp_path: Path) -> None:
    async with Instance(tmp_path / "state") as instance:
        alice = instance.person("Alice")
        await alice.asks("Hi", "deposit")
        before = await alice.wallet()
        await deposit(alice, "USDT", "1000")
        await deposit(alice, "BTC", "0.02")
        await start_run(alice, "BTC/USDT", "balanced", "0.02", "1000")
        await until(lambda: _at_least(instance, 3), 60, "3 fills")
        await instance.stop()
        await instance.start()
        had = await fills(instance)
        await until(lambda: _at_least(instance, had + 3), 60, "3 more fills")
        await stop_run(alice)
        await withdraw(alice, "USDT")
        await withdraw(alice, "BTC")
        await assert_nothing_is_open(instance)
        await assert_books_agree(instance)
        await _assert_everything_came_back(alice, dict(before))


async def _at_least(instance: Instance, count: int) -> bool:
    return await fills(instance) >= count


async def _kill_at_random(instance: Instance, dice: random.Random, victims: Sequence[str]) -> None:
    """Kill one or more of the processes at five random moments."""
    for _ in range(5):
        await asyncio.sleep(dice.uniform(1.5, 7))
        for name in dice.sample(victims, dice.randint(1, min(3, len(victims)))):
            instance.kill(name)
