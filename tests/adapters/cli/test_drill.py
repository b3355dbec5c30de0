"""``mrmarket drill angel``: where it refuses, what it asks the database, and what it tells in the end."""

import asyncio
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest

from adapters.build import build_name, schema_version
from adapters.cli.command import CannotDo
from adapters.cli.doctor import last_drill
from adapters.cli.drill import rehearse, run
from adapters.cli.drill_control import CommandControl, SandboxControl
from adapters.cli.drill_place import Place
from adapters.cli.findings import drill_said, spoken
from adapters.db.drills import LastDrill, PostgresDrills
from adapters.db.grants import Role
from adapters.db.leases import Claimant, PostgresLeases
from adapters.db.pages import WebDatabase
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueAccount, VenueKey
from domain.health.drill import Drill, DrillVerdict
from domain.ids import VenueAccountName
from domain.leases import Scope
from domain.market.model import Pair
from domain.secrets import Secret
from tests.domain.services.trading_world import World
from tests.fakes.exchange import FakeExchange

DRILL = Drill("d", datetime(2026, 11, 1, tzinfo=UTC), 12, 11.0, 8.2, 20.0, 31.0)
ACCOUNT = VenueAccount(
    VenueAccountName("fake-1"), "fake", VenueKey(Secret("k"), Secret("s")), {}, rehearsal=True
)


class Idle:
    """Kills nobody and starts nobody."""

    async def kill(self) -> None:
        raise AssertionError("nobody may be killed")

    async def start(self) -> None:
        """Start nobody."""


def place(store: PostgresStore, exchanges: Sequence[object] = (), *accounts: VenueAccount) -> Place:
    return Place(store, cast("Any", exchanges), accounts, Idle(), "mrmarket")


@pytest.mark.database
async def test_real_accounts_idle_ones_and_no_angel_are_refused_in_this_order(
    store: PostgresStore, url_of: Callable[[Role], str]
) -> None:
    real = replace(ACCOUNT, rehearsal=False)
    assert await place(store).refusal() == "drill_not_rehearsal"
    assert await place(store, (), ACCOUNT, real).refusal() == "drill_not_rehearsal"
    assert await place(store, (), ACCOUNT).refusal() == "drill_not_at_work"
    with pytest.raises(CannotDo, match="real coins are at stake"):
        await rehearse(place(store, (), real), 11.0, spoken("en"))
    world = World(store)
    await world.rounds(world.worker(), 2)
    assert await place(store, (), ACCOUNT).refusal() == "drill_no_angel"
    there = await PostgresLeases(store, Claimant("b", build_name(), schema_version())).take(
        [Scope("venue:elsewhere")], 10
    )
    assert await place(store, (), ACCOUNT).refusal() == "drill_strange_account"
    with pytest.raises(CannotDo, match="file of accounts does not name"):
        await rehearse(place(store, (), ACCOUNT), 11.0, spoken("en"))
    await PostgresLeases(store, Claimant("b", build_name(), schema_version())).release(there)
    angel = await asyncpg.connect(url_of(Role.ANGEL))
    try:
        assert await place(store, (), ACCOUNT).refusal() == ""
    finally:
        await angel.close()


@pytest.mark.database
async def test_safe_is_what_the_angel_wrote_after_the_kill_and_back_is_a_lease_that_lasts(
    store: PostgresStore, admin: Any, url_of: Callable[[Role], str]
) -> None:
    world = World(store)
    await world.rounds(world.worker(), 2)
    safe = """
        INSERT INTO angel_entries (id, angel, scope, epoch, kind, facts, at, late, answer)
        VALUES (gen_random_uuid(), 'angel:a', 'venue:fake-1', 2, 'safe', '{}', now(), false, '{}')
    """
    await admin.execute(safe)
    angel = await asyncpg.connect(url_of(Role.ANGEL))
    here = place(store, (), ACCOUNT)
    assert await here.refusal() == ""
    assert not await here.safe(), "an older one does not count"
    await admin.execute(safe)
    assert await here.safe()
    assert await here.back()
    await admin.execute("UPDATE leases SET state = 'released' WHERE scope = 'venue:fake-1'")
    assert not await here.back()
    await angel.close()


