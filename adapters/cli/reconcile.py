"""``mrmarket reconcile``: has the workers compare books and outside now, and prints what they found.

It needs no key and asks nobody outside itself: who holds an account's lease is the only one who uses its key.
Exit code 0: every place agrees; 1: a difference that nothing explains, or a place that nobody looked at.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Iterator, Sequence

from adapters.cli.command import Command
from adapters.db.leases import Claimant, PostgresLeases
from adapters.db.reconciliation import PostgresReconciliations
from adapters.db.store import PostgresStore
from adapters.settings import load_settings
from domain.ids import UserId
from domain.leases import seat_number
from domain.money import plain
from domain.ports.reconciliation import Standing
from domain.reconciliation.model import Line, Outcome

_POLL_S = 0.5
_WITHIN_S = 30.0
BY_COMMAND = UserId("command line")

_HEADER = ("PLACE", "OUTCOME", "LOOKED AT (UTC)", "COIN", "BOOKS", "THERE", "UNEXPLAINED", "EXPLAINED BY")
Row = tuple[str, ...]


def rows_of(standing: Standing) -> Iterator[Row]:
    """Yield the lines of the table about one place: every coin, or one line where there is none."""
    latest = standing.latest
    begins = (str(latest.scope), str(latest.outcome), f"{latest.at:%Y-%m-%d %H:%M:%S}")
    for line in latest.lines:
        yield (*begins, *_figures(line))
        begins = ("", "", "")
    if not latest.lines:
        yield (*begins, "", "", "", "", "")
    for stray in latest.strays:
        yield ("", "", "", "order", "", "", stray.client_order_id, str(stray.kind))


def _figures(line: Line) -> Row:
    explained = ", ".join(each.id for each in line.explained)
    return (line.coin, plain(line.ledger), plain(line.outside), plain(line.unexplained), explained)


def table(standings: Sequence[Standing]) -> list[str]:
    """Return the table, every column as wide as it must be."""
    rows = [_HEADER, *(row for standing in standings for row in rows_of(standing))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    cells = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [line.rstrip() for line in cells]


async def look(store: PostgresStore, within_s: float) -> int:
    """Ask for a round of every place, wait for it, print what was found, and return the exit code."""
    rounds = PostgresReconciliations(store)
    word = await rounds.ask(BY_COMMAND)
    missing = await _wait(store, rounds, word, within_s)
    standings = await rounds.standings()
    print("\n".join(table(standings)))
    for place in missing:
        print(f"Nobody looked at {place} within {within_s:.0f} s: are the workers running?")
    wrong = [s.latest for s in standings if s.latest.outcome is not Outcome.GOOD or s.latest.strays]
    print(f"{len(wrong)} of {len(standings)} places differ" if wrong else "everything that was seen agrees")
    return 1 if wrong or missing else 0


async def _wait(
    store: PostgresStore, rounds: PostgresReconciliations, word: int, within_s: float
) -> list[str]:
    """Wait until every place that somebody acts for has answered; return those that have not."""
    until_s = time.monotonic() + within_s
    leases = PostgresLeases(store, Claimant("nobody", "", 0))
    while True:
        answered = {s.latest.scope for s in await rounds.standings() if s.latest.asked >= word}
        places: set[str] = {
            lease.scope for lease in await leases.all() if lease.live and not seat_number(lease.scope)
        }
        places.add("wallet")
        missing = sorted(places - answered)
        if not missing or time.monotonic() > until_s:
            return missing
        await asyncio.sleep(_POLL_S)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what may be asked."""
    parser.add_argument(
        "--within", type=float, default=_WITHIN_S, metavar="SECONDS", help="how long to wait for the workers"
    )


async def answer(dsn: str, asked: argparse.Namespace) -> int:
    """Look, and return the exit code."""
    async with PostgresStore(dsn, connections=1) as store:
        return await look(store, asked.within)


def run(asked: argparse.Namespace) -> int:
    """Look, and return the exit code. It needs a database and no other setting."""
    dsn = os.environ.get("MRMARKET_DATABASE_URL") or load_settings(holds_keys=False).database_url.reveal()
    return asyncio.run(answer(dsn, asked))


COMMAND = Command("reconcile", "compare the books with the wallet and the exchanges, now", run, arguments)
