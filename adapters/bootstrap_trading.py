"""Settings in, trading loops out: what only the process that trades needs, ccxt above all."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from adapters.bootstrap import World, admission_of, reckoning_of
from adapters.clock import LockstepMarketClock, WallMarketClock
from adapters.db.account_looks import PostgresAccountLooks
from adapters.db.asked_orders import PostgresAskedOrders
from adapters.db.auth import PostgresRoles
from adapters.db.conversions import PostgresConversions
from adapters.db.fees import PostgresFees
from adapters.db.fills import PostgresFills
from adapters.db.order_writing import PostgresOrderWriting
from adapters.db.orders import PostgresOrders
from adapters.db.recoveries import PostgresRecoveries
from adapters.db.runs import PostgresRuns, PostgresVenueAccounts
from adapters.exchange.account import VenueAccount
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.exchange.client import contract_of, reason_of
from adapters.exchange.exchange_data import VenueStreams
from adapters.settings import Settings
from domain.errors import Refused
from domain.leases import Grip, venue_scope
from domain.ports.account_looks import AccountLook, Watching
from domain.ports.clock import MarketClock
from domain.ports.exchange import Exchange
from domain.ports.recoveries import Recovering
from domain.services.desk import Desk, ExecutionPolicy
from domain.services.execution import ExecutionService

log = structlog.get_logger()

ANGEL_SWEEP_S = 11.5  # until whoever takes a dead worker's place has seen its last order (safety §2.9)
TIMER_MARGIN_S = 15.0


@asynccontextmanager
async def open_executions(world: World) -> AsyncIterator[list[ExecutionService]]:
    """Open a desk at every venue account of the owner's file, and close them again.

    One that is refused is left out, and those who look after the instance are told why.
    """
    settings = world.settings
    async with AsyncExitStack() as stack:
        market = (
            LockstepMarketClock(settings.market_clock_url) if settings.market_clock_url else WallMarketClock()
        )
        stack.push_async_callback(market.close)
        streams = VenueStreams()
        stack.push_async_callback(streams.close)
        executions = []
        accounts = settings.venue_accounts(world.venue_keys)
        of_venue = Counter(account.venue for account in accounts)
        real = {account.venue for account in accounts if not account.rehearsal}
        for account in accounts:
            grip = Grip(venue_scope(account.name), world.clock.monotonic)
            sharing = of_venue[account.venue]
            try:
                contract_of(account.venue)
                exchange = CcxtExchange(account, world.clock, grip.require, streams.of(account), sharing)
            except Refused as refusal:
                await _tell_of_refused(world, account, refusal)
                continue
            stack.push_async_callback(exchange.close)
            desk = desk_of(world, account, exchange, market, grip)
            desk.timer = exchange.timer
            desk.watching = Watching(PostgresAccountLooks(world.store), exchange.keys)
            if not account.rehearsal or account.venue not in real:
                desk.candles = exchange.candles
                desk.tapes = None if account.lockstep else exchange.tapes  # recorded time stands still
            executions.append(ExecutionService(desk, account.pairs))
        yield executions


async def _tell_of_refused(world: World, account: VenueAccount, refusal: Refused) -> None:
    """Note why nobody trades from an account, and tell; once a day."""
    code, now = reason_of(refusal), world.clock.now()
    log.error("venue account refused", account=account.name, venue=account.venue, reason=code)
    store = world.store
    told = {"account": account.name, "venue": account.venue, "reason": code}
    async with store.transaction():
        await PostgresAccountLooks(store).note(AccountLook(account.name, account.venue, now, refusal=code))
        for keeper in await PostgresRoles(store).privileged():
            cause = f"account_refused:{account.name}:{code}:{now:%Y-%m-%d}"
            await world.notices.tell(keeper, "account_refused", cause, told)


def desk_of(
    world: World,
    account: VenueAccount,
    exchange: Exchange,
    market: MarketClock,
    grip: Grip,
) -> Desk:
    """Return one worker's place at a venue account, over whatever speaks for the venue."""
    store = world.store
    return Desk(
        exchange=exchange,
        venue=account.venue,
        store=store,
        ledger=world.ledger,
        clock=world.clock,
        market=market,
        ids=world.ids,
        notices=world.notices,
        accounts=PostgresVenueAccounts(store),
        runs=PostgresRuns(store),
        orders=PostgresOrders(store),
        writing=PostgresOrderWriting(store),
        fills=PostgresFills(store),
        fees=PostgresFees(store),
        conversions=PostgresConversions(store),
        policy=policy_from(world.settings, account),
        fence=world.fence,
        grip=grip,
        roles=PostgresRoles(store),
        asked=PostgresAskedOrders(store),
        admission=admission_of(world),
        reckoning=reckoning_of(world),
        recovering=Recovering(world.settings.recovery_choice(), PostgresRecoveries(store)),
    )


def policy_from(settings: Settings, account: VenueAccount) -> ExecutionPolicy:
    """Return the timing of a venue account; a replay in lockstep sends one order at a time, in order."""
    contract = contract_of(account.venue)
    return ExecutionPolicy(
        venue_expiry_s=contract.latest_arrival_s(settings.request_expiry_ms),
        unknown_lookup_window_s=settings.unknown_lookup_window_s,
        sweep_interval_s=settings.sweep_interval_s,
        stop_settle_s=settings.stop_settle_s,
        dead_man_s=settings.lease_timing().ttl_s + ANGEL_SWEEP_S + TIMER_MARGIN_S,
        sends_at_once=1 if account.lockstep else 8,
        most_notional=account.limits.max_notional,
        orders_per_second=min(contract.orders_per_second, account.limits.orders_per_second),
    )
