"""``mrmarket recover``: what becomes of market makers whose account was taken over; and brings some back.

The workers bring runs back by themselves; this says which, and why others are not. Without ``--dry-run``
runs that were brought back too often within an hour are brought back once more, and it waits until the
workers have done what they can. It needs no key. Exit code 1: something still waits for its account.
"""

import argparse
import asyncio
import time
from collections.abc import Sequence

from adapters.cli.command import Command
from adapters.cli.findings import columns, padded, spoken
from adapters.clock import SystemClock
from adapters.db.auth import PostgresAudit
from adapters.db.freezes import PostgresFreezes
from adapters.db.ledger import PostgresLedger
from adapters.db.reconciliation import PostgresReconciliations
from adapters.db.recoveries import PostgresRecoveries
from adapters.db.runs import PostgresRuns, PostgresVenueAccounts
from adapters.db.store import PostgresStore
from adapters.settings import load_settings
from adapters.texts.catalogues import LOCALES
from bot.words import Words, named
from domain.health.recovery import Choice
from domain.ports.recoveries import Recovering
from domain.services.admission import Admission
from domain.services.recovery_plan import Outlook, Planned, RecoveryPlan

_POLL_S = 0.5
_WITHIN_S = 60.0
_COLUMNS = ("account", "run", "pair", "state", "outlook", "why")
_UNDECIDED = frozenset({Outlook.WAITS, Outlook.GOES_ON, Outlook.ASKED})


def table(planned: Sequence[Planned], words: Words) -> list[str]:
    """Return the table, every column as wide as it must be; nothing in it names a person."""
    cells = [
        (
            each.run.account,
            each.run.id,
            str(each.run.pair),
            each.run.state.value,
            words(f"recover_outlook_{each.outlook}"),
            named(words, "reason_", each.reason),
        )
        for each in planned
    ]
    rows = [tuple(words(f"recover_column_{name}") for name in _COLUMNS), *cells]
    widths = [max(columns(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    return ["  ".join(map(padded, row, widths)).rstrip() for row in rows]


def plan_of(store: PostgresStore, choice: Choice) -> RecoveryPlan:
    """Return what looks at runs that were taken over."""
    return RecoveryPlan(
        store=store,
        runs=PostgresRuns(store),
        accounts=PostgresVenueAccounts(store),
        rounds=PostgresReconciliations(store),
        ledger=PostgresLedger(store),
        clock=SystemClock(),
        admission=Admission(PostgresFreezes(store)),
        recovering=Recovering(choice, PostgresRecoveries(store)),
        audit=PostgresAudit(store),
    )


async def recover(plan: RecoveryPlan, words: Words, *, dry_run: bool, within_s: float) -> int:
    """Say what becomes of each run, have done what can be done, and return the exit code."""
    planned = await plan.look()
    if not planned:
        print(words("recover_nothing"))
        return 0
    print("\n".join(table(planned, words)))
    if dry_run:
        return 1 if any(each.outlook is Outlook.WAITS for each in planned) else 0
    if again := await plan.again():
        print(words("recover_once_more", runs=len(again)))
    after, left = await _wait(plan, within_s)
    print("\n".join(table(after, words)) if after else words("recover_all_back"))
    if left:
        print(words("recover_not_in_time", runs=len(left), seconds=f"{within_s:.0f}"))
    return 1 if left else 0


async def _wait(plan: RecoveryPlan, within_s: float) -> tuple[list[Planned], list[Planned]]:
    """Wait until the workers have decided about each; return all that are held back, and the undecided."""
    until_s = time.monotonic() + within_s
    while True:
        held = await plan.look()
        left = [each for each in held if each.outlook in _UNDECIDED]
        if not left or time.monotonic() > until_s:
            return held, left
        await asyncio.sleep(_POLL_S)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what may be asked."""
    parser.add_argument("--dry-run", action="store_true", help="only say what would become of each run")
    parser.add_argument(
        "--within", type=float, default=_WITHIN_S, metavar="SECONDS", help="how long to wait for the workers"
    )
    parser.add_argument("--lang", choices=sorted(LOCALES), help="what is said; usually the shell's language")


async def answer(dsn: str, choice: Choice, asked: argparse.Namespace) -> int:
    """Do it, and return the exit code."""
    async with PostgresStore(dsn, connections=1) as store:
        words = spoken(asked.lang)
        return await recover(plan_of(store, choice), words, dry_run=asked.dry_run, within_s=asked.within)


def run(asked: argparse.Namespace) -> int:
    """Do it by the settings of the workers, and return the exit code."""
    settings = load_settings(holds_keys=False)
    return asyncio.run(answer(settings.database_url.reveal(), settings.recovery_choice(), asked))


COMMAND = Command("recover", "bring back market makers whose account was taken over", run, arguments)
