"""Bring a database to the present schema: ``python -m adapters.db.migrate``.

Several processes may start at once: an advisory lock lets one of them work and the others find it done.
How to add a migration stands in ``migrations/README.md``.
"""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
from aerich import Command

from adapters.db.config import APP, connection_of, tortoise_config

LOCATION = Path(__file__).parents[2] / "migrations"
_LOCK = 0x6D6D6B74  # "mmkt"


async def migrate(dsn: str) -> list[str]:
    """Apply what is missing, each migration in its own transaction; return the names of those applied."""
    guard = await asyncpg.connect(**connection_of(dsn))
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", _LOCK)
        return await _upgrade(dsn)
    finally:
        await guard.close()


async def _upgrade(dsn: str) -> list[str]:
    config = tortoise_config(dsn, connections=1)
    settings = config["connections"]["default"]["credentials"]["server_settings"]
    settings["mrmarket.migrating"] = "on"  # only migrations may add edges to state machines
    async with Command(tortoise_config=config, app=APP, location=str(LOCATION)) as command:
        return [str(name) for name in await command.upgrade()]


def main() -> None:
    """Migrate the database that ``MRMARKET_DATABASE_URL`` names, and say what was done."""
    dsn = os.environ.get("MRMARKET_DATABASE_URL")
    if not dsn:
        sys.exit(
            "Set MRMARKET_DATABASE_URL to the database's address: postgres://user:password@host:5432/name"
        )
    applied = asyncio.run(migrate(dsn))
    print("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")  # noqa: T201 - a command's answer


if __name__ == "__main__":
    main()
