"""The worker process: ``python -m workers``."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from adapters.bootstrap import (
    World,
    angel_minding,
    chain_service,
    money_services,
    open_world,
    safe_boot_of,
    wallet_comparing,
)
from adapters.bootstrap_closing import closing_service, inactivity_service
from adapters.bootstrap_leases import lease_keeper
from adapters.bootstrap_moving import Moving, open_treasury
from adapters.bootstrap_prices import candle_keeping, tape_reading
from adapters.bootstrap_runs import stop_carrying
from adapters.bootstrap_trading import open_executions
from adapters.db.progress import PostgresProgress
from adapters.health import DatabaseProbe, OwnProbe, RedisProbe, connect_redis
from adapters.health_pages import telling
from adapters.logging import configure_logging
from adapters.mixin.keystore import BadKeystore
from adapters.process import keep_memory_private, own_name, settle_memory
from adapters.queue.arq_queue import keep_listening
from adapters.settings import Settings, load_settings
from adapters.watchdog import Watchdog
from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.services.execution import ExecutionService
from workers import (
    beat,
    candles,
    chain,
    closing,
    deposits,
    fees,
    guardians,
    inactive,
    payouts,
    reconcile,
    safe_boot,
    stops,
    strategies,
    tapes,
    treasury,
)
from workers.beat import BeatWorker, LeaseWork
from workers.chain import ChainWorker
from workers.closing import ClosingWorker
from workers.deposits import DepositWorker
from workers.fees import FeeWorker
from workers.leases import keeping
from workers.loops import Loop, Loops
from workers.payouts import PayoutWorker
from workers.strategies import TradingLoop
from workers.treasury import TreasuryWorker

PROCESS = "workers"

log = structlog.get_logger(PROCESS)


def loops_of(
    world: World, executions: Sequence[ExecutionService], moving: Moving | None = None
) -> list[Loop]:
    """Return everything this process does again and again."""
    money, clock = money_services(world), world.clock
    trading = [TradingLoop(execution) for execution in executions]
    paying = PayoutWorker(money.withdrawals, money.payouts, world.wallet_grip, world.clock.monotonic)
    ends = ClosingWorker(closing_service(world, money.confirmations), world.wallet_grip)
    safe = safe_boot_of(world)
    seen, read = candle_keeping(world, executions), tape_reading(world, executions)
    moves = [TreasuryWorker(*moving, world.wallet_grip, clock.monotonic)] if moving else []
    return [
        *([Loop(safe_boot.NAME, safe_boot.EVERY_S, safe.note, clock)] if safe else []),
        Loop(stops.NAME, stops.EVERY_S, stop_carrying(world).round, clock),
        Loop(deposits.NAME, deposits.EVERY_S, DepositWorker(money.deposits, safe).round, clock),
        Loop(payouts.NAME, payouts.EVERY_S, paying.round, clock),
        *(Loop(treasury.NAME, treasury.EVERY_S, each.round, clock) for each in moves),
        Loop(fees.NAME, fees.EVERY_S, FeeWorker(money.fees).round, clock),
        Loop(closing.NAME, closing.EVERY_S, ends.round, clock),
        Loop(inactive.NAME, inactive.EVERY_S, inactivity_service(world).remind, clock),
        Loop(chain.NAME, chain.EVERY_S, ChainWorker(chain_service(world)).round, clock),
        Loop(guardians.NAME, guardians.EVERY_S, angel_minding(world).round, clock),
        Loop(reconcile.NAME, reconcile.EVERY_S, wallet_comparing(world).round, clock),
        *([Loop(candles.NAME, candles.EVERY_S, seen.round, clock)] if seen.feeds else []),
        *([Loop(tapes.NAME, tapes.EVERY_S, read.round, clock)] if read.feeds else []),
        *(Loop(each.name, strategies.EVERY_S, each.round, clock) for each in trading),
    ]


def works_of(world: World, executions: Sequence[ExecutionService]) -> list[LeaseWork]:
    """Return which loop acts for which lease."""
    wallet = LeaseWork(world.wallet_grip, payouts.NAME)
    return [wallet, *(TradingLoop(execution).work for execution in executions)]


async def work(settings: Settings) -> None:
    """Work until told to stop; a step that has begun is finished."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with (
        open_world(settings, holds_money=True) as world,
        open_executions(world) as executions,
        open_treasury(world) as moving,
    ):
        await _check_spend_key(world)
        await _look_for_signs(world, stop)
        loops, holder = Loops(loops_of(world, executions, moving)), own_name()
        progress = PostgresProgress(world.store, PROCESS, holder)
        beating = BeatWorker(loops, works_of(world, executions), progress.say)
        heart = Loop(beat.NAME, beat.EVERY_S, beating.round, world.clock)
        listening = asyncio.create_task(keep_listening(settings.redis_url.reveal(), loops.wake))
        settle_memory()
        log.info("working")
        grips = [world.wallet_grip, *(execution.desk.grip for execution in executions)]
        try:
            with Watchdog().watching():
                async with _pages(world, beating), keeping(lease_keeper(world, grips, holder)):
                    await asyncio.gather(loops.run(stop), heart.run(stop))
                    await _leave(executions)
            await progress.end()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    log.info("stopped")


async def _leave(executions: Sequence[ExecutionService]) -> None:
    """Unset what would strike an account where nothing of ours rests; a venue's silence keeps nobody."""
    for execution in executions:
        try:
            said = await execution.leave()
        except MrMarketError as error:
            said = str(error)
        log.info("left", account=execution.desk.account, said=said or "as it is")


@asynccontextmanager
async def _pages(world: World, beating: BeatWorker) -> AsyncIterator[None]:
    """Tell machines how this process is, where the settings say so."""
    settings, redis = world.settings, connect_redis(world.settings.redis_url.reveal())
    probes = (
        OwnProbe("loops", lambda: beating.stuck),
        DatabaseProbe(settings.database_url.reveal()),
        RedisProbe(redis),
    )
    try:
        async with telling(settings, PROCESS, lambda: beating.stuck, probes, world.clock.monotonic):
            yield
    finally:
        await redis.aclose()


async def _look_for_signs(world: World, stop: asyncio.Event) -> None:
    """Look whether the books are the newest ones before anything is done with them (PG5)."""
    safe = safe_boot_of(world)
    while safe and not stop.is_set():
        try:
            said = await safe.look()
        except (Unavailable, OutcomeUnknown) as error:
            log.warning("cannot look whether the books are the newest ones: nothing begins", error=str(error))
            await world.clock.sleep(1.0)
        else:
            log.info("looked for signs of other books", said=said)
            return


async def _check_spend_key(world: World) -> None:
    try:
        await world.wallet.check_spend_key()
    except Unavailable as error:
        log.warning("spend key not checked", error=str(error))


def main() -> None:
    """Read the settings and work."""
    keep_memory_private()
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level, process=PROCESS)
    try:
        asyncio.run(work(settings))
    except (BadKeystore, Refused, Unavailable) as error:
        log.error("cannot work", error=str(error))  # noqa: TRY400 - one sentence, no traceback
        sys.exit(1)


if __name__ == "__main__":
    main()
