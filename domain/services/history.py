"""What a person's runs did: looked up page by page, or taken away whole as CSV or JSON."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from domain.ids import UserId
from domain.market.history import ROWS, Row, Wanted
from domain.money import plain
from domain.ports.history import HistoryStore

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Shape(StrEnum):
    """What an export looks like."""

    CSV = "csv"
    JSON = "json"


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
        columns = ROWS[wanted.subject].columns
        begin, write, end = _SHAPES[shape]
        yield begin(columns)
        first, older = True, wanted
        while page := await self.page(user_id, older, self._at_once):
            yield write([cells_of(row) for row in page.rows], first)
            if page.older is None:
                break
            first, older = False, page.older
        yield end


def cells_of(row: Row) -> dict[str, str]:
    """Return what an export says of a row, by column; what there is not is empty."""
    return {name: _text(getattr(row, name)) for name in row.columns}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return plain(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case _:
            return str(value)


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula; a number stays what it is."""
    return f"'{cell}" if cell.startswith(_BEGINS_A_FORMULA) and not _NUMBER.fullmatch(cell) else cell


Rows = Sequence[dict[str, str]]


def _csv(lines: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([harmless(cell) for cell in line] for line in lines)
    return written.getvalue()


def _csv_rows(rows: Rows, first: bool) -> str:
    return _csv([list(row.values()) for row in rows])


def _json_rows(rows: Rows, first: bool) -> str:
    written = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return written if first or not written else f",\n{written}"


_SHAPES: dict[Shape, tuple[Callable[[Sequence[str]], str], Callable[[Rows, bool], str], str]] = {
    Shape.CSV: (lambda columns: _csv([columns]), _csv_rows, ""),
    Shape.JSON: (lambda columns: "[\n", _json_rows, "\n]\n"),
}
"""How an export begins, what its rows look like (and whether they are the first), how it ends."""
