"""A thread beside the simulated machine: sees who waits for a lock, tells the database what time it is."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

import asyncpg

from tests.simulation.blank import Blank

T = TypeVar("T")

_TIME = """
    CREATE TABLE simulated_time (at TIMESTAMPTZ NOT NULL);
    GRANT SELECT ON simulated_time TO PUBLIC;
    CREATE OR REPLACE FUNCTION lease_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS
        $$ SELECT at FROM simulated_time $$;
    CREATE OR REPLACE FUNCTION fee_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS
        $$ SELECT at FROM simulated_time $$;
"""
_BEGIN = """
    TRUNCATE simulated_time;
    INSERT INTO simulated_time VALUES ('2026-03-01 09:30:00+00');
"""
_LOCKED_OUT = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND wait_event_type = 'Lock'
"""


class Watch:
    """Looks at Postgres while the simulated machine stands still."""

    def __init__(self, admin_url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="watch", daemon=True)
        self._thread.start()
        self._connection = self._wait_for(asyncpg.connect(admin_url))
        self._blank = Blank(self._connection)
        self._wait_for(self._blank.remember())
        self._wait_for(self._connection.execute(_TIME))
        self._told: datetime | None = None

    def begin(self) -> None:
        """Have the database as it was when we came, and no time passed."""
        self._wait_for(self._blank.restore())
        self._wait_for(self._connection.execute(_BEGIN))
        self._told = None

    def locked_out(self) -> int:
        """Return how many statements wait for a lock of another transaction."""
        return int(self._wait_for(self._connection.fetchval(_LOCKED_OUT)))

    def tell_time(self, now: datetime) -> None:
        """Let the database's clocks show the virtual time."""
        if now != self._told:
            self._told = now
            self._wait_for(self._connection.execute("UPDATE simulated_time SET at = $1", now))

    def wait_until_gone(self, servers: list[int]) -> None:
        """Return when Postgres has noticed that a client died: its locks are free then."""
        while self.rows("SELECT FROM pg_stat_activity WHERE pid = ANY ($1::int[])", servers):
            time.sleep(0.001)

    def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """Return rows, whoever may see them."""
        return [dict(row) for row in self._wait_for(self._connection.fetch(sql, *args))]

    def close(self) -> None:
        """Let go."""
        self._wait_for(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait_for(self, asked: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(30)
