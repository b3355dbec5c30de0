"""``mrmarket export PERSON``: everything that is kept of a person, as JSON on standard output.

With ``--history fills``, ``orders`` or ``fees`` only these, as a table for people: CSV, or JSON.

What is theirs is what the row-level rules say is theirs (``adapters.db.grants``), so a new table of people
cannot be forgotten here. That it was asked for is written down in the audit.
"""

import argparse
import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator

from adapters.cli.command import CannotDo, Command
from adapters.clock import SystemClock
from adapters.db.auth import PostgresAudit
from adapters.db.grants import NOBODYS, TABLES
from adapters.db.history import PostgresHistory
from adapters.db.store import PostgresStore
from adapters.settings import load_settings
from domain.ids import UserId
from domain.market.history import Subject, Wanted
from domain.ports.audit import BY_SETTINGS, Audited
from domain.services.confirmations import hash_of_params
from domain.services.history import HistoryService
from domain.services.sheets import Shape

ACTION = "data.export"

_PERSON = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def person(text: str) -> UserId:
    """Return whom a word names: a Mixin account's id, as ``/whoami`` says it."""
    if not _PERSON.fullmatch(text):
        raise argparse.ArgumentTypeError("a person is named by the id that /whoami says")
    return UserId(text)


async def export(store: PostgresStore, user_id: UserId) -> str:
    """Return a JSON object of tables, each with the person's rows; amounts keep every digit.

    Raises:
        CannotDo: nobody of this id has ever written.
    """
    async with store.transaction():
        await _note(store, user_id)
        await store.fetch("SELECT set_config('mrmarket.user_id', $1, true)", user_id)
        parts = [
            f"{json.dumps(name)}: {rows}"
            for name, table in TABLES.items()
            if table.whose != NOBODYS and (rows := await _rows(store, name, table.whose))
        ]
    return "{" + ",\n ".join(parts) + "}"


async def tables(store: PostgresStore, user_id: UserId, subject: Subject, shape: Shape) -> AsyncIterator[str]:
    """Yield one of a person's histories, the newest first, piece by piece as it is read.

    Raises:
        CannotDo: nobody of this id has ever written.
    """
    async with store.transaction():
        await _note(store, user_id)
    async for piece in HistoryService(PostgresHistory(store)).export(user_id, Wanted(subject), shape):
        yield piece


async def _note(store: PostgresStore, user_id: UserId) -> None:
    """Write down that a person's data was asked for; call it inside."""
    if not await store.fetch("SELECT FROM users WHERE user_id = $1", user_id):
        raise CannotDo(f"Nobody with the id {user_id} has ever written to this instance.")
    params = {"user_id": user_id}
    act = Audited(BY_SETTINGS, ACTION, params, hash_of_params(params), ACTION, SystemClock().now())
    await PostgresAudit(store).add(act)


async def _rows(store: PostgresStore, name: str, whose: str) -> str:
    """Return a table's rows of the person as text, which keeps what a number of JSON would round."""
    found = await store.fetch(
        f"SELECT jsonb_agg(to_jsonb({name}))::text AS rows FROM {name} WHERE {whose}"  # noqa: S608 - our own names
    )
    return str(found[0]["rows"] or "")


async def answer(dsn: str, asked: argparse.Namespace) -> int:
    """Write the export, and return the exit code."""
    async with PostgresStore(dsn, connections=1) as store:
        if asked.history is None:
            print(await export(store, asked.person))
        else:
            async for piece in tables(store, asked.person, asked.history, asked.shape):
                sys.stdout.write(piece)
    return 0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take whose data is asked for."""
    parser.add_argument("person", type=person, metavar="PERSON", help="the id that /whoami says")
    parser.add_argument("--history", type=Subject, choices=list(Subject), help="only this, as a table")
    parser.add_argument("--shape", type=Shape, choices=list(Shape), default=Shape.CSV, help="of the table")


def run(asked: argparse.Namespace) -> int:
    """Export what is kept of one person."""
    dsn = os.environ.get("MRMARKET_DATABASE_URL") or load_settings(holds_keys=False).database_url.reveal()
    return asyncio.run(answer(dsn, asked))


COMMAND = Command("export", "write everything that is kept of a person, as JSON", run, arguments)
