"""What a person's runs did: looked up page by page, or taken away whole as CSV or JSON."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from domain.ids import UserId
from domain.market.history import ROWS, Row, Wanted
from domain.ports.history import HistoryStore
from domain.services.sheets import Shape, sheet


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, the newest first, and what to ask for to see older ones: ``None`` when there are none."""

    rows: Sequence[Row]
    older: Wanted | None


class HistoryService:
    """Everybody's own orders, fills and fees; nobody else's, whatever is asked for."""

    def __init__(self, history: HistoryStore, at_once: int = 500) -> None:
        """Read from a store; ``at_once`` is how many rows an export holds in memory."""
        self._history = history
        self._at_once = at_once

    async def page(self, user_id: UserId, wanted: Wanted, most: int) -> Page:
        """Return so many rows, and what to ask for next."""
        rows = await self._history.page(user_id, wanted, most + 1)
        if len(rows) <= most:
            return Page(rows, None)
        return Page(rows[:most], replace(wanted, before=rows[most - 1].seq))

    async def export(self, user_id: UserId, wanted: Wanted, shape: Shape) -> AsyncIterator[str]:
        """Yield all rows from ``wanted`` on, the newest first, piece by piece as they are read.

        Amounts are exact and texts, times are UTC; columns keep their order. Rows that come while it runs
        are newer, and are not in it.
        """
        pages = self._pages(user_id, wanted)
        async for piece in sheet(ROWS[wanted.subject].columns, pages, shape):
            yield piece

    async def _pages(self, user_id: UserId, wanted: Wanted) -> AsyncIterator[Sequence[Row]]:
        older: Wanted | None = wanted
        while older is not None:
            page = await self.page(user_id, older, self._at_once)
            yield page.rows
            older = page.older
