"""A STOP from outside is carried out once, as ``/stopall`` and more: nothing new begins after it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.errors import Refused
from domain.ids import UserId
from domain.market.runs import RunState
from domain.money import Coin
from domain.ports.freezes import NEW
from domain.ports.stops import BY_FILE, Carried, Stop
from domain.roles import Role
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.stop_carrying import StopCarrying
from domain.services.stopping import StopAllService
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import OWNER
from tests.fakes.crash import Crashing, Fuse, SimulatedCrash
from tests.fakes.roles import FakeAudit, FakeRoles
from tests.fakes.stops import FakeStopFile, FakeStops

STOP = Stop("stop-1", UserId("0b000000-0000-4000-8000-00000000000b"), datetime(2026, 1, 1, tzinfo=UTC))
BTC, USDT = Coin("BTC"), Coin("USDT")
DEPOSIT = {BTC: "0.05", USDT: "4000"}


class Instance:
    """A person with two runs, one of them taken over by the Angel."""

    def __init__(self) -> None:
        self.world, self.audit, self.stops = MemoryWorld(), FakeAudit(), FakeStops()
        self.roles, self.file = FakeRoles(self.world.store, self.audit), FakeStopFile()
        self.roles.plant(OWNER, Role.OWNER)
        self.world.store.tables += [self.audit, self.roles, self.stops]

    async def begin(self) -> None:
        world = self.world
        await world.person(BTC=DEPOSIT[BTC], USDT=DEPOSIT[USDT])
        await world.rounds(world.worker(), 2)
        runs = [await world.start("0.01", "500") for _ in range(2)]
        await world.runs.move(runs[1].id, RunState.RUNNING, RunState.HALTED, world.time.now())

    def service(self, fuse: Fuse | None = None) -> StopCarrying:
        def port(real: Any) -> Any:
            return Crashing(real, fuse) if fuse else real

        world = self.world
        confirming = ConfirmationService(world.store, world.confirmations, world.time, world.ids)
        auth = AuthService(self.roles, port(self.audit), world.time)
        store, runs, outbox = port(world.store), port(world.runs), port(world.outbox)
        all_of_it = StopAllService(store, runs, port(world.conversions), outbox, confirming, world.time, auth)
        return StopCarrying(
            *(store, port(self.stops), self.file, all_of_it, port(world.freezes), self.roles, auth, outbox),
            world.time,
        )

    def states(self) -> list[RunState]:
        return [run.state for run in self.world.runs.rows]

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.world.outbox.rows]


async def test_a_row_stops_every_run_and_nothing_new_begins() -> None:
    at = Instance()
    await at.begin()
    assert await at.service().round() == "nobody said STOP"
    await at.stops.add(STOP)
    assert "2 runs stop" in await at.service().round()
    assert at.states() == [RunState.STOPPING, RunState.STOPPING]
    with pytest.raises(Refused, match="nothing_new"):
        await at.world.start("0.01", "500")
    assert [freeze.scope for freeze in await at.world.freezes.open()] == [NEW]
    assert at.kinds().count("stopped_from_outside") == 1
    assert [(act.who, act.action) for act in at.audit.rows] == [(STOP.by, "runs.stop_all")]
    assert at.stops.rows[STOP.id] == (STOP, Carried(2, 0))
    await at.world.until_stopped(at.world.worker())
    await at.world.check_ended(DEPOSIT)


async def test_a_file_alone_does_the_same_once_however_long_it_stands() -> None:
    at = Instance()
    await at.begin()
    at.file.write(STOP)
    said = [await at.service().round() for _ in range(3)]
    assert [one == "nobody said STOP" for one in said] == [False, True, True]
    assert at.states() == [RunState.STOPPING, RunState.STOPPING]
    assert len(at.audit.rows) == 1


async def test_a_file_made_by_hand_is_not_called_somebodys_word() -> None:
    at = Instance()
    await at.begin()
    at.file.write(Stop("file-1", BY_FILE, STOP.at))
    await at.service().round()
    [told] = [params for (_, kind, _), params in at.world.outbox.rows.items() if kind == "stopped_by_file"]
    assert told == {"at": STOP.at.isoformat(), "runs": "2", "conversions": "0"}
    assert "stopped_from_outside" not in at.kinds()


async def test_a_death_at_any_boundary_carries_out_all_or_nothing_and_the_next_life_all() -> None:
    blow_at = 0
    while True:
        blow_at += 1
        at, fuse = Instance(), Fuse(blow_at)
        await at.begin()
        at.file.write(STOP)
        try:
            await at.service(fuse).round()
        except SimulatedCrash:
            died = True
        else:
            died = False
        assert at.states() in ([RunState.RUNNING, RunState.HALTED], [RunState.STOPPING] * 2)
        assert (at.states() == [RunState.STOPPING] * 2) == bool(at.audit.rows)
        await at.service().round()
        assert at.states() == [RunState.STOPPING] * 2
        assert (len(at.audit.rows), at.kinds().count("stopped_from_outside")) == (1, 1)
        if not died:
            break
    assert blow_at > 12
