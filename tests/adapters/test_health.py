"""What the readiness page asks: the real database and the real Redis, there and away."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from adapters.build import build_name, schema_version
from adapters.db.grants import Role
from adapters.db.leases import Claimant, PostgresLeases
from adapters.db.progress import PostgresProgress
from adapters.db.reconciliation import PostgresReconciliations
from adapters.db.store import PostgresStore
from adapters.health import (
    DatabaseProbe,
    LeaseProbe,
    ProcessProbe,
    ReconciliationProbe,
    RedisProbe,
    connect_redis,
    rows_of,
)
from domain.health.progress import WHOLE, Progress
from domain.leases import WALLET, Scope
from domain.money import Coin
from domain.reconciliation.model import Line, Round
from sandbox.children import free_port
from sandbox.redis import start_redis
from tests.domain.services.test_chain import World
from tests.domain.services.trading_world import World as TradingWorld
from tests.fakes.leases import move_lease_clock


async def test_a_database_that_answers_is_ok_and_tells_the_chains_head(
    url_of: Callable[[Role], str], store: PostgresStore
) -> None:
    probe, world = DatabaseProbe(url_of(Role.WEB)), World(store)
    assert (await probe.ask(), probe.head) == ("ok", "")
    await world.post(1)
    await world.service().round()
    assert (await probe.ask(), probe.head) == ("ok", str(await world.chain.head()))


async def test_a_database_without_a_schema_is_not_ready(database_url: str) -> None:
    assert await DatabaseProbe(database_url).ask() == "does not answer (UndefinedTableError)"


async def test_a_database_that_is_away_is_told_without_its_password() -> None:
    said = await DatabaseProbe(f"postgres://user:hunter2@127.0.0.1:{free_port()}/x").ask()
    assert said.startswith("does not answer")
    assert "hunter2" not in said


async def test_a_database_that_refuses_us_is_told(database_url: str) -> None:
    said = await DatabaseProbe(database_url.rpartition("/")[0] + "/nowhere").ask()
    assert said == "does not answer (InvalidCatalogNameError)"


async def test_a_database_that_freezes_in_the_middle_is_no_answer(url_of: Callable[[Role], str]) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await rows_of(url_of(Role.APP), "SELECT 1", "SELECT pg_sleep(30)")
    assert time.monotonic() - began < 8


async def test_what_nobody_acts_for_is_told(
    store: PostgresStore, admin: Any, url_of: Callable[[Role], str]
) -> None:
    probe = LeaseProbe(url_of(Role.WEB))
    assert await probe.ask() == "nobody acts for wallet"
    leases = PostgresLeases(store, Claimant("a", build_name(), schema_version()))
    await leases.take([WALLET, Scope("venue:main"), Scope("venue:gone")], 10)
    await leases.release({Scope("venue:gone"): 1})
    assert await probe.ask() == "ok"
    await move_lease_clock(admin, 11)
    assert await probe.ask() == "nobody acts for venue:main, wallet"
    assert (await LeaseProbe(url_of(Role.POLLER)).ask()).startswith("cannot be read")


async def test_an_account_with_a_market_maker_that_nobody_takes_after_a_deploy_is_told(
    store: PostgresStore, admin: Any, url_of: Callable[[Role], str]
) -> None:
    probe, world = LeaseProbe(url_of(Role.WEB)), TradingWorld(store)
    await world.person(BTC="0.05", USDT="4000")
    worker = world.worker()
    await world.rounds(worker, 2)
    leases = PostgresLeases(store, Claimant("a", build_name(), schema_version()))
    await leases.take([WALLET], 300)
    ended = PostgresLeases(store, Claimant("worker", build_name(), schema_version()))
    scope = Scope("venue:fake-1")
    await ended.release({scope: worker.desk.epoch})
    await move_lease_clock(admin, 200)
    assert await probe.ask() == "ok", "nothing of anybody is there"
    await world.rounds(worker, 3)
    await world.start("0.01", "500")
    await world.rounds(worker, 3)
    await ended.release({scope: worker.desk.grip.epoch})
    assert await probe.ask() == "ok", "a deploy takes its time"
    await move_lease_clock(admin, 200 + 121)
    assert await probe.ask() == "nobody acts for venue:fake-1, wallet"


async def test_a_place_that_was_not_seen_to_agree_for_long_is_told(
    store: PostgresStore, url_of: Callable[[Role], str]
) -> None:
    probe, rounds, now = (
        ReconciliationProbe(url_of(Role.WEB)),
        PostgresReconciliations(store),
        datetime.now(UTC),
    )
    leases = PostgresLeases(store, Claimant("a", build_name(), schema_version()))
    await leases.take([WALLET, Scope("venue:main"), Scope("venue:new")], 10)
    assert (await probe.ask(), probe.ages_s) == ("ok", {}), (
        "nobody looked yet: the gate keeps it from trading"
    )
    short = Line(Coin("USDT"), Decimal(2), Decimal(1))
    await rounds.add(Round(WALLET, now - timedelta(seconds=50), ()))
    await rounds.add(Round(Scope("venue:main"), now - timedelta(seconds=170), ()))
    await rounds.add(Round(Scope("venue:main"), now, (short,)))
    assert await probe.ask() == "ok"
    assert 165 <= (probe.ages_s["venue:main"] or 0) <= 180
    await rounds.add(Round(Scope("venue:new"), now, (short,)))
    assert await probe.ask() == "not seen to agree for long: venue:new"
    assert probe.ages_s["venue:new"] is None
    assert (await ReconciliationProbe(url_of(Role.POLLER)).ask()).startswith("cannot be read")


async def test_a_process_is_heard_while_it_speaks_and_works(
    store: PostgresStore, admin: Any, url_of: Callable[[Role], str]
) -> None:
    bot, workers = ProcessProbe(url_of(Role.WEB), "bot"), ProcessProbe(url_of(Role.WEB), "workers")
    assert await bot.ask() == "was not heard of in the last seconds"
    one, two = PostgresProgress(store, "bot", "b"), PostgresProgress(store, "workers", "w")
    await one.say([Progress(WHOLE)])
    await two.say([Progress(WHOLE), Progress(Scope("venue:a")), Progress(Scope("venue:b"), late_s=21)])
    assert (await bot.ask(), await workers.ask()) == ("ok", "venue:b is 21 s late")
    await two.say([Progress(WHOLE), Progress(Scope("venue:a"))])
    assert await workers.ask() == "ok", "what it holds no more is nothing it can be late with"
    await move_lease_clock(admin, 11)
    assert await workers.ask() == "was not heard of in the last seconds"
    await one.end()
    assert [row["holder"] for row in await admin.fetch("SELECT holder FROM progress GROUP BY 1")] == ["w"]
    await move_lease_clock(admin, 3_700)
    await one.say([Progress(WHOLE)])
    assert [row["holder"] for row in await admin.fetch("SELECT holder FROM progress GROUP BY 1")] == ["b"]
    assert (await ProcessProbe(url_of(Role.POLLER), "bot").ask()).startswith("cannot be heard")


async def test_an_angel_is_missed_once_it_was_heard_of_and_not_before(
    store: PostgresStore, admin: Any, url_of: Callable[[Role], str]
) -> None:
    probe = ProcessProbe(url_of(Role.WEB), "angel", expected=False)
    assert await probe.ask() == "was never heard of"
    said = "SELECT angel_act(jsonb_build_object('kind', 'alive', 'angel', 'angel:a'))"
    angel = await asyncpg.connect(url_of(Role.ANGEL))
    await angel.execute(said)
    assert await probe.ask() == "ok"
    for later_s in (11, 100_000):
        await move_lease_clock(admin, later_s)
        await PostgresProgress(store, "bot", "b").say([Progress(WHOLE)])  # which forgets who is long gone
        assert await probe.ask() == "was not heard of in the last seconds"
    await angel.execute(said)
    assert await probe.ask() == "ok"
    await angel.close()


async def test_redis_is_there_or_away(tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    redis = connect_redis(server.url)
    try:
        assert await RedisProbe(redis).ask() == "ok"
        server.stop()
        assert (await RedisProbe(redis).ask()).startswith("does not answer")
    finally:
        server.stop()
        await redis.aclose()
