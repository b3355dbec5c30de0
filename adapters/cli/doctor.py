"""``mrmarket doctor``: looks at everything a process needs, and says what to mend."""

import asyncio
from argparse import Namespace
from collections.abc import Awaitable, Callable

import asyncpg

from adapters.cli.command import Command
from adapters.clock import SystemClock
from adapters.db.config import connection_of
from adapters.db.progress import WORDS
from adapters.db.store import PostgresStore
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
from domain.errors import MrMarketError, Refused
from domain.health.progress import OK
from domain.health.readiness import Readiness
from domain.leases import WALLET, Grip

Look = Callable[[Settings], Awaitable[str]]
"""Returns ``ok`` (and a word more, if there is one), or what is wrong and what to do."""


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


async def keystore(settings: Settings) -> str:
    """Look at the bot's keystore."""
    try:
        await keys_of(settings)
    except BadKeystore as error:
        return str(error)
    except MrMarketError as error:
        return f"cannot be opened: {error}"
    return OK


async def venues(settings: Settings) -> str:
    """Look whether each venue account has its keys, and whether its venue is one that we trade at."""
    try:
        keys = await keys_of(settings)
        for account in settings.venue_accounts(keys.venue_keys):
            try:
                contract_of(account.venue)
            except Refused as refusal:
                return f"{account.name} at {account.venue} is refused: {reason_of(refusal)}"
    except (BadKeystore, MrMarketError):
        return "cannot be looked at without keys"
    except SystemExit:
        return "are wrong: see above"
    return OK


async def database(settings: Settings) -> str:
    """Look whether the database answers, and whether it has its present form."""
    try:
        connection = await asyncpg.connect(**connection_of(settings.database_url.reveal()), timeout=5)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return f"does not answer ({type(error).__name__}): see MRMARKET_DATABASE_URL"
    try:
        await connection.execute("SELECT FROM tokens LIMIT 1")
    except asyncpg.PostgresError:
        return "has not its present form, or this login may not read: run mrmarket migrate"
    finally:
        await connection.close(timeout=2)
    return OK


async def redis(settings: Settings) -> str:
    """Look whether Redis answers."""
    client = connect_redis(settings.redis_url.reveal())
    try:
        said = await RedisProbe(client).ask()
    finally:
        await client.aclose()
    return said if said == OK else f"{said}: see MRMARKET_REDIS_URL"


async def spend_key(settings: Settings) -> str:
    """Ask Mixin whether the spend key is the bot's."""
    try:
        found = (await keys_of(settings)).keystore
    except (BadKeystore, MrMarketError):
        return "cannot be asked for without a keystore"
    clock = SystemClock()
    http, no_grip = MixinHttp(settings.mixin_api_url, found, clock), Grip(WALLET, clock.monotonic)
    try:
        await MixinWallet(http, found, no_grip.require).check_spend_key()
    except BadKeystore as error:
        return str(error)
    except MrMarketError as error:
        return f"{error}: {error.advice}"
    finally:
        await http.close()
    return OK


LOOKS: dict[str, Look] = {
    "keystore": keystore,
    "database": database,
    "redis": redis,
    "spend key": spend_key,
    "venues": venues,
}


async def at_work(settings: Settings) -> dict[str, str]:
    """Look how the processes are, as ``/ready`` does; before the first start there are none."""
    dsn = settings.database_url.reveal()
    try:
        [said] = await rows_of(dsn, WORDS)
    except NO_ANSWER:
        return {"at work": "cannot be looked at without the database"}
    if not said:
        return {"at work": f"{OK} (no process runs)"}
    processes = (ProcessProbe(dsn, "bot"), ProcessProbe(dsn, "workers"))
    probes = (*processes, LeaseProbe(dsn), ReconciliationProbe(dsn), WaitingProbe(dsn))
    return (await Readiness(probes, SystemClock().monotonic).look()).checks


async def examine(settings: Settings) -> dict[str, str]:
    """Return what each look found, in order."""
    return {name: await look(settings) for name, look in LOOKS.items()} | await at_work(settings)


def run(_: Namespace) -> int:
    """Look at everything; missing or wrong settings end it before (code 2)."""
    found = asyncio.run(examine(load_settings()))
    for name, said in {"settings": OK, **found}.items():
        print(f"{name:14} {said}")
    return 0 if all(said.startswith(OK) for said in found.values()) else 1


COMMAND = Command("doctor", "look at settings, keys, database and queue, and say what to mend", run)
