"""Bring a database to the present schema: ``python -m adapters.db.migrate``.

Several processes may start at once: an advisory lock lets one of them work and the others find it done.
Roles come first and what they may do comes last (``adapters.db.grants``). How to add a migration stands
in ``migrations/README.md``, what the roles are for in ``docs/operations.md``.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from aerich import Command

from adapters.build import build_name
from adapters.db.config import APP, connection_of, tortoise_config
from adapters.db.grants import Role
from adapters.db.roles import PREFIX, BadRoleName, Names, Prepared, close_doors, grant, prepare, script

LOCATION = Path(__file__).parents[2] / "migrations"
_LOCK = 0x6D6D6B74  # "mmkt"


_STAMP = """
    INSERT INTO deployment (build, schema_version, stamped_at)
    SELECT $1, max(split_part(version, '_', 1)::int), lease_clock() FROM aerich WHERE app = $2
    ON CONFLICT (only_row) DO UPDATE SET (build, schema_version, stamped_at)
        = (excluded.build, excluded.schema_version, excluded.stamped_at)
    WHERE (deployment.build, deployment.schema_version) <> (excluded.build, excluded.schema_version)
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a migration did."""

    applied: list[str]
    roles: Prepared


async def migrate(
    dsn: str, names: Names | None = None, passwords: Mapping[Role, str] | None = None
) -> list[str]:
    """Apply what is missing, each migration in its own transaction; return the names of those applied."""
    return (await migrate_fully(dsn, names or Names(), passwords or {})).applied


async def migrate_fully(dsn: str, names: Names, passwords: Mapping[Role, str]) -> Done:
    """Make the roles, apply what is missing, grant what the roles may do, and stamp the release.

    From the stamp on only processes of this release may take a lease (AN9).
    """
    connection = connection_of(dsn)
    guard = await asyncpg.connect(**connection)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", _LOCK)
        roles = await prepare(guard, names, passwords)
        await close_doors(guard, names, str(connection["database"]))
        if roles.acting:
            await guard.execute(f"SET ROLE {roles.acting}")
        applied = await _upgrade(dsn, roles.acting)
        await grant(guard, names)
        await guard.execute("SET mrmarket.migrating = 'on'")
        await guard.execute(_STAMP, build_name(), APP)
        return Done(applied, roles)
    finally:
        await guard.close()


async def _upgrade(dsn: str, acting: str | None) -> list[str]:
    config = tortoise_config(dsn, connections=1)
    settings = config["connections"]["default"]["credentials"]["server_settings"]
    settings["mrmarket.migrating"] = (
        "on"  # the owner, who alone may write it, writes a table of rules on purpose
    )
    settings["lock_timeout"] = "10s"
    if acting:
        settings["role"] = acting
    async with Command(tortoise_config=config, app=APP, location=str(LOCATION)) as command:
        return [str(name) for name in await command.upgrade()]


def main() -> None:
    """Migrate the database that the environment names, and say what was done."""
    dsn = os.environ.get("MRMARKET_MIGRATE_DATABASE_URL") or os.environ.get("MRMARKET_DATABASE_URL")
    if not dsn:
        sys.exit(
            "Set MRMARKET_DATABASE_URL to the database's address: postgres://user:password@host:5432/name"
        )
    try:
        names = Names(os.environ.get("MRMARKET_ROLE_PREFIX") or PREFIX)
    except BadRoleName as error:
        sys.exit(f"Mend MRMARKET_ROLE_PREFIX: {error}")
    try:
        passwords = passwords_in(os.environ.get("MRMARKET_ROLE_PASSWORDS_DIR"))
        done = asyncio.run(migrate_fully(dsn, names, passwords))
    except OSError as error:
        sys.exit(f"The database, or a file with a password, cannot be reached: {error}")
    said = [f"applied {name}" for name in done.applied] or ["the schema is up to date"]
    print("\n".join(said + _advice(done.roles, names)))  # noqa: T201 - a command's answer


def passwords_in(directory: str | None) -> dict[Role, str]:
    """Return the passwords kept in a directory, in files called as the roles are."""
    if not directory:
        return {}
    files = {role: Path(directory) / f"db_{role.value}" for role in Role}
    return {role: file.read_text(encoding="utf-8").strip() for role, file in files.items() if file.exists()}


def _advice(roles: Prepared, names: Names) -> list[str]:
    """Return what somebody has to do before every process can log in as its own role."""
    said = []
    if roles.missing:
        said += [
            "This login may not make roles. Have somebody who may run the following, with passwords of",
            "your own, and migrate again. Until then all processes must log in as the owner of the tables,",
            "and no grant holds them back:",
            *(f"  {line};" for line in script(roles.missing, names)),
        ]
    if roles.locked:
        said += [
            f"Made without a password: {', '.join(names.of(role) for role in roles.locked)}.",
            "Put passwords into files db_app, db_web …, name their directory in MRMARKET_ROLE_PASSWORDS_DIR",
            "and migrate again; or set them by ALTER ROLE.",
        ]
    return said


if __name__ == "__main__":
    main()
