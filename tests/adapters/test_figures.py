"""Figures as Prometheus reads them: exact, with the database and without it, and naming nobody."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from adapters.build import build_name, schema_version
from adapters.db.grants import Role
from adapters.db.leases import Claimant, PostgresLeases
from adapters.db.progress import PostgresProgress
from adapters.db.store import PostgresStore
from adapters.figures import Figure, figures_of, render
from adapters.health import WaitingProbe
from domain.health.progress import WHOLE, Progress
from domain.leases import WALLET, Scope
from sandbox.children import free_port

NOBODY = "00000000-0000-4000-8000-00000000000a"


def test_figures_are_rendered_as_the_format_says() -> None:
    odd = Figure("mrmarket_odd", "A \\ and\na line.", [({"a": 'x"y\\z\n'}, 3), ({"a": ""}, 0.25)])
    assert render(
        [odd, Figure("mrmarket_one", "One.", [({}, True)]), Figure("mrmarket_none", "No.", [])]
    ) == (
        "# HELP mrmarket_odd A \\\\ and\\na line.\n"
        "# TYPE mrmarket_odd gauge\n"
        'mrmarket_odd{a="x\\"y\\\\z\\n"} 3.0\n'
        'mrmarket_odd{a=""} 0.25\n'
        "# HELP mrmarket_one One.\n"
        "# TYPE mrmarket_one gauge\n"
        "mrmarket_one 1.0\n"
        "# HELP mrmarket_none No.\n"
        "# TYPE mrmarket_none gauge\n"
    )


async def test_a_database_that_is_away_is_a_figure_and_no_error() -> None:
    dsn = f"postgres://user:hunter2@127.0.0.1:{free_port()}/x"
    text = render(await figures_of(dsn, "bot", "not connected to Mixin"))
    assert 'mrmarket_live{process="bot"} 0.0\n' in text
    assert "mrmarket_database_up 0.0\n" in text
    assert "hunter2" not in text


async def test_what_is_late_waits_or_is_unclear_is_measured_for_every_login_that_asks(
    store: PostgresStore, admin: Any, url_of: Callable[[Role], str]
) -> None:
    leases = PostgresLeases(store, Claimant("a", build_name(), schema_version()))
    await leases.take([WALLET, Scope("venue:main")], 10)
    await PostgresProgress(store, "workers", "a").say(
        [Progress(WHOLE), Progress(Scope("venue:main"), 1.5, 25.0)]
    )
    await admin.execute("INSERT INTO venue_accounts (name, venue) VALUES ('main', 'binance')")
    await admin.execute("INSERT INTO users (user_id) VALUES ($1)", NOBODY)
    await admin.execute(
        "INSERT INTO outbox (user_id, kind, cause, params, created_at) "
        "VALUES ($1, 'k', '1', '{}', clock_timestamp() - $2::interval)",
        NOBODY,
        timedelta(seconds=90),
    )
    await _order(admin, age=timedelta(seconds=60))
    figures = await figures_of(url_of(Role.WEB), "webapp", "")
    found = {figure.name: [value for _, value in figure.samples] for figure in figures}
    text = render(figures)
    assert await WaitingProbe(url_of(Role.WEB)).ask() == "ok"
    assert found["mrmarket_late_seconds"] == [0.0, 25.0]
    assert found["mrmarket_working"] == [True, False]
    assert found["mrmarket_queue_waiting"] == [0.0, 1.0]
    assert 90 <= found["mrmarket_queue_age_seconds"][1] < 100
    assert 'mrmarket_unknown_orders{account="main",older_than_s="30"} 1.0\n' in text
    assert 'mrmarket_unknown_orders{account="main",older_than_s="300"} 0.0\n' in text
    assert 'mrmarket_lease_held{scope="venue:main"} 1.0\n' in text
    assert 'mrmarket_halts{account="main"} 0.0\n' in text
    assert NOBODY not in text
    await admin.execute("UPDATE outbox SET created_at = created_at - interval '5 min'")
    await _order(admin, age=timedelta(seconds=360), name="j")
    said = (await WaitingProbe(url_of(Role.WEB)).ask()).split(", ")
    assert said[0].startswith("outbox for 39")
    assert said[1] == "1 orders at main without a clear answer"
    for role in (Role.APP, Role.WORKERS):
        names = [figure.name for figure in await figures_of(url_of(role), "bot", "")]
        assert names == [figure.name for figure in figures]


async def _order(admin: Any, age: timedelta, name: str = "i") -> None:
    """Plant an order without a clear answer, past the rules for new ones."""
    await admin.execute("SET session_replication_role = 'replica'")
    await admin.execute(
        "INSERT INTO order_intents (id, client_order_id, run_id, account, epoch, base, quote, side, price, "
        "quantity, post_only, not_after, state, created_at) VALUES ($2, $2, 'r', 'main', 1, 'BTC', 'USDT', "
        "'buy', 1, 1, true, now(), 'unknown', clock_timestamp() - $1::interval)",
        age,
        name,
    )
    await admin.execute("SET session_replication_role = 'origin'")
