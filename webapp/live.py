"""Many watch, one looks: the database is asked once a second for each run that somebody watches, not for each
who does. A watcher is told what was seen last, and that nothing can be seen when the database is silent.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from domain.errors import Refused, Unavailable
from domain.ids import UserId
from domain.services.live_runs import LiveView

EVERY_S = 1.0
MOST, MOST_OF_ONE = 200, 6
"""How many may watch at once: all people together, and one person."""

Look = Callable[[UserId, int, LiveView | None], Awaitable[LiveView]]
"""Looks at a person's run by its number, knowing what was seen before."""


class TooMany(Exception):
    """Nobody more may watch now."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen last (``None``: nothing yet), and whether the database is silent since."""

    view: LiveView | None
    lost: bool = False


@dataclass(slots=True)
class _Feed:
    """One run that is watched."""

    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    sight: Sight | None = None
    watchers: int = 0
    over: bool = False
    task: asyncio.Task[None] | None = None


class Watching:
    """Everybody who watches, and the runs they watch."""

    def __init__(self, look: Look, every_s: float | None = None, most: int = MOST) -> None:
        self._look = look
        self._every_s = EVERY_S if every_s is None else every_s
        self._most = most
        self._feeds: dict[tuple[UserId, int], _Feed] = {}
        self._watchers: Counter[UserId] = Counter()
        self._closed = False

    @asynccontextmanager
    async def watch(self, user_id: UserId, number: int) -> AsyncIterator[AsyncIterator[Sight]]:
        """Give what is seen of a run, every time anew; it ends when the run is gone or the process closes.

        Raises:
            TooMany: too many watch already.
        """
        if self._closed or self._watchers.total() >= self._most or self._watchers[user_id] >= MOST_OF_ONE:
            raise TooMany
        key = (user_id, number)
        feed = self._feeds.setdefault(key, _Feed())
        self._watchers[user_id] += 1
        feed.watchers += 1
        feed.task = feed.task or asyncio.create_task(self._run(feed, *key))
        try:
            yield _sights(feed)
        finally:
            self._watchers[user_id] -= 1
            feed.watchers -= 1
            if not feed.watchers:
                feed.task.cancel()
                self._feeds.pop(key, None)

    async def close(self) -> None:
        """Let nobody watch any more; those who do are told at once."""
        self._closed = True
        for feed in list(self._feeds.values()):
            if feed.task:
                feed.task.cancel()
            await _tell(feed, over=True)

    async def _run(self, feed: _Feed, user_id: UserId, number: int) -> None:
        """Look once a second for as long as somebody watches."""
        try:
            while True:
                before = feed.sight.view if feed.sight else None
                try:
                    sight = Sight(await self._look(user_id, number, before))
                except Unavailable:
                    sight = Sight(before, lost=True)
                await _tell(feed, sight)
                await asyncio.sleep(self._every_s)
        except Refused:
            pass  # the run is gone, or never was this person's
        finally:
            await _tell(feed, over=True)


async def _tell(feed: _Feed, sight: Sight | None = None, *, over: bool = False) -> None:
    async with feed.news:
        feed.sight, feed.over = sight or feed.sight, over or feed.over
        feed.news.notify_all()


async def _sights(feed: _Feed) -> AsyncIterator[Sight]:
    told: Sight | None = None
    while True:
        async with feed.news:
            while not feed.over and feed.sight is told:
                await feed.news.wait()
            if feed.over or feed.sight is None:
                return
            told = feed.sight
        yield told
