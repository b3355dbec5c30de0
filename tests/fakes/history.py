"""Histories in memory: rows, and whose they are."""

from collections.abc import Sequence
from itertools import islice

from domain.ids import UserId
from domain.market.history import ROWS, Row, Wanted


class FakeHistory:
    """Rows in the order in which they were written."""

    def __init__(self) -> None:
        self.rows: list[tuple[UserId, Row]] = []
        self.asked = 0

    def add(self, user_id: UserId, row: Row) -> None:
        self.rows.append((user_id, row))

    async def page(self, user_id: UserId, wanted: Wanted, most: int) -> Sequence[Row]:
        self.asked += 1
        mine = (row for who, row in reversed(self.rows) if who == user_id and _is_wanted(row, wanted))
        return list(islice(mine, most))


def _is_wanted(row: Row, wanted: Wanted) -> bool:
    side, state = getattr(row, "side", None), getattr(row, "state", "")
    return (
        isinstance(row, ROWS[wanted.subject])
        and wanted.run in (None, row.run if row.kind == "strategy" else None)
        and wanted.pair in (None, row.pair)
        and wanted.side in (None, side)
        and wanted.state in ("", state)
        and (wanted.since is None or row.at >= wanted.since)
        and (wanted.until is None or row.at < wanted.until)
        and (wanted.before is None or row.seq < wanted.before)
    )
