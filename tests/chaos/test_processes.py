"""Processes killed, frozen and cut off while people pay, trade and take out (T10, §2.10-2.12)."""

import asyncio
import random
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from tests.assurance import Assure
from tests.chaos.judge import assert_nothing_lost_or_doubled
from tests.chaos.shop import PRODUCT, SEED_NOW, Payments, Shop, open_shop, open_trading, size
from tests.journeys.instance import until
from tests.journeys.steps import deposit, fills, stop_run, withdraw

pytestmark = [pytest.mark.journey, pytest.mark.timeout(3600)]

RESTARTS = size("CHAOS_RESTARTS", 3)
DEATHS = size("CHAOS_DEATHS", 4)
FAULT_S = size("CHAOS_FAULT_S", 5)

BACK_WITHIN_S = 5.0
"""After the database answers, so long may a payment take until it is credited (T10)."""

BY_ITSELF = 3
"""So often within an hour a market maker is brought back by itself."""

FAULTS = [
    *((route, kind) for route in ("mixin", "venue") for kind in ("drop", "delay", "reset", "duplicate")),
    *((route, kind) for route in ("postgres", "redis") for kind in ("drop", "delay", "reset")),
]
_PERCENT = {"drop": 5, "delay": 100, "reset": 10, "duplicate": 50}
_MS = 400


async def settle_and_judge(shop: Shop, payments: Payments) -> None:
    """Wait until all is there, show that all works again, close the market, and judge."""
    alice = shop.person("Alice")
    await until(payments.all_there, 120, "every acknowledged payment is credited")
    await bring_back(shop)
    had = await fills(shop)
    await until(lambda: _more_fills(shop, had), 180, "trading goes on after the faults")
    await withdraw(payments.person, "USDT", "5")
    await stop_run(alice, within_s=180)
    await assert_nothing_lost_or_doubled(shop)


async def takeovers(shop: Shop) -> int:
    """Return how often the Angel took an account over."""
    [taken] = await shop.rows("SELECT count(*) AS n FROM angel_entries WHERE kind = 'take' AND NOT late")
    return int(taken["n"])


async def bring_back(shop: Shop) -> None:
    """Wait until the market maker is at work; have the owner bring it back if its person is asked instead.

    Who kills workers again and again has the Angel take over each time that none is back in time (AN12).
    """

    async def settled() -> str:
        [run] = await shop.rows("SELECT state FROM runs WHERE number = 1 AND kind = 'strategy'")
        return run["state"] if run["state"] in {"running", "awaiting_user"} else ""

    if await until(settled, 120, "the market maker is at work, or its person is asked") == "running":
        return
    taken = await takeovers(shop)
    assert taken > BY_ITSELF, f"its person was asked after {taken} take-overs"
    said = await shop.command("recover")
    assert said.code == 0, said.text


async def _more_fills(shop: Shop, had: int) -> bool:
    return await fills(shop) > had


async def database_answers(shop: Shop) -> float:
    """Wait until the database answers, and return when that was."""
    while True:
        try:
            connection = await asyncpg.connect(shop.facts["urls"]["database"], timeout=2)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            await asyncio.sleep(0.02)
            continue
        connection.terminate()
        return time.monotonic()


async def test_postgres_restarts_at_once_again_and_again(tmp_path: Path, assure: Assure) -> None:
    dice, backs = random.Random(SEED_NOW), []
    async with open_shop(tmp_path / "state", f"{RESTARTS} immediate restarts") as shop:
        await open_trading(shop.person("Alice"))
        bob = shop.person("Bob")
        await bob.asks("Hi", "deposit", 60)
        await deposit(bob, "USDT", "50")
        payments = Payments(bob)
        for _ in range(RESTARTS):
            await payments.pay_for(dice.uniform(1, 4), every_s=0.2)
            backs.append(await restart_postgres(shop, payments))
        await settle_and_judge(shop, payments)
    assure("T10", len(payments.paid), 0, restarts=RESTARTS, slowest_back_ms=int(max(backs) * 1000))
    assert max(backs) <= BACK_WITHIN_S, f"back after {[round(each, 1) for each in backs]} s"


