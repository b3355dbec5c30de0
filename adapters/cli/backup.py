"""``mrmarket backup FILE`` and ``mrmarket restore FILE``: the whole database in one file, and back.

Keys are in the file as they are in the database, sealed; the master key that opens them is not, and must not
be kept beside it. Exit code 0: done; 1: not done, and nothing was changed.
"""

import argparse
import asyncio
import os
from argparse import Namespace
from pathlib import Path

from adapters.cli.chain import verify
from adapters.cli.command import CannotDo, Command
from adapters.db.auth import PostgresRoles
from adapters.db.chain import PostgresChain
from adapters.db.chat import PostgresOutbox
from adapters.db.dumps import RESTORED, DumpFailed, dump, load
from adapters.db.migrate import passwords_in
from adapters.db.roles import PREFIX, BadRoleName, Names
from adapters.db.store import PostgresStore
from domain.ledger.chain import Head


def back_up(asked: Namespace) -> int:
    """Write the database into a file and say what is in it."""
    try:
        head = asyncio.run(dump(_owners_dsn(), asked.file))
    except (DumpFailed, OSError) as error:
        raise CannotDo(f"Nothing was backed up. {error}") from error
    print(f"{asked.file}: {asked.file.stat().st_size:,} bytes, head {head}")
    print(
        "Keep it where the master key is not: whoever has both has the money, and without the key nobody has."
    )
    return 0


def restore(asked: Namespace) -> int:
    """Fill an empty database from a file, and say what must be done before it may go on."""
    dsn = _owners_dsn()
    try:
        names = Names(os.environ.get("MRMARKET_ROLE_PREFIX") or PREFIX)
        passwords = passwords_in(os.environ.get("MRMARKET_ROLE_PASSWORDS_DIR"))
        head = asyncio.run(load(dsn, asked.file, names, passwords))
    except (DumpFailed, BadRoleName, OSError) as error:
        raise CannotDo(f"Nothing was restored. {error}") from error
    code = asyncio.run(_look(dsn, head))
    print(
        "Nothing is credited, paid or traded yet. Start the processes, compare (mrmarket reconcile,\n"
        "/suspense), settle what was paid out since the backup, then let it go on: /unfreeze instance,\n"
        "sent by the owner."
    )
    return code


async def _look(dsn: str, head: Head) -> int:
    """Tell those who look after the instance, and read the restored chain; return the exit code."""
    async with PostgresStore(dsn, connections=1) as store:
        reason = f"{RESTORED}:{head.number}"
        async with store.transaction():
            for keeper in await PostgresRoles(store).privileged():
                await PostgresOutbox(store).tell(
                    keeper, "booted_safe", f"{reason}:{head.hash}", {"reason": reason}
                )
        return await verify(PostgresChain(store), head if head.number else None, at_rest=True)


def _owners_dsn() -> str:
    dsn = os.environ.get("MRMARKET_MIGRATE_DATABASE_URL") or os.environ.get("MRMARKET_DATABASE_URL")
    if not dsn:
        raise CannotDo(
            "Set MRMARKET_MIGRATE_DATABASE_URL to the database's address for the login that owns it: "
            "postgres://user:password@host:5432/name"
        )
    return dsn


def _file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")


BACKUP = Command("backup", "write the whole database into a new file", back_up, _file)
RESTORE = Command(
    "restore", "fill an empty database from such a file; everything stays stopped", restore, _file
)
