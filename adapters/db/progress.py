"""How far processes have come, in Postgres: one statement for everything that a process says."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from adapters.db.store import PostgresStore
from domain.errors import OutcomeUnknown, Unavailable
from domain.health.progress import Progress, Word
from domain.leases import Scope

_SAY = """
    WITH said AS (SELECT * FROM unnest($3::text[], $4::float8[], $5::float8[], $6::text[], $7::text[])
                  AS said (part, idle_s, late_s, waits_for, stuck)),
    over AS (DELETE FROM progress WHERE holder = $1 AND NOT part = ANY ($3::text[])
             OR holder <> $1 AND process <> 'angel' AND at < lease_clock() - interval '1 hour')
    INSERT INTO progress (holder, process, at, part, idle_s, late_s, waits_for, stuck)
    SELECT $1, $2, lease_clock(), said.* FROM said
    ON CONFLICT (holder, part) DO UPDATE SET at = excluded.at, idle_s = excluded.idle_s,
        late_s = excluded.late_s, waits_for = excluded.waits_for, stuck = excluded.stuck
"""
WORDS = """
    SELECT process, holder, part, idle_s, late_s, waits_for, stuck,
           greatest(0, extract(epoch FROM lease_clock() - at))::float8 AS age_s
    FROM progress ORDER BY process, holder, part
"""


@dataclass(frozen=True, slots=True)
class PostgresProgress:
    """What one process says of itself; what others have not said for an hour is forgotten.

    Not so the Angel's: who had one and has none any more should not be told that all is well.
    """

    store: PostgresStore
    process: str
    holder: str

    async def say(self, parts: Sequence[Progress]) -> None:
        """Store how far this process is, in place of what it said before."""
        columns = zip(*((p.part, p.idle_s, p.late_s, p.waits_for, p.stuck) for p in parts), strict=True)
        await self.store.execute(_SAY, self.holder, self.process, *map(list, columns))

    async def end(self) -> None:
        """Say no more: this process ends as it was told to; unheard where the store is away."""
        with suppress(Unavailable, OutcomeUnknown):  # what was said last grows old by itself
            await self.store.execute("DELETE FROM progress WHERE holder = $1", self.holder)


@dataclass(frozen=True, slots=True)
class PostgresGuardians:
    """What the Angel said last, as ``domain.ports.guardians``."""

    store: PostgresStore

    async def angel_unheard_s(self) -> float | None:
        """Return for how long no Angel was heard of; ``None``: nobody knows of any."""
        [row] = await self.store.fetch(
            "SELECT extract(epoch FROM lease_clock() - max(at))::float8 AS unheard_s"
            " FROM progress WHERE process = 'angel'"
        )
        return None if row["unheard_s"] is None else max(0.0, row["unheard_s"])


def word_of(row: Mapping[str, Any]) -> Word:
    """Return what a process said, of a row of ``WORDS``."""
    part = Progress(Scope(row["part"]), row["idle_s"], row["late_s"], row["waits_for"], row["stuck"])
    return Word(row["process"], row["holder"], part, row["age_s"])
