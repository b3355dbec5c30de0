"""The application in one process: the production wiring over ports that turn, in lives that end anywhere."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, cast

from adapters.bootstrap import World, ownership_service
from adapters.bootstrap_fees import begin_fees
from adapters.bootstrap_moving import Moving, moving_of
from adapters.bootstrap_trading import desk_of
from adapters.build import build_name, schema_version
from adapters.db.chat import PostgresOutbox
from adapters.db.leases import Claimant, PostgresFence, PostgresLeases
from adapters.db.ledger import PostgresLedger
from adapters.db.tokens import load_tokens
from adapters.exchange.account import VenueAccount, VenueKey
from adapters.ids import RandomIds
from adapters.mixin.blaze import Blaze
from adapters.mixin.keystore import Keystore
from adapters.mixin.messenger import MixinMessenger
from adapters.mixin.wallet import MixinWallet
from adapters.settings import Settings
from adapters.texts.catalogues import texts
from bot.__main__ import reception_of
from bot.delivery import Delivery
from domain.errors import OutcomeUnknown, Unavailable
from domain.ids import UserId
from domain.leases import WALLET, Grip, venue_scope
from domain.market.model import Pair
from domain.money import Coin
from domain.secrets import Secret
from domain.services.execution import ExecutionService
from domain.services.lease_keeping import LeaseKeeper
from domain.services.treasury_accounts import TreasuryAccount
from handlers.notices import NoticeRenderer
from tests.simulation.far_funds import SimulatedVenueFunds
from tests.simulation.far_mixin import FarMixin, SimulatedHttp, listen
from tests.simulation.far_venue import ACCOUNT, FarVenue, SimulatedExchange
from tests.simulation.machine import Machine
from tests.simulation.store import Told, TurningStore
from tests.simulation.turns import OWNER, Owner, SimulatedLoop, Turns
from workers.__main__ import loops_of
from workers.leases import keeping
from workers.loops import Loops

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

_CALLS_TO_DIE = 30
_BUILD, _SCHEMA = build_name(), schema_version()

Body = Callable[["Life"], Awaitable[None]]
"""What a process does, from its start until it is killed."""


class SimulatedClock:
    """The loop's virtual time, as ``domain.ports.clock.Clock``."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self._leapt_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return self._loop.time() + self._leapt_s

    def leap(self, seconds: float) -> None:
        """Let a long time pass in which nobody does anything, as if the machine had slept."""
        self._leapt_s += seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SimulatedMarketClock:
    """Markets in the same time."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock

    async def now(self) -> datetime:
        return self._clock.now()

    async def sleep_until(self, instant: datetime) -> None:
        await asyncio.sleep(max(0.0, (instant - self._clock.now()).total_seconds()))

    async def close(self) -> None:
        """Let go of nothing."""


class CannotBeginError(Exception):
    """A process could not be started."""


@dataclass
class Ground:
    """What outlives every process: the database, the far sides, time, and the settings."""

    machine: Machine
    turns: Turns
    clock: SimulatedClock
    mixin: FarMixin
    venue: FarVenue
    keystore: Keystore
    settings: Settings
    dice: random.Random
    told: Told
    keep: str = ""  # how much USDT the owner wants to be at the venue; without a word nobody moves coins


@dataclass
class Life:
    """One process from its start to its end."""

    ground: Ground
    owner: Owner
    store: TurningStore = field(init=False)

    def __post_init__(self) -> None:
        """Give it a store of its own."""
        ground = self.ground
        machine, weather = ground.machine, ground.mixin.weather
        self.store = TurningStore(machine.app_url, ground.turns, machine.sessions, weather, ground.told)

    async def begin(self) -> World:
        """Begin as ``adapters.bootstrap.open_world`` does, and return the ports of a process.

        Raises:
            CannotBeginError: the database did not answer; a supervisor starts the process again.
        """
        try:
            return await self._world()
        except (Unavailable, OutcomeUnknown) as error:
            raise CannotBeginError from error

    async def _world(self) -> World:
        ground, store = self.ground, self.store
        clock = ground.clock
        await begin_fees(store, ground.settings, cast("Any", clock))
        grip = Grip(WALLET, clock.monotonic)
        http = SimulatedHttp(ground.mixin, ground.keystore, clock, ground.turns, ground.dice)
        ids = RandomIds(ground.dice.getrandbits, lambda: int(clock.now().timestamp() * 1000))
        nothing = cast("Any", None)  # Redis wakes: it is not there, and not missed (RD2)
        world = World(
            settings=ground.settings,
            store=store,
            ledger=PostgresLedger(store),
            notices=PostgresOutbox(store),
            keystore=ground.keystore,
            http=http,
            wallet=MixinWallet(http, ground.keystore, grip.require),
            clock=cast("Any", clock),
            ids=ids,
            alarm=nothing,
            tokens=await load_tokens(store),
            fence=PostgresFence(store),
            wallet_grip=grip,
        )
        await ownership_service(world).appoint(UserId(ground.settings.owner_id or ""))
        return world


async def bot(life: Life) -> None:
    """Be the chat process: listen, answer, deliver."""
    world, ground = await life.begin(), life.ground
    delivery = Delivery(world.notices, NoticeRenderer(texts()), MixinMessenger(world.http), world.clock)
    reception = reception_of(world, delivery)
    line = Blaze("ws://mixin", world.http, world.clock, reception.receive_all)
    await asyncio.gather(
        reception.run(), delivery.run(), listen(ground.mixin, line, ground.turns, world.clock)
    )


async def workers(life: Life) -> None:
    """Be the worker process: book, pay, trade."""
    world, ground = await life.begin(), life.ground
    grip = Grip(venue_scope(ACCOUNT), world.clock.monotonic)
    exchange = SimulatedExchange(ground.venue, ground.turns, world.clock, grip.require)
    key = VenueKey(Secret("key"), Secret("secret"))
    account = VenueAccount(ACCOUNT, "binance", key, pairs=(Pair.parse("BTC/USDT"),))
    market = SimulatedMarketClock(ground.clock)
    desk = desk_of(world, account, exchange, market, grip)
    executions = [ExecutionService(desk, account.pairs)]
    holder = f"{life.owner.name}-{ground.dice.getrandbits(32):x}"
    leases = PostgresLeases(life.store, Claimant(holder, _BUILD, _SCHEMA))
    keeper = LeaseKeeper(leases, world.clock, ground.settings.lease_timing(), [world.wallet_grip, grip])
    async with keeping(keeper):
        await Loops(loops_of(world, executions, _moving(world, ground))).run(asyncio.Event())


def _moving(world: World, ground: Ground) -> Moving | None:
    if not ground.keep:
        return None
    funds = SimulatedVenueFunds(ground.venue, ground.turns, world.clock, world.wallet_grip.require)
    kept = {ACCOUNT: {Coin("USDT"): Decimal(ground.keep), Coin("BTC"): Decimal(0)}}
    return moving_of(world, {ACCOUNT: TreasuryAccount(funds, "binance")}, kept)


@dataclass
class Process:
    """A process and its supervisor: whoever dies is started again after a moment."""

    ground: Ground
    name: str
    body: Body
    die_at: set[int] = field(default_factory=set)
    passed: int = 0
    _life: Life | None = None

    async def run(self) -> None:
        """Live, die and live again, until cancelled; the last life ends then too."""
        try:
            while True:
                rest_s = self.ground.dice.uniform(0.2, 3.0)
                await self._live()
                await asyncio.sleep(rest_s)
        finally:
            if self._life:
                await self._bury(self._life)

    async def _live(self) -> None:
        owner = Owner(self.name, self.die_at, self.passed)
        life = self._life = Life(self.ground, owner)
        token = OWNER.set(owner)
        try:
            living = asyncio.create_task(self._start(life))
        finally:
            OWNER.reset(token)
        dying = asyncio.create_task(owner.crashed.wait())
        await asyncio.wait({living, dying}, return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        ended = living.done() and not owner.crashed.is_set()
        await self._bury(life)
        self._life = None
        if ended:
            with suppress(CannotBeginError):
                living.result()  # whoever has begun ends only by being killed

    async def _start(self, life: Life) -> None:
        await life.store.connect()
        await self.body(life)

    async def _bury(self, life: Life) -> None:
        """Cut its connections, then clear its tasks away; what they still try is nobody's any more."""
        owner = life.owner
        self.passed = owner.passed
        self.ground.turns.kill(owner)
        cut = life.store.cut()
        for _ in range(_CALLS_TO_DIE):
            alive = [task for task in owner.tasks if not task.done()]
            for task in alive:
                task.cancel()
            for _ in range(10):  # nobody else goes on meanwhile, and no time passes
                await asyncio.sleep(0)
        assert not alive, f"{owner.name} would not die: {alive}"
        for session in cut.sessions:
            await life.store.on_its_way(self.ground.machine.sessions.leave(session))
        self.ground.machine.watch.wait_until_gone(cut.servers)
        for task in owner.tasks:
            if not task.cancelled():
                task.exception()  # what it died of is not news


@cache
def settings_of(directory: Path, owner_id: str) -> Settings:
    """Return settings as an owner would have written them, with the short times of the sandbox."""
    return Settings.model_validate(
        {
            "database_url": "postgres://nobody@127.0.0.1/nothing",
            "redis_url": "redis://127.0.0.1:1/0",
            "mixin_keystore_file": directory / "bot.json",
            "venue_accounts_file": directory / "venues.json",
            "owner_id": owner_id,
            "unknown_lookup_window_s": 5,
            "stop_settle_s": 1,
            "request_expiry_ms": 2000,
            "sweep_interval_s": 2,
            "deposit_fee_bps": 10,
            "withdrawal_fee_bps": 20,
            "trading_fee_bps": 5,
            "lease_ttl_s": 4,
            "lease_renew_s": 1,
            "lease_timeout_s": 0.5,
        }
    )
