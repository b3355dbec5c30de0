"""What many simulations use one after the other: a loop, a database, and sessions that stay warm."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import asyncpg

from tests.simulation.turns import SimulatedLoop, Turns
from tests.simulation.watch import Watch

T = TypeVar("T")


class Sessions:
    """Sessions at Postgres that outlive the processes that used them.

    Whoever is killed leaves some behind. What was open in them is undone and every lock let go, as Postgres
    does when a client is gone; the next process goes on with them. That spares most of the time of a
    simulation: a fresh session has to read the catalogue, and to parse, compile and plan all that it meets.
    """

    def __init__(self) -> None:
        self._idle: list[asyncpg.Connection[Any]] = []

    async def take(self, *args: Any, **kwargs: Any) -> "asyncpg.Connection[Any]":
        """Give a session; what asyncpg's pools call in place of ``asyncpg.connect``."""
        return self._idle.pop() if self._idle else await asyncpg.connect(*args, **kwargs)

    async def leave(self, left: "asyncpg.Connection[Any]") -> None:
        """End what a process that is gone had begun in a session, and keep it for the next."""
        if left.is_in_transaction():
            await left.execute("ROLLBACK")
        left._top_xact = None  # of a Transaction that nobody ends any more
        await left.reset()
        self._idle.append(left)

    def close(self) -> None:
        """End all."""
        for session in self._idle:
            session.terminate()


class Machine:
    """A simulated machine and its database, for one run after another; as new at the beginning of each."""

    def __init__(self, app_url: str, admin_url: str) -> None:
        self.app_url = app_url
        self.loop = SimulatedLoop()
        self.sessions = Sessions()
        self.watch = Watch(admin_url)

    def run(self, turns: Turns, play: Coroutine[Any, Any, T]) -> T:
        """Play something to its end, in a time and with a database of its own, and return what it returns."""
        self.watch.begin()
        self.loop.begin(turns)
        turns.locked_out = self.watch.locked_out
        try:
            return self.loop.run_until_complete(play)
        finally:
            self.loop.run_until_complete(_clear_away())

    def close(self) -> None:
        """Let go of everything but the database."""
        self.sessions.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.loop.close()
        self.watch.close()


async def _clear_away() -> None:
    """Cancel what somebody left running, and let what is done be told."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.sleep(0)
