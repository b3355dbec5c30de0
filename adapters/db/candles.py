"""Candles in Postgres, as ``domain.ports.candles.CandleStore``."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from domain.market.candles import Candle, Series, Stretch
from domain.ports.candles import Noted

_SERIES = "(venue, base, quote, lasts) = ($1, $2, $3, $4)"
_NOTE = f"""
    WITH said AS (
        SELECT * FROM unnest($6::timestamptz[], $7::numeric[], $8::numeric[], $9::numeric[], $10::numeric[],
            $11::numeric[]) AS s (opens_at, open, high, low, close, volume)
    ), known AS (
        SELECT DISTINCT ON (opens_at) * FROM candles
        WHERE {_SERIES} AND opens_at = ANY ($6) ORDER BY opens_at, told DESC
    )
    INSERT INTO candles
    SELECT $1, $2, $3, $4, s.opens_at, coalesce(k.told, 0) + 1, s.open, s.high, s.low, s.close, s.volume, $5
    FROM said s LEFT JOIN known k USING (opens_at)
    WHERE k.told IS NULL
        OR (k.open, k.high, k.low, k.close, k.volume) <> (s.open, s.high, s.low, s.close, s.volume)
    ON CONFLICT DO NOTHING
    RETURNING told
"""  # noqa: S608 - put together from constants
_LAST_WORDS = f"""
    SELECT DISTINCT ON (opens_at) opens_at, open, high, low, close, volume, told FROM candles
    WHERE {_SERIES} AND opens_at >= $5 AND opens_at < $6 ORDER BY opens_at, told DESC
"""  # noqa: S608 - put together from constants
_STRETCH = f"""
    SELECT min(opens_at) AS since, max(opens_at) + $4 AS until, max(high) AS high, min(low) AS low,
        (array_agg(open ORDER BY opens_at))[1] AS first,
        (array_agg(close ORDER BY opens_at DESC))[1] AS last, sum(volume) AS volume
    FROM ({_LAST_WORDS}) c HAVING count(*) > 0
"""  # noqa: S608 - put together from constants


class Database(Protocol):
    """What can be asked and told: the store, or a connection that only reads."""

    async def fetch(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """Return the rows of a statement."""
        ...


class PostgresCandles:
    """The candles table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, series: Series) -> datetime | None:
        """Return when the newest candle opened."""
        [row] = await self._database.fetch(
            f"SELECT max(opens_at) AS at FROM candles WHERE {_SERIES}",  # noqa: S608 - put together from constants
            *_key(series),
        )
        at: datetime | None = row["at"]
        return at

    async def note(self, series: Series, candles: Sequence[Candle], at: datetime) -> Noted:
        """Keep what a venue told at an instant; what is known and the same is not kept twice."""
        rows = [(c.opens_at, c.open, c.high, c.low, c.close, c.volume) for c in candles]
        if not rows:
            return Noted()
        columns = map(list, zip(*rows, strict=True))
        told = [row["told"] for row in await self._database.fetch(_NOTE, *_key(series), at, *columns)]
        return Noted(told.count(1), len(told) - told.count(1))

    async def list(self, series: Series, since: datetime, until: datetime, most: int) -> Sequence[Candle]:
        """Return the first ``most`` candles that open from ``since`` on and before ``until``."""
        rows = await self._database.fetch(f"{_LAST_WORDS} LIMIT $7", *_key(series), since, until, most)
        return [Candle(**row) for row in rows]

    async def stretch(self, series: Series, since: datetime, until: datetime) -> Stretch | None:
        """Return what all candles come to that open from ``since`` on and before ``until``."""
        rows = await self._database.fetch(_STRETCH, *_key(series), since, until)
        return Stretch(**rows[0]) if rows else None


def _key(series: Series) -> tuple[object, ...]:
    return series.venue, series.pair.base, series.pair.quote, series.interval.lasts
