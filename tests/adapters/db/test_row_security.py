"""I9: the web's connection sees the rows of the person it named, and no other person's, in any table."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from adapters.db.grants import NOBODYS, TABLES, Role
from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from domain.ids import AssetId, RunId, UserId, VenueAccountName
from domain.ledger.model import Cause, Hold, Posting, Transfer, available, mixin, run, venue
from domain.money import Coin, Token

ALICE, BOB = ("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b")
USDT, VENUE = Coin("USDT"), VenueAccountName("fake-1")
DOLLARS = mixin(Token(AssetId("asset"), USDT, "Ethereum"))
PERSONAL = sorted(table for table, entry in TABLES.items() if entry.whose != NOBODYS)

ONE_ROW_EACH = {
    "users": "INSERT INTO users (user_id) VALUES ($1)",
    "inbox": """
        INSERT INTO inbox (user_id, conversation_id, message_id, representative_id, kind, body, sent_at,
        received_at) VALUES ($1, 'c', 'm', '', 'message', 'b', now(), now())
    """,
    "outbox": "INSERT INTO outbox (user_id, kind, cause, params) VALUES ($1, 'k', '1', '{}')",
    "conversations": "INSERT INTO conversations VALUES ($1, 'flow', 'state', '{}', now())",
    "audit": "INSERT INTO audit (who, action, params, params_hash, cause, at) VALUES ($1, 'a', '{}', "
    "repeat('0', 64), 'c', now())",
    "role_changes": """
        WITH off AS MATERIALIZED (SELECT set_config('session_replication_role', 'replica', true))
        INSERT INTO role_changes (user_id, from_role, to_role, audit)
        SELECT who, 'user', 'admin', audit.number FROM off, audit WHERE who = $1
    """,
    "owner_tries": "INSERT INTO owner_tries (user_id, at) VALUES ($1, now())",
    "outputs": """
        INSERT INTO outputs VALUES ('o-' || $1, 1, 'h', 0, 'asset', 1, $1, '', '', false, false, now(),
        'h', 'deposit', '', now())
    """,
    "pending_deposits": "INSERT INTO pending_deposits VALUES ('o-' || $1, $1, 'pending', now())",
    "kept_outputs": """
        INSERT INTO kept_outputs VALUES ('o-' || $1, $1, 'asset', 1, 'below_minimum', true, 'kept')
    """,
    "deposit_intents": """
        INSERT INTO deposit_intents VALUES ('d-' || $1, $1, 'asset', 'USDT', 'n', 1, 't-' || $1, '',
        now())
    """,
    "payouts": """
        INSERT INTO payouts (id, purpose, receiver, asset_id, coin, network, amount, fee, state,
        request_id, created_at, due_at) VALUES ('p-' || $1, 'withdrawal', $1, 'asset', 'USDT', 'n', 1, 0,
        'requested', 'r-' || $1, now(), now())
    """,
    "reservations": "INSERT INTO reservations VALUES ('o-' || $1, 'p-' || $1, 0)",
    "confirmations": "INSERT INTO confirmations VALUES ('h-' || $1, $1, 'a', 'p', now())",
    "runs": """
        INSERT INTO runs (id, user_id, number, account, base, quote, strategy, preset, config_version,
        state, base_start, quote_start, started_at) VALUES ('run-' || right($1, 1), $1, 1, 'fake-1',
        'BTC', 'USDT', 's', '', 1, 'running', 0, 1, now())
    """,
    "conversions": """
        INSERT INTO conversions (id, user_id, number, account, base, quote, side, resting, worst, amount,
        quantity, patience_s, fee_version, state, created_at, began_at) VALUES ('cv-' || right($1, 1), $1,
        1, 'fake-1', 'BTC', 'USDT', 'sell', false, 1, 1, 0, 60, 0, 'converting', now(), now())
    """,
    "recoveries": """
        INSERT INTO recoveries (run_id, account, epoch, began_at)
        VALUES ('run-' || right($1, 1), 'fake-1', 1, now())
    """,
    "run_configs": """
        INSERT INTO run_configs (run_id, version, config) VALUES ('run-' || right($1, 1), 1, '{}')
    """,
    "order_intents": """
        INSERT INTO order_intents (id, client_order_id, run_id, account, epoch, base, quote, side, price,
        quantity, post_only, not_after, state) VALUES ('i-' || right($1, 1), 'c' || right($1, 1), 'run-'
        || right($1, 1), 'fake-1', 1, 'BTC', 'USDT', 'buy', 1, 1, true, now(), 'sending')
    """,
    "asked_orders": """
        WITH off AS MATERIALIZED (SELECT set_config('session_replication_role', 'replica', true))
        INSERT INTO asked_orders (id, run_id, account, asker, epoch, base, quote, side, price, quantity,
        post_only, immediate, not_after) SELECT 'a-' || right($1::text, 1), 'run-' || right($1::text, 1),
        'fake-1', 'fake-2', 1, 'BTC', 'USDT', 'buy', 1, 1, true, false, now() FROM off
    """,
    "fills": """
        INSERT INTO fills (account, base, quote, trade_id, intent_id, run_id, order_id, side, price,
        quantity, quote_quantity, fee, fee_coin, maker, at) VALUES ('fake-1', 'BTC', 'USDT', $1, 'i-' ||
        right($1, 1), 'run-' || right($1, 1), 'o', 'buy', 1, 1, 1, 0, 'BTC', true, now())
    """,
    "fill_versions": """
        INSERT INTO fill_versions (account, base, quote, trade_id, version, kind, price, quantity,
        quote_quantity, fee, fee_coin, fee_known, borne) VALUES ('fake-1', 'BTC', 'USDT', $1, 2, 'fee', 1,
        1, 1, 0, 'BTC', true, 0)
    """,
    "page_links": """
        INSERT INTO page_links VALUES (right($1, 1) || repeat('0', 63), $1, 'run', '/runs/1', now(), now())
    """,
    "fee_charges": """
        INSERT INTO fee_charges (account, base, quote, trade_id, version, run_id, coin, fee, state)
        VALUES ('fake-1', 'BTC', 'USDT', $1, 1, 'run-' || right($1, 1), 'BNB', 1, 'waiting')
    """,
    "fee_schedules": """
        INSERT INTO fee_schedules (version, deposit_bps, withdrawal_bps, trading_bps, effective_at,
        created_by) SELECT 1, 100, 0, 0, now(), 'settings' WHERE NOT EXISTS (SELECT FROM fee_schedules)
        AND $1::text <> ''
    """,
    "service_fees": """
        WITH off AS MATERIALIZED (SELECT set_config('session_replication_role', 'replica', true))
        INSERT INTO service_fees (fee, kind, cause, version, user_id, run_id, coin, basis, amount)
        SELECT 'deposit', 'deposit', $1::text, 1, $1::text, '', 'USDT', 1, 0.01 FROM off
    """,
}
"""In an order in which they may follow each other; what the ledger keeps is posted below."""

LEDGER = {"accounts", "balances", "transfers", "postings", "holds"}


async def live(store: PostgresStore, admin: Any, person: str) -> None:
    """Give a person a row in every table."""
    for sql in ONE_ROW_EACH.values():
        await admin.execute(sql, person)
    ledger, user, run_id = PostgresLedger(store), UserId(person), RunId(f"run-{person[-1]}")
    mine, at_work = available(user, USDT), run(run_id, VENUE, USDT)
    for cause, postings in (
        ("deposit", [Posting(DOLLARS, mine, Decimal(10))]),
        ("opening", [Posting(venue(VENUE, USDT), mine, Decimal(10))]),
        ("start", [Posting(mine, at_work, Decimal(5))]),
    ):
        await ledger.post(Transfer(Cause(cause, person), tuple(postings)))
    await ledger.hold(Hold(Cause("withdrawal", person), mine, Decimal(1)))


@pytest.fixture
async def web(store: PostgresStore, admin: Any, url_of: Callable[[Role], str]) -> Any:
    """Give the web's connection where two people live, with a right to look into every table."""
    await admin.execute("INSERT INTO venue_accounts (name, venue) VALUES ('fake-1', 'fake')")
    await admin.execute(
        "INSERT INTO leases SELECT 'venue:fake-1', 1, 'w', 'held', interval '1 minute', "
        "lease_clock() + interval '1 minute', lease_clock(), build, schema_version FROM deployment"
    )
    for person in (ALICE, BOB):
        await live(store, admin, person)
    for table in PERSONAL:
        await admin.execute(f"GRANT SELECT ON {table} TO mrmarket_web")
    connection = await asyncpg.connect(url_of(Role.WEB))
    yield connection
    await connection.close()


