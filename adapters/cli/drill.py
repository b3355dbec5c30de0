"""``mrmarket drill angel``: kills everything but the Angel where nothing is at stake, and counts seconds."""

import asyncio
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adapters.cli.command import CannotDo, Command
from adapters.cli.doctor import accounts_of
from adapters.cli.drill_control import CommandControl, SandboxControl, facts_of
from adapters.cli.drill_place import Control, Place, opened
from adapters.cli.findings import drill_said, spoken
from adapters.clock import SystemClock
from adapters.db.drills import PostgresDrills
from adapters.exchange.account import VenueAccount
from adapters.ids import RandomIds
from adapters.mixin.keystore import BadKeystore
from adapters.settings import load_settings, venue_accounts_in
from adapters.texts.catalogues import LOCALES
from bot.words import Words
from domain.errors import MrMarketError, Refused
from domain.health.drill import ALLOWED_S, Drill, DrillVerdict
from domain.services.drilling import AngelDrill

_SANDBOX_EXPIRY_MS = 2_000


async def rehearse(place: Place, allowed_s: float, words: Words) -> Drill:
    """Do the drill, saying each step; return its result.

    Raises:
        CannotDo: it may not happen here, or would show nothing.
    """

    def say(step: str) -> None:
        print(words(f"drill_step_{step}"), flush=True)

    drilling = AngelDrill(place, PostgresDrills(place.store), SystemClock(), RandomIds(), say)
    try:
        return await drilling.run(allowed_s)
    except Refused as refusal:
        raise CannotDo(words(refusal.code) if words.has(refusal.code) else str(refusal)) from refusal


async def _drill(
    dsn: str, accounts: Sequence[VenueAccount], control: Control, asked: Namespace, words: Words
) -> int:
    prefix = os.environ.get("MRMARKET_ROLE_PREFIX") or "mrmarket"
    async with opened(dsn, accounts, control, prefix) as place:
        drill = await rehearse(place, asked.allowed, words)
    print(drill_said(drill, words))
    return 0 if drill.verdict is DrillVerdict.PASSED else 1


async def _here(asked: Namespace, words: Words) -> int:
    """Drill the instance of the settings, with the owner's commands."""
    settings = load_settings()
    try:
        accounts = [replace(account, lockstep=True) for account in await accounts_of(settings)]
    except (BadKeystore, MrMarketError) as error:
        raise CannotDo(str(error)) from error
    control = CommandControl(asked.down, asked.up)
    return await _drill(settings.database_url.reveal(), accounts, control, asked, words)


async def _sandbox(asked: Namespace, words: Words) -> int:
    facts = facts_of(asked.sandbox)
    accounts = venue_accounts_in(
        Path(facts["keys"]["venues"]), None, _SANDBOX_EXPIRY_MS, lockstep=True, trades_only=True
    )
    control = SandboxControl(asked.sandbox)
    return await _drill(facts["urls"]["logins"]["app"], accounts, control, asked, words)


def run(asked: Namespace) -> int:
    """Rehearse; exit code 1 when it took too long, or did not come about."""
    words = spoken(asked.lang)
    if asked.sandbox is None and not (asked.down and asked.up):
        raise CannotDo(words("drill_no_place"))
    return asyncio.run((_sandbox if asked.sandbox else _here)(asked, words))


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("what", choices=["angel"], help="what is rehearsed")
    parser.add_argument("--sandbox", type=Path, metavar="DIR", help="the state of a sandbox that runs")
    parser.add_argument("--down", default="", metavar="COMMAND", help="kills all but the Angel and Postgres")
    parser.add_argument("--up", default="", metavar="COMMAND", help="starts all of it again")
    parser.add_argument(
        "--allowed", type=float, default=ALLOWED_S, metavar="S", help=f"seconds to flat ({ALLOWED_S:.0f})"
    )
    parser.add_argument("--lang", choices=sorted(LOCALES), help="what is said; usually the shell's language")


COMMAND = Command("drill", "kill all but the Angel on play money, and count the seconds", run, _arguments)
