"""Roles of the database: made, given their passwords, and granted what ``adapters.db.grants`` says.

Whoever migrates either may make roles (a superuser, or a login with CREATEROLE) or may not, as at some
hosters; then the statements that somebody else has to run are handed back.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.db.grants import DEFINERS, FUNCTIONS, NOBODYS, SEARCH_PATH, SETTINGS, TABLES, Role

PREFIX = "mrmarket"
_ITERATIONS = 4096
_SIMPLE = re.compile(r"[a-z][a-z0-9_]{0,40}")

_ME = """
    SELECT current_user AS name, rolsuper AS super, rolsuper OR rolcreaterole AS may_create
    FROM pg_roles WHERE rolname = current_user
"""
_EXISTING = "SELECT rolname::text AS name FROM pg_roles WHERE rolname = ANY ($1::text[])"
_ADMINISTERED = f"{_EXISTING} AND pg_has_role(oid, 'MEMBER WITH ADMIN OPTION')"
_ORDINARY = "LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
_FOREIGN = """
    SELECT format('ALTER %s %s OWNER TO {owner}', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
                  oid::regclass) AS sql
    FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relowner <> '{owner}'::regrole AND relkind IN ('r', 'v')
    UNION ALL
    SELECT format('ALTER FUNCTION %s OWNER TO {owner}', oid::regprocedure)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner <> '{owner}'::regrole
"""
_FOUND = """
    SELECT relname::text AS name, relkind = 'v' AS view, relrowsecurity AS secured FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_CALLABLE = """
    SELECT proname::text AS name, oid::regprocedure::text AS signature FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
"""
_POLICIES = (
    "SELECT tablename::text AS name, policyname::text AS policy FROM pg_policies WHERE schemaname = 'public'"
)


class BadRoleName(ValueError):
    """A prefix that cannot begin the names of roles."""


@dataclass(frozen=True, slots=True)
class Names:
    """How the roles of one instance are called; several instances may share one server."""

    prefix: str = PREFIX

    def __post_init__(self) -> None:
        """Refuse what would have to be quoted."""
        if not _SIMPLE.fullmatch(self.prefix):
            raise BadRoleName(
                f"it has small letters, digits and _, and begins with a letter, unlike {self.prefix!r}"
            )

    def of(self, role: Role) -> str:
        """Return a role's name in the database."""
        return f"{self.prefix}_{role.value}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of the roles: as whom to migrate, and what somebody else must do."""

    acting: str | None
    """The role that owns everything, when this login may act as it; otherwise this login owns it."""
    missing: tuple[Role, ...]
    locked: tuple[Role, ...]
    """Roles made now, without a password: they cannot log in yet."""


async def prepare(connection: Any, names: Names, passwords: Mapping[Role, str]) -> Prepared:
    """Make the roles as far as this login may, and hand them what already stands in the database.

    Roles outlive their databases, so one that exists is used as it is; its password is set when one is given.
    """
    me = await connection.fetchrow(_ME)
    known = await _known(connection, names)
    absent = [role for role in Role if names.of(role) not in known]
    new = absent if me["may_create"] else []
    for role in new:
        await connection.execute(creation(role, names))
    ours = await _known(connection, names, _ADMINISTERED)
    for role in Role:
        if names.of(role) in ours:
            for sql in _upkeep(role, names, passwords.get(role), attributes=me["super"]):
                await connection.execute(sql)
    owner = names.of(Role.MIGRATE)
    missing = tuple(role for role in absent if role not in new)
    acts = Role.MIGRATE not in missing and await _become(connection, me, owner, administered=owner in ours)
    return Prepared(owner if acts else None, missing, tuple(role for role in new if role not in passwords))


def _upkeep(role: Role, names: Names, password: str | None, *, attributes: bool) -> Iterator[str]:
    if attributes:
        yield f"ALTER ROLE {names.of(role)} {_ORDINARY}"
    yield from settings_of(role, names)
    if password:
        yield f"ALTER ROLE {names.of(role)} PASSWORD '{scram(password)}'"


async def _become(connection: Any, me: Any, owner: str, *, administered: bool) -> bool:
    """Let this login act as the owner, and the owner own everything; tell whether that could be done."""
    if me["name"] == owner:
        return True
    if not administered:
        return bool(await connection.fetchval("SELECT pg_has_role($1, 'SET')", owner))
    if not me["super"]:
        await connection.execute(f"GRANT {owner} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE")
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {owner}")
    await connection.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {owner}")
    for row in await connection.fetch(_FOREIGN.format(owner=owner)):
        await connection.execute(row["sql"])
    return True


async def _known(connection: Any, names: Names, which: str = _EXISTING) -> set[str]:
    rows = await connection.fetch(which, [names.of(role) for role in Role])
    return {row["name"] for row in rows}


def creation(role: Role, names: Names) -> str:
    """Return the statement that makes a role which can do nothing yet."""
    return f"CREATE ROLE {names.of(role)} {_ORDINARY}"


def settings_of(role: Role, names: Names) -> list[str]:
    """Return the statements that set how long a role's sessions wait."""
    return [f"ALTER ROLE {names.of(role)} SET {key} = '{value}'" for key, value in SETTINGS[role].items()]


