"""``mrmarket doctor``: looks at everything a process needs, and says what to mend."""

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from adapters.cli.command import Command
from adapters.cli.doctor_accounts import look_at_accounts
from adapters.cli.findings import Finding, drill_said, fine, ill, padded, spoken
from adapters.cli.health_words import health_in
from adapters.clock import SystemClock
from adapters.db.config import connection_of
from adapters.db.drills import PostgresDrills
from adapters.db.progress import WORDS
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueAccount
from adapters.exchange.client import contract_of, reason_of
from adapters.health import (
    NO_ANSWER,
    LeaseProbe,
    ProcessProbe,
    ReconciliationProbe,
    RedisProbe,
    WaitingProbe,
    connect_redis,
    rows_of,
)
from adapters.mixin.http import MixinHttp
from adapters.mixin.keystore import BadKeystore
from adapters.mixin.wallet import MixinWallet
from adapters.opening import Keys, plain_keys, sealed_keys
from adapters.settings import Settings, load_settings
from adapters.texts.catalogues import LOCALES
from bot.words import Words, named
from domain.errors import MrMarketError, Refused
from domain.health.drill import DrillVerdict
from domain.health.progress import OK
from domain.health.readiness import Probe, Readiness
from domain.leases import WALLET, Grip

Look = Callable[[Settings, Words], Awaitable[Finding]]


async def keys_of(settings: Settings) -> Keys:
    """Return the instance's keys, from wherever they are kept.

    Raises:
        BadKeystore: they cannot be used.
        MrMarketError: the database that has them does not answer.
    """
    if not settings.sealed:
        return plain_keys(settings, holds_money=True)
    async with PostgresStore(settings.database_url.reveal(), connections=1) as store:
        return await sealed_keys(settings, store, holds_money=True)


async def keystore(settings: Settings, words: Words) -> Finding:
    """Look at the bot's keystore."""
    try:
        await keys_of(settings)
    except BadKeystore as error:
        return ill(words, "doctor_keys_bad", detail=str(error))
    except MrMarketError as error:
        return ill(words, "doctor_keys_unopened", detail=str(error))
    return fine(words)


async def venues(settings: Settings, words: Words) -> Finding:
    """Look whether each venue account has its keys, and whether its venue is one that we trade at."""
    try:
        accounts = await accounts_of(settings)
    except (BadKeystore, MrMarketError):
        return ill(words, "doctor_venues_no_keys")
    except SystemExit:
        return ill(words, "doctor_venues_wrong")
    for account in accounts:
        try:
            contract_of(account.venue)
        except Refused as refusal:
            reason = named(words, "reason_", reason_of(refusal))
            return ill(
                words, "doctor_venue_refused", account=account.name, venue=account.venue, reason=reason
            )
    return fine(words)


async def accounts_of(settings: Settings) -> Sequence[VenueAccount]:
    """Return the accounts of the owner's file.

    Raises:
        BadKeystore: their keys cannot be used.
        MrMarketError: the database that has them does not answer.
        SystemExit: the file is wrong, and that was said.
    """
    return settings.venue_accounts((await keys_of(settings)).venue_keys)


