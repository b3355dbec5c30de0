"""The schema as Postgres tells it: ``python -m tests.adapters.db.schema`` writes it to ``schema.txt``."""

import asyncio
import tempfile
from pathlib import Path

import asyncpg

from adapters.db.migrate import migrate
from sandbox.postgres import create_database, start_postgres

WRITTEN = Path(__file__).with_name("schema.txt")

_COLUMNS = """
    SELECT format('column %s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
                  coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''))
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v') AND a.attnum > 0
      AND NOT a.attisdropped
"""
_CONSTRAINTS = """
    SELECT format('constraint %s.%s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('n', 't')
"""
_INDEXES = """
    SELECT format('index %s', replace(indexdef, ' public.', ' ')) FROM pg_indexes WHERE schemaname = 'public'
"""
_TRIGGERS = """
    SELECT format('trigger %s%s', replace(pg_get_triggerdef(t.oid), ' public.', ' '),
                  CASE t.tgenabled WHEN 'O' THEN '' ELSE ' disabled' END)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
"""
_FUNCTIONS = """
    SELECT format('function %s(%s) %s', proname, pg_get_function_identity_arguments(oid), provolatile)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
_EDGES = "SELECT format('edge %s: %s > %s', machine, from_state, to_state) FROM state_edges"
_KINDS = "SELECT format('account kind %s %s guarded: %s', kind, side, guarded) FROM account_kinds"


async def schema(database_url: str) -> str:
    """Return every column, constraint, index, trigger, function, edge and account kind, a line each."""
    connection = await asyncpg.connect(database_url)
    lines = []
    try:
        for sql in (_COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS, _FUNCTIONS, _EDGES, _KINDS):
            lines += sorted(row[0] for row in await connection.fetch(sql))
    finally:
        await connection.close()
    return "\n".join(" ".join(line.split()) for line in lines) + "\n"


async def _write(database_url: str) -> None:
    await migrate(database_url)
    WRITTEN.write_text(await schema(database_url))


def main() -> None:
    """Migrate a throw-away database and write down what came of it."""
    with tempfile.TemporaryDirectory() as state:
        server = start_postgres(Path(state), durable=False)
        try:
            asyncio.run(_write(create_database(server, "schema")))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
