"""Tables that people take away: as CSV for a spreadsheet, or as JSON; exact, and harmless."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from domain.money import plain

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class Shape(StrEnum):
    """What a sheet looks like."""

    CSV = "csv"
    JSON = "json"


Cells = Mapping[str, str]


async def sheet(
    columns: Sequence[str], pages: AsyncIterator[Sequence[object]], shape: Shape
) -> AsyncIterator[str]:
    """Yield rows, of each what the columns name, piece by piece as they come.

    Amounts are exact and texts, times are UTC; columns keep their order.
    """
    begin, write, end = _SHAPES[shape]
    yield begin(columns)
    first = True
    async for page in pages:
        yield write([cells_of(row, columns) for row in page], first)
        first = first and not page
    yield end


def cells_of(row: object, columns: Sequence[str]) -> Cells:
    """Return what a sheet says of a row, by column; what there is not is empty."""
    return {name: _text(getattr(row, name)) for name in columns}


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


def _csv(lines: Sequence[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows([harmless(cell) for cell in line] for line in lines)
    return written.getvalue()


def _csv_rows(rows: Sequence[Cells], first: bool) -> str:
    return _csv([list(row.values()) for row in rows])


def _json_rows(rows: Sequence[Cells], first: bool) -> str:
    written = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return written if first or not written else f",\n{written}"


_SHAPES: dict[Shape, tuple[Callable[[Sequence[str]], str], Callable[[Sequence[Cells], bool], str], str]] = {
    Shape.CSV: (lambda columns: _csv([columns]), _csv_rows, ""),
    Shape.JSON: (lambda columns: "[\n", _json_rows, "\n]\n"),
}
"""How a sheet begins, what its rows look like (and whether they are the first), how it ends."""