@pytest.mark.database
async def test_our_own_resting_orders_are_counted(store: PostgresStore) -> None:
    world = World(store)
    await world.person(BTC="0.05", USDT="4000")
    worker = world.worker()
    await world.rounds(worker, 2)
    await world.start("0.01", "500")
    await world.rounds(worker, 3)
    exchange = FakeExchange(world.venue, "fake-1")
    ours = replace(ACCOUNT, pairs=(Pair.parse("BTC/USDT"),))
    assert await place(store, (exchange,), ours).resting() == len(world.venue.resting()) > 0


@pytest.mark.database
async def test_results_are_kept_and_the_pages_read_the_newest(
    store: PostgresStore, url_of: Callable[[Role], str]
) -> None:
    drills, pages = PostgresDrills(store), WebDatabase(url_of(Role.WEB))
    assert (await drills.newest(), await LastDrill(pages).seen()) == (None, None)
    await drills.add(DRILL)
    later = replace(DRILL, id="e", began_at=datetime(2026, 11, 2, tzinfo=UTC), flat_s=None, safe_s=None)
    await drills.add(later)
    assert (await drills.newest(), await LastDrill(pages).seen()) == (later, later)
    await pages.close()


@pytest.mark.database
async def test_the_doctor_tells_the_newest_drill(admin: Any, url_of: Callable[[Role], str]) -> None:
    settings: Any = SimpleNamespace(database_url=Secret(url_of(Role.APP)))
    assert await last_drill(settings, spoken("en")) == {}
    add = """
        INSERT INTO drills (id, kind, began_at, orders, allowed_s, flat_s)
        VALUES ('d', 'angel', $1, 12, 11, $2)
    """
    await admin.execute(add, DRILL.began_at, 14)
    found = await last_drill(settings, spoken("en"))
    assert (found["drill"].well, found["drill"].said[:11]) == (False, "2026-11-01:")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    "facts", [{}, {"flat_s": 14.0}, {"flat_s": None, "safe_s": None}, {"safe_s": None}, {"back_s": None}]
)
def test_every_verdict_says_what_to_do(facts: dict[str, float | None], language: str) -> None:
    drill = replace(DRILL, **cast("Any", facts))
    assert len(drill_said(drill, spoken(language))) > 30
    assert drill.verdict in DrillVerdict


def test_every_step_has_words() -> None:
    for step in ("kill", "flat", "not_flat", "safe", "not_safe", "start", "back", "not_back"):
        assert all(spoken(language)(f"drill_step_{step}") for language in ("en", "zh"))


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({}, "Say where"),
        ({"down": "kill it"}, "Say where"),
        ({"sandbox": Path("/nowhere")}, "No sandbox runs from /nowhere"),
    ],
)
def test_without_a_place_nothing_is_killed(asked: dict[str, object], sentence: str) -> None:
    words: dict[str, object] = {"sandbox": None, "down": "", "up": "", "allowed": 11.0, "lang": "en"}
    with pytest.raises(CannotDo, match=sentence):
        run(Namespace(**{**words, **asked}))


@pytest.mark.parametrize("command", ["false", "no-such-command-here", "'unclosed"])
async def test_a_command_that_does_not_do_it_is_told(command: str) -> None:
    with pytest.raises(CannotDo, match=command.strip("'")):
        await CommandControl(command, "true").kill()
    await CommandControl(command, "true").start()


async def test_a_command_sees_no_setting_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MRMARKET_DATABASE_URL", "postgres://secret")
    await CommandControl("sh -c 'test -z \"$MRMARKET_DATABASE_URL\"'", "true").kill()


async def test_the_sandbox_is_told_by_a_file_which_goes_with_the_drill(tmp_path: Path) -> None:
    victim = await asyncio.create_subprocess_exec("sleep", "60")
    (tmp_path / "run.json").write_text(f'{{"pids": {{"workers": {victim.pid}, "angel": 1}}}}')
    killing = asyncio.create_task(SandboxControl(tmp_path).kill())
    while not (down := tmp_path / "drill").exists():
        await asyncio.sleep(0.01)
    assert down.read_text().split() == ["workers"]
    victim.kill()
    await killing
    await SandboxControl(tmp_path).start()
    assert not down.exists()
    await victim.wait()
