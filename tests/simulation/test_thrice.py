"""T3: everything comes three times, in any order; the books are those of coming once.

All orders of five things are tried, and random ones of fifteen; ``THRICE_SEEDS`` says how many of those.
"""

import itertools
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from adapters.db.store import PostgresStore
from domain.ids import AssetId
from tests.assurance import Assure
from tests.domain.services.money_world import USDT
from tests.simulation.deliveries import Event, Stage
from tests.simulation.test_planted import credits_what_it_sees

SEEDS = int(os.environ.get("THRICE_SEEDS", "20"))
STRANGE = AssetId("965e5c6e-434c-3fa9-b780-c50f43cd955c")


async def one_of_each(stage: Stage) -> list[Event]:
    """A message that moves money, two outputs, a trade, and a job."""
    [trade] = await stage.trades(1)
    return [
        await stage.yes(),
        stage.output(stage.person(), USDT.asset_id, "25.5"),
        stage.output(stage.person(), USDT.asset_id, "0.5"),
        trade,
        await stage.job(),
    ]


async def trades(stage: Stage) -> list[Event]:
    """Five trades of three orders."""
    return await stage.trades(5)


async def outputs(stage: Stage) -> list[Event]:
    """Two of one person, one of nobody, one too small, one of a coin that we do not take."""
    alice, token = stage.person(), USDT.asset_id
    return [
        stage.output(alice, token, "10"),
        stage.output(alice, token, "10"),
        stage.output(None, token, "10"),
        stage.output(stage.person(), token, "0.00000001"),
        stage.output(stage.person(), STRANGE, "10"),
    ]


async def messages(stage: Stage) -> list[Event]:
    """Three people confirm a withdrawal each, two ask for something."""
    asks = [stage.message(stage.person(), text) for text in ("/deposit", "nonsense")]
    return [await stage.yes(), await stage.yes(), await stage.yes(), *asks]


async def many_of_each(stage: Stage) -> list[Event]:
    """Three times one of each."""
    found = await stage.trades(3)
    for _ in range(3):
        found += [await stage.yes(), await stage.job()]
        found += [stage.output(stage.person(), USDT.asset_id, amount) for amount in ("7", "0.1")]
    return found


Scene = Callable[[Stage], Awaitable[list[Event]]]


def thrice(order: Sequence[Event], dice: random.Random) -> list[Event]:
    """Return an order in which each comes three times, its repeats anywhere after the first."""
    many = list(order)
    for event in order:
        for _ in range(2):
            many.insert(dice.randrange(many.index(event) + 1, len(many) + 1), event)
    return many


async def compare(stage: Stage, orders: Sequence[Sequence[Event]], once: Sequence[Event]) -> list[str]:
    """Return in which orders of delivery something else came of it than of delivering once."""
    expected = await stage.come_of(once)
    assert expected != await stage.come_of([])
    differing = []
    for number, order in enumerate(orders):
        found = await stage.come_of(order)
        differing += [f"order {number}: {name}" for name in found if found[name] != expected[name]]
    return differing


@pytest.mark.timeout(400)
@pytest.mark.parametrize("scene", [one_of_each, trades, outputs, messages])
async def test_five_things_three_times_in_every_order(
    store: PostgresStore, tmp_path: Path, assure: Assure, scene: Scene
) -> None:
    stage, dice = Stage(store, tmp_path), random.Random(scene.__name__)
    events = await scene(stage)
    orders = [thrice(order, dice) for order in itertools.permutations(events)]
    differing = await compare(stage, orders, events)
    assure("T3", len(orders), len(differing), deliveries=sum(map(len, orders)))
    assert not differing


@pytest.mark.timeout(400)
async def test_fifteen_things_three_times_in_any_order(
    store: PostgresStore, tmp_path: Path, assure: Assure
) -> None:
    stage, dice = Stage(store, tmp_path), random.Random(15)
    events = await many_of_each(stage)
    orders = [dice.sample(events * 3, 3 * len(events)) for _ in range(SEEDS)]
    differing = await compare(stage, orders, events)
    assure("T3", len(orders), len(differing), deliveries=sum(map(len, orders)))
    assert not differing


async def test_an_output_that_is_credited_as_often_as_it_comes_is_noticed(
    store: PostgresStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(store, tmp_path)
    events = await outputs(stage)
    credits_what_it_sees(monkeypatch)
    assert await compare(stage, [events * 3], events) == [
        "order 0: balances",
        "order 0: transfers",
    ]
