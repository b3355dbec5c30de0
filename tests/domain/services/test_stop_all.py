"""Stop all: at one word of the owner every run stops and every conversion is called off (WI2)."""

from decimal import Decimal
from typing import Any

import pytest

from adapters.db.store import PostgresStore
from domain.conversions.model import ConversionState
from domain.conversions.quoting import Wish
from domain.errors import Refused
from domain.ids import UserId
from domain.market.model import Side
from domain.market.runs import RunState
from domain.money import Coin
from domain.roles import Role
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.stopping import GoingOn, StopAllService
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import OWNER, World
from tests.fakes.crash import Crashing, Fuse, SimulatedCrash
from tests.fakes.exchange import PAIR
from tests.fakes.roles import FakeAudit, FakeRoles

BTC, USDT = Coin("BTC"), Coin("USDT")
DEPOSIT = {BTC: "0.05", USDT: "4000"}


class Instance:
    """A person with two runs, of which one is being left, and a conversion at work."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.audit = FakeAudit()
        self.roles = FakeRoles(self.world.store, self.audit)
        self.roles.plant(OWNER, Role.OWNER)
        self.world.store.tables += [self.audit, self.roles]

    async def begin(self) -> None:
        """Let runs and conversions go on."""
        world = self.world
        await world.person(BTC=DEPOSIT[BTC], USDT=DEPOSIT[USDT])
        await world.rounds(world.worker(), 2)
        for _ in range(2):
            await world.start("0.01", "500")
        left = await world.people.quote_leaving(world.user, 2, USDT)
        sold = await world.people.quote(world.user, Wish(PAIR, Side.SELL, Decimal("0.01")))
        for quote in (left, sold):
            token = await world.people.confirm(world.user, quote)
            await world.people.start(world.user, quote.params, token)

    def service(self, fuse: Fuse | None = None) -> StopAllService:
        """Return the use case, in a process that may die."""

        def port(real: Any) -> Any:
            return Crashing(real, fuse) if fuse else real

        world = self.world
        confirming = ConfirmationService(world.store, world.confirmations, world.time, world.ids)
        auth = AuthService(self.roles, self.audit, world.time)
        store, runs, conversions = port(world.store), port(world.runs), port(world.conversions)
        return StopAllService(store, runs, conversions, port(world.outbox), confirming, world.time, auth)

    def states(self) -> list[str]:
        """Return the states of all runs and conversions."""
        rows: list[Any] = [*self.world.runs.rows, *self.world.conversions.rows.values()]
        return [each.state.value for each in rows]


async def test_all_that_goes_on_stops_and_everything_comes_back() -> None:
    at = Instance()
    await at.begin()
    going, token = await at.service().ask(OWNER)
    assert going == GoingOn(runs=1, conversions=2)
    assert await at.service().stop(OWNER, token, "tap") == going
    await at.world.until_stopped(at.world.worker())
    await at.world.check_ended(DEPOSIT)
    assert {run.state for run in at.world.runs.rows} == {RunState.STOPPED}
    ended = {(each.state, each.reason) for each in at.world.conversions.rows.values()}
    assert ended == {(ConversionState.DONE, "stopped_all")}
    kinds = [kind for _, kind, _ in at.world.outbox.rows]
    assert (kinds.count("run_stopping_with_all"), kinds.count("conversion_done")) == (1, 2)
    assert [act.action for act in at.audit.rows] == ["runs.stop_all"]


async def test_a_death_at_any_boundary_stops_all_or_nothing_and_the_word_counts_once() -> None:
    blow_at = 0
    while True:
        blow_at += 1
        at, fuse = Instance(), Fuse(blow_at)
        await at.begin()
        before = at.states()
        _, token = await at.service().ask(OWNER)
        try:
            await at.service(fuse).stop(OWNER, token, "tap")
        except SimulatedCrash:
            died = True
        else:
            died = False
        if died and at.states() == before:
            assert at.audit.rows == []
            await at.service().stop(OWNER, token, "tap")
        with pytest.raises(Refused, match="confirmation_used"):
            await at.service().stop(OWNER, token, "tap")
        assert set(at.states()) <= {"stopping", "finishing", "done"}
        assert len(at.audit.rows) == 1
        if not died:
            break
    assert blow_at > 12


async def test_it_is_the_owners_word_alone() -> None:
    at = Instance()
    with pytest.raises(Refused, match="not_allowed"):
        await at.service().ask(UserId("alice"))
    _, token = await at.service().ask(OWNER)
    with pytest.raises(Refused, match="not_allowed"):
        await at.service().stop(UserId("alice"), token, "tap")


async def test_the_database_names_what_goes_on_and_nothing_that_stops(store: PostgresStore) -> None:
    world = World(store)
    await world.person(BTC="0.05", USDT="4000")
    await world.rounds(world.worker(), 2)
    runs = [await world.start("0.01", "500") for _ in range(2)]
    sold = await world.people.quote(world.user, Wish(PAIR, Side.SELL, Decimal("0.01")))
    token = await world.people.confirm(world.user, sold)
    begun = await world.people.start(world.user, sold.params, token)
    assert [run.id for run in await world.runs.going()] == sorted(run.id for run in runs)
    assert [each.id for each in await world.conversions.going()] == [begun.id]
    await world.desk_of_people.stop(world.user, 1)
    await world.people.cancel(world.user, 1)
    assert [run.id for run in await world.runs.going()] == [runs[1].id]
    assert await world.conversions.going() == []