def script(roles: Iterable[Role], names: Names) -> list[str]:
    """Return what somebody who may make roles has to run for those that are missing."""
    return [
        line
        for role in roles
        for line in (f"{creation(role, names)} PASSWORD '…'", *settings_of(role, names))
    ]


def scram(password: str) -> str:
    """Return a password as Postgres keeps it, so that the word itself reaches neither server nor log."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, client64, server64 = (base64.b64encode(part).decode() for part in (salt, client, server))
    return f"SCRAM-SHA-256${_ITERATIONS}:{salt64}${client64}:{server64}"


async def undecided(connection: Any) -> list[str]:
    """Return tables, views and functions of which ``adapters.db.grants`` says nothing."""
    tables = {row["name"] for row in await connection.fetch(_FOUND)}
    functions = {row["name"] for row in await connection.fetch(_CALLABLE)}
    return sorted((tables - TABLES.keys()) | (functions - FUNCTIONS.keys()))


async def close_doors(connection: Any, names: Names, database: str) -> None:
    """Let nobody in but our roles, and nobody make anything: a table of one's own could stand before ours.

    Binds only as far as the login owns the database; a hoster's warning that it does not is no error.
    """
    roles = await _others(connection, names)
    quoted = '"' + database.replace('"', '""') + '"'
    statements = [f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC", "REVOKE ALL ON SCHEMA public FROM PUBLIC"]
    for role in roles:
        statements += [
            f"REVOKE ALL ON DATABASE {quoted} FROM {names.of(role)}",
            f"GRANT CONNECT ON DATABASE {quoted} TO {names.of(role)}",
            f"REVOKE ALL ON SCHEMA public FROM {names.of(role)}",
            f"GRANT USAGE ON SCHEMA public TO {names.of(role)}",
        ]
    async with connection.transaction():
        for sql in statements:
            await connection.execute(sql)


async def _others(connection: Any, names: Names) -> list[Role]:
    """Return the roles that exist, but for the owner, who needs no grant."""
    known = await _known(connection, names)
    return [role for role in Role if role is not Role.MIGRATE and names.of(role) in known]


async def grant(connection: Any, names: Names) -> None:
    """Take every right from everybody and give what the data says; all at once, as the owner."""
    roles = await _others(connection, names)
    tables = await connection.fetch(_FOUND)
    functions = [(row["name"], row["signature"]) for row in await connection.fetch(_CALLABLE)]
    policies = [(row["name"], row["policy"]) for row in await connection.fetch(_POLICIES)]
    statements = [
        "SET LOCAL lock_timeout = '10s'",
        "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        *(sql for table in tables for sql in _table(table["name"], roles, names)),
        *(f'DROP POLICY "{policy}" ON "{table}"' for table, policy in policies),
        *(sql for table in tables if not table["view"] for sql in _rows(table, roles, names)),
        *(sql for name, signature in functions for sql in _function(name, signature, roles, names)),
    ]
    async with connection.transaction():
        for sql in statements:
            await connection.execute(sql)


def _table(table: str, roles: Iterable[Role], names: Names) -> Iterator[str]:
    yield f'REVOKE ALL ON "{table}" FROM PUBLIC'
    for role in roles:
        yield f'REVOKE ALL ON "{table}" FROM {names.of(role)}'
        if table in TABLES and (rights := TABLES[table].of(role)):
            yield f'GRANT {rights} ON "{table}" TO {names.of(role)}'


def _rows(found: Mapping[str, Any], roles: Iterable[Role], names: Names) -> Iterator[str]:
    """Behind row-level security lies every table with rows not for all who may read; the owner is exempt."""
    table, entry = found["name"], TABLES.get(found["name"])
    personal = entry is not None and entry.whose != NOBODYS
    divided = personal or (entry is not None and entry.apps_rows != "")
    if divided != found["secured"]:
        yield f'ALTER TABLE "{table}" {"ENABLE" if divided else "DISABLE"} ROW LEVEL SECURITY'
    if entry is None or not divided:
        return
    for role in roles:
        policy = f'CREATE POLICY {role.value}_rows ON "{table}"'
        if role is Role.WEB and personal:
            yield f"{policy} FOR SELECT TO {names.of(role)} USING ({entry.whose})"
        elif role is Role.APP and entry.apps_rows:
            yield f"{policy} TO {names.of(role)} USING ({entry.apps_rows})"
        elif role is Role.ANGEL and entry.angels_rows:
            yield f"{policy} TO {names.of(role)} USING ({entry.angels_rows})"
        elif role is not Role.WEB and entry.of(role):
            yield f"{policy} TO {names.of(role)} USING (true) WITH CHECK (true)"


def _function(name: str, signature: str, roles: Iterable[Role], names: Names) -> Iterator[str]:
    yield f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC"
    rights = "DEFINER" if name in DEFINERS else "INVOKER"
    yield f"ALTER FUNCTION {signature} SECURITY {rights} SET search_path = {SEARCH_PATH}"
    for role in roles:
        yield f"REVOKE ALL ON FUNCTION {signature} FROM {names.of(role)}"
        if role in FUNCTIONS.get(name, ()):
            yield f"GRANT EXECUTE ON FUNCTION {signature} TO {names.of(role)}"
