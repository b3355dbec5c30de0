"""The chain in Postgres: links in a table of their own, transfers as they stand."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from adapters.db.store import PostgresStore
from domain.ledger.chain import START, Entry, Head, Link, Posted
from domain.ledger.model import Cause

_ENTRIES = """
    (SELECT json_agg(json_build_array(
            p.number,
            concat_ws(':', s.kind, nullif(s.owner, ''), nullif(s.venue, ''), s.coin),
            concat_ws(':', d.kind, nullif(d.owner, ''), nullif(d.venue, ''), d.coin),
            p.amount::text) ORDER BY p.number)
     FROM postings p
     LEFT JOIN accounts s ON s.id = p.source_id
     LEFT JOIN accounts d ON d.id = p.destination_id
     WHERE p.transfer_id = t.id) AS entries
"""
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('chain', 0)) AS taken"
_HEAD = "SELECT number, hash FROM chain_links ORDER BY number DESC LIMIT 1"
_AT = "SELECT hash FROM chain_links WHERE number = $1"
_UNLINKED = f"""
    SELECT t.*, {_ENTRIES} FROM (
        SELECT id, kind, cause, fingerprint, posted_at FROM transfers
        WHERE id > (SELECT coalesce(max(transfer_id), 0) FROM chain_links) - $2::bigint
          AND (SELECT number FROM chain_links l WHERE l.transfer_id = transfers.id) IS NULL
        ORDER BY id LIMIT $1
    ) t ORDER BY t.id
"""  # noqa: S608 - put together from constants
"""A look-up for each of few rows: as NOT EXISTS it would be planned as a join of everything."""
_ADD = """
    INSERT INTO chain_links (number, transfer_id, previous, hash)
    SELECT g.number, g.transfer_id, g.previous, g.hash
    FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS g (number, transfer_id, previous, hash)
    ORDER BY g.number
"""
_READ = f"""
    SELECT l.number, l.transfer_id, l.previous, l.hash, t.*, {_ENTRIES}
    FROM (SELECT * FROM chain_links WHERE number > $1 ORDER BY number LIMIT $2) l
    LEFT JOIN (SELECT id, kind, cause, fingerprint, posted_at FROM transfers) t ON t.id = l.transfer_id
    ORDER BY l.number
"""  # noqa: S608 - put together from constants
_FORGOTTEN = """
    SELECT id FROM transfers t
    WHERE posted_at < CASE WHEN $3 THEN (SELECT max(posted_at) FROM transfers) ELSE clock_timestamp() END
                      - $1::interval
      AND NOT EXISTS (SELECT FROM chain_links l WHERE l.transfer_id = t.id)
    ORDER BY id LIMIT $2
"""


class PostgresChain:
    """Links over transfers, as ``domain.ports.chain.Chain``."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def lock(self) -> bool:
        """Become the one who adds links until the ambient transaction ends; ``False``: somebody else is."""
        return bool((await self._store.fetch(_LOCK, writes=True))[0]["taken"])

    async def head(self) -> Head:
        """Return the newest link's number and hash, or the start."""
        rows = await self._store.fetch(_HEAD)
        return Head(**rows[0]) if rows else START

    async def hash_at(self, number: int) -> str | None:
        """Return a link's hash, or nothing when there is no such link."""
        rows = await self._store.fetch(_AT, number)
        return str(rows[0]["hash"]) if rows else None

    async def unlinked(self, limit: int, back: int) -> list[Posted]:
        """Return committed transfers without a link, by id; at most so far behind the newest linked one."""
        return [_posted(row) for row in await self._store.fetch(_UNLINKED, limit, back)]

    async def add(self, links: Sequence[Link]) -> None:
        """Append links."""
        rows = [(link.number, link.transfer_id, link.previous, link.hash) for link in links]
        await self._store.execute(_ADD, *map(list, zip(*rows, strict=True)))

    async def read(self, after: int, limit: int) -> list[tuple[Link, Posted | None]]:
        """Return the links after a number, in order, each with its transfer if it still exists."""
        return [
            (
                Link(row["number"], row["transfer_id"], row["previous"], row["hash"]),
                None if row["id"] is None else _posted(row),
            )
            for row in await self._store.fetch(_READ, after, limit)
        ]

    async def forgotten(self, age: timedelta, limit: int, *, at_rest: bool = False) -> list[int]:
        """Return the ids of transfers at least so old that have no link.

        Their age is by the store's clock; ``at_rest``, where nobody has been linking, by the newest transfer.
        """
        return [int(row["id"]) for row in await self._store.fetch(_FORGOTTEN, age, limit, at_rest)]


def _posted(row: Mapping[str, Any]) -> Posted:
    entries = json.loads(row["entries"] or "[]")
    return Posted(
        row["id"],
        Cause(row["kind"], row["cause"]),
        row["fingerprint"],
        row["posted_at"],
        tuple(Entry(number, source, to, Decimal(amount)) for number, source, to, amount in entries),
    )
