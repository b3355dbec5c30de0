"""A run that goes on with other settings: a version of its own, in force from the next tick (ST6)."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.db.store import PostgresStore
from domain.errors import Refused
from domain.ids import UserId
from domain.services.run_changes import RunChangeService
from tests.domain.services.trading_world import ALICE, BTC, USDT, World

DEPOSIT = {BTC: "0.02", USDT: "1000"}


@pytest.fixture
async def world(store: PostgresStore) -> World:
    world = World(store)
    await world.person(BTC="0.02", USDT="1000")
    return world


async def change(changes: RunChangeService, number: int = 1, **answers: str) -> int:
    token = await changes.confirm(ALICE, await changes.preview(ALICE, number, answers))
    return await changes.change(ALICE, number, answers, token)


async def test_a_change_is_a_new_version_that_the_next_tick_quotes_by(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    run = await world.start(refresh_s="3600")
    await world.rounds(worker, 1)
    before = {order.price for order in world.venue.resting()}
    assert await change(world.changes, levels="1", half_spread_bps="50") == 2
    await world.rounds(worker, 3)  # the next tick of the old version would be due in an hour
    assert sorted(order.price for order in world.venue.resting()) == [
        Decimal("59700.00"),
        Decimal("60300.00"),
    ]
    assert not before & {order.price for order in world.venue.resting()}
    rows = await world.store.fetch("SELECT version, config FROM run_configs ORDER BY version")
    assert [json.loads(row["config"])["levels"] for row in rows] == ["3", "1"]
    assert (await world.notices()).count("run_changed") == 1
    await world.desk_of_people.stop(ALICE, run.number)
    await world.until_stopped(worker)
    await world.check_ended(DEPOSIT)


async def test_a_longer_refresh_does_not_put_the_next_tick_off_for_days(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start(refresh_s="1", tolerance_bps="0")
    await world.rounds(worker, 20)
    await change(world.changes, refresh_s="60")
    seen = {order.client_order_id for order in world.venue.resting()}
    world.venue.move(5_999_950 + 3_000, 6_000_050 + 3_000)
    began = world.time.monotonic()
    while seen & {order.client_order_id for order in world.venue.resting()}:
        await world.rounds(worker, 1)
    assert world.time.monotonic() - began <= 61


async def test_what_cannot_be_is_refused_and_changes_nothing(world: World) -> None:
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start()
    for answers, code in (
        ({"half_spread_bps": "0"}, "parameter_out_of_range"),
        ({"half_spread_bps": "x"}, "parameter_not_understood"),
        ({"luck": "1"}, "parameter_unknown"),
        ({"levels": "3"}, "nothing_to_change"),
        ({"order_amount": "0.00001"}, "order_too_small"),
    ):
        with pytest.raises(Refused, match=code):
            await world.changes.preview(ALICE, 1, answers)
    with pytest.raises(Refused, match="run_unknown"):
        await world.changes.preview(UserId("00000000-0000-4000-8000-0000000000ff"), 1, {"levels": "2"})
    token = await world.changes.confirm(ALICE, await world.changes.preview(ALICE, 1, {"levels": "2"}))
    with pytest.raises(Refused, match="confirmation_unknown"):
        await world.changes.change(ALICE, 1, {"levels": "4"}, token)
    assert await change(world.changes, levels="5") == 2
    with pytest.raises(Refused, match="confirmation_unknown"):  # it was asked of the version before
        await world.changes.change(ALICE, 1, {"levels": "2"}, token)
    await world.desk_of_people.stop(ALICE, 1)
    with pytest.raises(Refused, match="run_not_running"):
        await world.changes.preview(ALICE, 1, {"levels": "2"})


async def test_of_changes_that_race_one_is_made_and_a_stop_wins_over_all(world: World) -> None:
    await world.rounds(world.worker(), 2)
    run = await world.start()
    wanted = [await world.changes.preview(ALICE, 1, {"levels": str(levels)}) for levels in (1, 2, 4)]
    tokens = [await world.changes.confirm(ALICE, each) for each in wanted]
    done = await asyncio.gather(
        *(
            world.changes.change(ALICE, 1, {"levels": levels}, t)
            for levels, t in zip("124", tokens, strict=True)
        ),
        return_exceptions=True,
    )
    assert [each for each in done if not isinstance(each, Refused)] == [2]
    assert not await world.runs.change(run, "", run.config)  # it is in version 2
    await world.desk_of_people.stop(ALICE, 1)
    assert not await world.runs.change(replace(run, config_version=2), "", run.config)
    rows = await world.store.fetch("SELECT version FROM run_configs ORDER BY version")
    assert [row["version"] for row in rows] == [1, 2]