async def seen(web: Any, person: str | None) -> dict[str, set[str]]:
    """Return the rows of every personal table, as text, that a connection for a person sees."""
    async with web.transaction():
        if person is not None:
            await web.execute("SELECT set_config('mrmarket.user_id', $1, true)", person)
        return {
            table: {row[0] for row in await web.fetch(f"SELECT to_jsonb(t)::text FROM {table} t")}  # noqa: S608 - names of ours
            for table in PERSONAL
        }


async def test_each_sees_the_own_rows_and_nobody_elses(web: Any, admin: Any) -> None:
    alice, bob = await seen(web, ALICE), await seen(web, BOB)
    for table in PERSONAL:
        everything = {row[0] for row in await admin.fetch(f"SELECT to_jsonb(t)::text FROM {table} t")}  # noqa: S608 - names of ours
        assert alice[table], f"give people rows in {table} above, or nothing is shown here"
        assert bob[table]
        assert not alice[table] & bob[table], table
        assert alice[table] | bob[table] <= everything
        for row in alice[table]:
            assert BOB not in row
            assert "run-b" not in row


async def test_rows_of_a_person_are_all_of_them(web: Any, admin: Any) -> None:
    """What is hidden belongs to somebody else: nothing of one's own is missing."""
    alice = await seen(web, ALICE)
    for table in set(PERSONAL) & ONE_ROW_EACH.keys():
        assert len(alice[table]) == 1, table
    assert {table: len(alice[table]) for table in LEDGER} == {
        "accounts": 2,
        "balances": 2,
        "transfers": 3,
        "postings": 3,
        "holds": 1,
    }


