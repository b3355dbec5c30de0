"""What each role may do: the catalogue says what the data says, and no table is forgotten."""

import re
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from adapters.db.grants import DEFINERS, FUNCTIONS, SEARCH_PATH, SETTINGS, TABLES, Role
from adapters.db.migrate import migrate_fully
from adapters.db.roles import Names, undecided
from domain.angel.watch import Patience

RIGHTS = """
    SELECT c.relname::text, coalesce(r.rolname::text, 'public'), a.privilege_type, ''::text
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.grantee <> c.relowner
    UNION ALL
    SELECT c.relname, coalesce(r.rolname, 'public'), a.privilege_type, t.attname
    FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid CROSS JOIN LATERAL aclexplode(t.attacl) a
    LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE c.relnamespace = 'public'::regnamespace
"""
CALLS = """
    SELECT p.proname::text AS name, coalesce(r.rolname::text, 'public') AS role
    FROM pg_proc p
    CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    LEFT JOIN pg_roles r ON r.oid = a.grantee
    WHERE p.pronamespace = 'public'::regnamespace AND a.grantee <> p.proowner
"""
NAMES = Names()


def said(table: str, role: Role) -> set[tuple[str, str, str, str]]:
    """Return what the data grants, a privilege and a column each."""
    words = re.findall(r"(\w+)(?: \(([^)]*)\))?", TABLES[table].of(role))
    return {
        (table, NAMES.of(role), right, column.strip())
        for right, columns in words
        for column in columns.split(",")
    }


def everything_said() -> set[tuple[str, str, str, str]]:
    return {
        right for table in TABLES for role in Role if role is not Role.MIGRATE for right in said(table, role)
    }


async def test_catalogue_grants_what_the_data_says_and_nothing_else(admin: Any) -> None:
    assert {tuple(row.values()) for row in await admin.fetch(RIGHTS)} == everything_said()


async def test_functions_may_be_called_by_those_the_data_names(admin: Any) -> None:
    found = {tuple(row.values()) for row in await admin.fetch(CALLS)}
    assert found == {(name, NAMES.of(role)) for name, roles in FUNCTIONS.items() for role in roles}


async def test_nothing_is_undecided_and_nothing_decided_is_absent(admin: Any) -> None:
    assert await undecided(admin) == []
    tables = await admin.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
    functions = await admin.fetch("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    assert TABLES.keys() - {row["relname"] for row in tables} == set()
    assert FUNCTIONS.keys() == {row["proname"] for row in functions}


async def test_new_table_view_and_function_without_a_decision_are_named(admin: Any) -> None:
    await admin.execute("CREATE TABLE forgotten (x INT); CREATE VIEW unseen AS SELECT 1")
    await admin.execute("CREATE FUNCTION unsaid() RETURNS INT LANGUAGE sql AS 'SELECT 1'")
    assert await undecided(admin) == ["forgotten", "unsaid", "unseen"]


async def test_what_was_granted_by_hand_is_taken_back(admin: Any, admin_url: str) -> None:
    await admin.execute("GRANT INSERT, TRUNCATE ON postings TO mrmarket_app, PUBLIC")
    await admin.execute("GRANT UPDATE (amount) ON postings TO mrmarket_web")
    await admin.execute("GRANT EXECUTE ON FUNCTION lock_hold(text, text) TO PUBLIC")
    await admin.execute("CREATE POLICY open_door ON runs TO mrmarket_web USING (true)")
    await admin.execute("ALTER TABLE runs DISABLE ROW LEVEL SECURITY")
    await admin.execute("ALTER TABLE coins ENABLE ROW LEVEL SECURITY")
    await admin.execute("CREATE FUNCTION account_text(account INT) RETURNS INT LANGUAGE sql AS 'SELECT 1'")
    await admin.execute("ALTER ROLE mrmarket_web CREATEDB INHERIT")
    await migrate_fully(admin_url, NAMES, {})
    assert {tuple(row.values()) for row in await admin.fetch(RIGHTS)} == everything_said()
    assert await admin.fetchval("SELECT count(*) FROM pg_policies WHERE policyname = 'open_door'") == 0
    secured = "SELECT relname FROM pg_class WHERE relname IN ('runs', 'coins') AND relrowsecurity"
    assert await admin.fetchval(secured) == "runs"
    assert not await admin.fetchval(
        "SELECT has_function_privilege('mrmarket_web', 'account_text(int)', 'EXECUTE')"
    )
    assert not await admin.fetchval(
        "SELECT rolcreatedb OR rolinherit FROM pg_roles WHERE rolname = 'mrmarket_web'"
    )
    assert not await admin.fetchval(
        "SELECT has_function_privilege('mrmarket_web', 'lock_hold(text, text)', 'EXECUTE')"
    )


async def test_definers_are_those_the_data_names_and_every_path_is_fixed(admin: Any) -> None:
    rows = await admin.fetch(
        "SELECT proname::text AS name, prosecdef, proconfig FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace"
    )
    assert {row["name"] for row in rows if row["prosecdef"]} == DEFINERS
    assert {tuple(row["proconfig"]) for row in rows} == {(f"search_path={SEARCH_PATH}",)}


async def test_only_our_roles_come_in_and_none_makes_anything(database_url: str) -> None:
    await migrate_fully(database_url, NAMES, {})
    connection = await asyncpg.connect(database_url)
    database = database_url.rpartition("/")[2]
    rights = {
        (row["role"], row["privilege"])
        for row in await connection.fetch(
            "SELECT coalesce(r.rolname::text, 'public') AS role, a.privilege_type AS privilege "
            "FROM pg_database d CROSS JOIN LATERAL aclexplode(d.datacl) a "
            "LEFT JOIN pg_roles r ON r.oid = a.grantee WHERE d.datname = $1 AND a.grantee <> d.datdba",
            database,
        )
    }
    assert rights == {(NAMES.of(role), "CONNECT") for role in Role}
    for role in Role:
        may = await connection.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", NAMES.of(role))
        assert may is (role is Role.MIGRATE)
    await connection.close()


async def test_one_role_owns_everything_and_the_rest_are_ordinary(admin: Any) -> None:
    owners = await admin.fetch(
        "SELECT relowner::regrole::text AS owner FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "UNION SELECT proowner::regrole::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    assert [row["owner"] for row in owners] == ["mrmarket_migrate"]
    special = await admin.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'mrmarket\\_%' AND (rolsuper OR rolcreaterole OR "
        "rolcreatedb OR rolreplication OR rolbypassrls OR rolinherit OR NOT rolcanlogin)"
    )
    assert special == []
    assert (
        await admin.fetch(
            "SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member "
            "WHERE r.rolname LIKE 'mrmarket\\_%'"
        )
        == []
    )


@pytest.mark.parametrize("role", [Role.APP, Role.WORKERS])
def test_a_worker_that_freezes_inside_a_transaction_is_let_go_before_the_angel_comes(role: Role) -> None:
    """With 15 s the Angel waited for the lease's row until then, and orders rested so long."""
    most_s = float(SETTINGS[role]["idle_in_transaction_session_timeout"].removesuffix("s"))
    assert most_s < Patience().silence_s


@pytest.mark.parametrize("role", list(Role))
async def test_sessions_of_a_role_wait_no_longer_than_said(url_of: Callable[[Role], str], role: Role) -> None:
    connection = await asyncpg.connect(url_of(role))
    found = {key: await connection.fetchval(f"SHOW {key}") for key in SETTINGS[role]}
    await connection.close()
    assert found == SETTINGS[role]