async def database(settings: Settings, words: Words) -> Finding:
    """Look whether the database answers, and whether it has its present form."""
    try:
        connection = await asyncpg.connect(**connection_of(settings.database_url.reveal()), timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return ill(words, "doctor_database_silent", detail=type(error).__name__)
    try:
        await connection.execute("SELECT FROM tokens LIMIT 1")
    except asyncpg.PostgresError:
        return ill(words, "doctor_database_form")
    finally:
        await connection.close(timeout=2)
    return fine(words)


async def redis(settings: Settings, words: Words) -> Finding:
    """Look whether Redis answers."""
    client = connect_redis(settings.redis_url.reveal())
    try:
        said = await RedisProbe(client).ask()
    finally:
        await client.aclose()
    return fine(words) if said == OK else ill(words, "doctor_redis_silent", detail=health_in(words, said))


async def spend_key(settings: Settings, words: Words) -> Finding:
    """Ask Mixin whether the spend key is the bot's."""
    try:
        found = (await keys_of(settings)).keystore
    except (BadKeystore, MrMarketError):
        return ill(words, "doctor_spend_no_keys")
    clock = SystemClock()
    http, no_grip = MixinHttp(settings.mixin_api_url, found, clock), Grip(WALLET, clock.monotonic)
    try:
        await MixinWallet(http, found, no_grip.require).check_spend_key()
    except (BadKeystore, Refused) as error:
        return ill(words, "doctor_spend_wrong", detail=str(error))
    except MrMarketError as error:
        return ill(words, "doctor_spend_unasked", detail=str(error))
    finally:
        await http.close()
    return fine(words)


LOOKS: dict[str, Look] = {
    "keystore": keystore,
    "database": database,
    "redis": redis,
    "spend_key": spend_key,
    "venues": venues,
}


async def at_work(settings: Settings, words: Words) -> dict[str, Finding]:
    """Look how the processes are, as ``/ready`` does; before the first start there are none."""
    dsn = settings.database_url.reveal()
    try:
        [said] = await rows_of(dsn, WORDS)
    except NO_ANSWER:
        return {"at_work": ill(words, "doctor_work_unread")}
    if not said:
        return {"at_work": Finding(well=True, said=words("doctor_work_none"))}
    probes: list[Probe] = [ProcessProbe(dsn, name) for name in ("bot", "workers", "angel")]
    probes += [LeaseProbe(dsn), ReconciliationProbe(dsn), WaitingProbe(dsn)]
    checks = (await Readiness(probes, SystemClock().monotonic).look()).checks
    return {
        name: fine(words) if found == OK else ill(words, "doctor_work_ill", detail=health_in(words, found))
        for name, found in checks.items()
    }


async def last_drill(settings: Settings, words: Words) -> dict[str, Finding]:
    """Say what the newest rehearsal of the Angel came to; nothing where there was none."""
    try:
        async with PostgresStore(settings.database_url.reveal(), connections=1) as store:
            drill = await PostgresDrills(store).newest()
    except MrMarketError:
        return {}  # the looks before have said why
    if drill is None:
        return {}
    said = f"{drill.began_at:%Y-%m-%d}: {drill_said(drill, words)}"
    return {"drill": Finding(drill.verdict is DrillVerdict.PASSED, said)}


async def examine(settings: Settings, words: Words) -> dict[str, Finding]:
    """Return what each look found, in order."""
    found = {name: await look(settings, words) for name, look in LOOKS.items()}
    drilled = await last_drill(settings, words) if found["database"].well else {}
    return found | await at_work(settings, words) | drilled


async def accounts(settings: Settings, words: Words) -> list[Finding]:
    """Return what is known of each exchange account; nothing where the looks before have said why not."""
    try:
        named = await accounts_of(settings)
    except (BadKeystore, MrMarketError, SystemExit):
        return []
    if not named:
        return [Finding(well=True, said=words("doctor_none"))]
    return await look_at_accounts(settings, named, words)


async def _all(settings: Settings, words: Words) -> tuple[dict[str, Finding], list[Finding]]:
    return await examine(settings, words), await accounts(settings, words)


def run(asked: Namespace) -> int:
    """Look at everything; missing or wrong settings end it before (code 2)."""
    words = spoken(asked.lang)
    found, of_accounts = asyncio.run(_all(load_settings(), words))
    for name, finding in {"settings": fine(words), **found}.items():
        print(f"{padded(words(f'doctor_name_{name}'), 14)} {finding.said}")
    if of_accounts:
        print(words("doctor_accounts"), *(each.said for each in of_accounts), sep="\n")
    return 0 if all(each.well for each in (*found.values(), *of_accounts)) else 1


def _arguments(parser: ArgumentParser) -> None:
    languages = sorted(LOCALES)
    parser.add_argument("--lang", choices=languages, help="what is said; usually the shell's language")


COMMAND = Command(
    "doctor", "look at settings, keys, database, queue and accounts, and say what to mend", run, _arguments
)