@pytest.mark.parametrize("person", [None, "", "nobody", "%", f"{ALICE}' OR true --"])
async def test_without_a_person_nothing_is_visible(web: Any, person: str | None) -> None:
    assert {table: rows for table, rows in (await seen(web, person)).items() if rows} == {}


async def test_a_person_is_forgotten_with_the_transaction(web: Any) -> None:
    await seen(web, ALICE)
    assert await web.fetchval("SELECT count(*) FROM users") == 0


async def test_every_table_is_somebodys_or_nobodys_and_no_policy_is_missing(admin: Any) -> None:
    rows = await admin.fetch(
        "SELECT relname, relrowsecurity FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    )
    divided = {table for table, entry in TABLES.items() if entry.apps_rows}
    assert {row["relname"] for row in rows if row["relrowsecurity"]} == set(PERSONAL) | divided
    assert {row["relname"] for row in rows} <= TABLES.keys()
    policies = await admin.fetch("SELECT tablename FROM pg_policies WHERE 'mrmarket_web' = ANY (roles)")
    assert sorted(row["tablename"] for row in policies) == PERSONAL


async def test_a_table_with_a_persons_id_is_a_persons(admin: Any) -> None:
    """A new table that names people cannot be called nobody's by oversight; a view no page reads may."""
    rows = await admin.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND column_name IN ('user_id', 'receiver', 'sender', 'run_id', 'person')"
    )
    views = await admin.fetch("SELECT viewname::text AS name FROM pg_views WHERE schemaname = 'public'")
    unread = {row["name"] for row in views if not TABLES[row["name"]].of(Role.WEB)}
    assert {row["table_name"] for row in rows} - set(PERSONAL) - unread == set()


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO users (user_id) VALUES ('x')",
        "UPDATE runs SET state = 'stopping'",
        "DELETE FROM conversations",
        "SELECT release_hold('order', '1')",
        "SELECT body FROM inbox",
        "SELECT signed_raw FROM payouts",
        "SELECT token_hash FROM confirmations",
        "SELECT token_hash FROM page_links",
        "UPDATE page_links SET seen_at = now()",
        "SET ROLE mrmarket_app",
    ],
)
async def test_the_web_may_not(url_of: Callable[[Role], str], sql: str) -> None:
    connection = await asyncpg.connect(url_of(Role.WEB))
    await connection.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(sql)
    await connection.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT release_hold('order', '1')",
        "UPDATE order_intents SET state = 'cancelled'",
        "SELECT * FROM postings",
        "SELECT * FROM payouts",
        "SELECT body FROM inbox",
        "INSERT INTO transfers (kind, cause, fingerprint, postings) VALUES ('a', '1', repeat('0', 64), 1)",
    ],
)
async def test_the_angel_may_not(url_of: Callable[[Role], str], sql: str) -> None:
    connection = await asyncpg.connect(url_of(Role.ANGEL))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(sql)
    assert await connection.fetch("SELECT * FROM order_intents") == []
    await connection.close()


async def test_the_poller_sees_nothing_of_ours(url_of: Callable[[Role], str]) -> None:
    connection = await asyncpg.connect(url_of(Role.POLLER))
    for table in TABLES:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"SELECT FROM {table}")
    await connection.close()