async def restart_postgres(shop: Shop, payments: Payments) -> float:
    """Let Postgres end at once; return how many seconds after it answers a new payment is there."""
    old = shop.pid("postgres")
    shop.signal("postgres", signal.SIGQUIT)  # as `pg_ctl -m immediate` does
    await until(lambda: _is_another(shop, old), 60, "another postgres")
    answered_s = await database_answers(shop)
    trace = await payments.pay(f"2.{len(payments.paid) + 1:04}")
    await until(lambda: _is_there(payments, trace), 60, "the first payment afterwards")
    return time.monotonic() - answered_s


async def _is_another(shop: Shop, old: int | None) -> bool:
    return shop.pid("postgres") not in {None, old}


async def _is_there(payments: Payments, trace: str) -> bool:
    return trace not in await payments.missing()


VICTIMS = (*PRODUCT, "mixin", "venue", "postgres", "redis", "proxy")


async def test_processes_die_and_freeze(tmp_path: Path, assure: Assure) -> None:
    dice = random.Random(SEED_NOW)
    done: list[str] = []
    async with open_shop(tmp_path / "state", "kill -9 and SIGSTOP") as shop:
        await open_trading(shop.person("Alice"))
        bob = shop.person("Bob")
        await bob.asks("Hi", "deposit", 60)
        await deposit(bob, "USDT", "50")
        payments = Payments(bob)
        paying = asyncio.create_task(payments.pay_for(DEATHS * 8.0))
        try:
            for _ in range(DEATHS):
                done.append(await strike(shop, dice, VICTIMS))
                await asyncio.sleep(dice.uniform(1, 4))
        finally:
            await asyncio.gather(paying, return_exceptions=True)
        try:
            await settle_and_judge(shop, payments)
        except BaseException as error:
            error.add_note(" ".join(done))
            raise
        taken = await takeovers(shop)
    assure("REAL deaths", DEATHS, 0, payments=len(payments.paid), takeovers=taken)


async def strike(shop: Shop, dice: random.Random, victims: Sequence[str]) -> str:
    """Kill somebody, or stop them for longer than leases last, and return what was done to whom."""
    victim = dice.choice(victims)
    if dice.random() < 0.5:
        shop.signal(victim, signal.SIGKILL)
        return f"kill:{victim}"
    shop.signal(victim, signal.SIGSTOP)
    pause_s = dice.uniform(1, 8)
    await asyncio.sleep(pause_s)
    shop.signal(victim, signal.SIGCONT)
    return f"stop:{victim}:{pause_s:.1f}"


async def has_struck(shop: Shop, route: str, kind: str) -> bool:
    """Tell whether a fault has befallen anybody."""
    return bool((await shop.struck())[route].get(kind))


async def test_a_bad_network_loses_and_doubles_nothing(tmp_path: Path, assure: Assure) -> None:
    async with open_shop(tmp_path / "state", "a bad network") as shop:
        await open_trading(shop.person("Alice"))
        bob = shop.person("Bob")
        await bob.asks("Hi", "deposit", 60)
        await deposit(bob, "USDT", "50")
        payments = Payments(bob)
        for route, kind in FAULTS:
            await shop.faults(**{route: {"kind": kind, "percent": _PERCENT[kind], "ms": _MS}})
            await bob.says("/balance")
            await payments.pay_for(FAULT_S)
            await until(partial(has_struck, shop, route, kind), 120, f"{kind} strikes at {route}")
            await shop.faults()
            try:
                await until(payments.all_there, 120, "every payment is credited after the fault")
            except AssertionError as error:
                error.add_note(f"after {kind} at {route}")
                raise
        struck = await shop.struck()
        await settle_and_judge(shop, payments)
    total = sum(n for counts in struck.values() for kind, n in counts.items() if kind != "pieces")
    assure("REAL network", len(FAULTS), 0, payments=len(payments.paid), struck=total)
