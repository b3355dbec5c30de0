"""A process says how far it is: one whose loops are stuck or fail is known as dead, though it answers."""

from collections.abc import Sequence

from aiohttp.test_utils import make_mocked_request

from adapters.health_pages import HealthPages
from domain.health.progress import WHOLE, Patience, Progress, Word, standing
from domain.health.readiness import Readiness
from domain.leases import Grip, LeaseTiming, Scope
from tests.fakes.clock import FakeClock
from workers.beat import BeatWorker, LeaseWork
from workers.loops import FAILING_AT, SILENT_AFTER_S, Loop, Loops

MAIN = Scope("venue:main")
LIVE = make_mocked_request("GET", "/live")


async def nothing() -> str:
    return "done"


class Said:
    """What a process said last."""

    def __init__(self) -> None:
        self.parts: Sequence[Progress] = ()

    async def say(self, parts: Sequence[Progress]) -> None:
        self.parts = parts

    def standing(self) -> str:
        words = [Word("workers", "a", part, 0.0) for part in self.parts]
        return standing("workers", words, Patience())


def held(clock: FakeClock) -> Grip:
    grip = Grip(MAIN, clock.monotonic)
    grip.tighten(1, clock.monotonic(), LeaseTiming(ttl_s=300))
    return grip


async def test_a_process_that_answers_but_does_no_work_is_known_as_dead() -> None:
    clock, said = FakeClock(), Said()
    worker = BeatWorker(Loops([Loop("payouts", 1.0, nothing, clock)]), [], said.say)
    pages = HealthPages("workers", lambda: worker.stuck, Readiness([], clock.monotonic), "")
    assert (await worker.round(), said.standing()) == ("well", "ok")
    assert (await pages.live(LIVE)).status == 200
    clock.advance(SILENT_AFTER_S + 3)
    assert await worker.round() == said.standing() == "payouts is stuck"
    answer = await pages.live(LIVE)
    assert (answer.status, answer.text) == (503, '{"live": false, "stuck": "payouts is stuck"}')


async def test_what_somebody_else_should_do_in_its_place_is_told_of_the_lease_alone() -> None:
    clock, said, why = FakeClock(), Said(), "cannot take off 3 orders (venue_silent)"
    loops = Loops([Loop("trading main", 1.0, nothing, clock)])
    work = LeaseWork(held(clock), "trading main", waits_for=lambda: "venue_silent", stuck=lambda: why)
    worker = BeatWorker(loops, [work], said.say)
    assert await worker.round() == "well", "the process is"
    assert said.standing() == f"venue:main {why}"


async def test_a_loop_that_fails_again_and_again_is_told_and_so_is_the_lease_it_acts_for() -> None:
    clock, said = FakeClock(), Said()

    async def fails() -> str:
        raise LookupError

    trading = Loop("trading main", 0.0, fails, clock)
    loops = Loops([trading, Loop("payouts", 1.0, nothing, clock)])
    worker = BeatWorker(loops, [LeaseWork(held(clock), "trading main")], said.say)
    for _ in range(FAILING_AT):
        assert await worker.round() == "well"
        await trading._one_round()
    assert await worker.round() == "trading main fails"
    assert {part.part: part.stuck for part in said.parts} == {WHOLE: "trading main fails", MAIN: "fails"}


async def test_how_far_each_lease_is_that_is_held_is_said_and_of_no_other() -> None:
    clock, said = FakeClock(), Said()
    loop = Loop("trading main", 0.0, nothing, clock)
    works = [
        LeaseWork(held(clock), "trading main", lambda: 7.0, lambda: "venue_unavailable"),
        LeaseWork(Grip(Scope("venue:other"), clock.monotonic), "trading main"),
    ]
    worker = BeatWorker(Loops([loop]), works, said.say)
    clock.advance(4)
    await worker.round()
    assert list(said.parts) == [Progress(WHOLE), Progress(MAIN, 4.0, 7.0, "venue_unavailable")]
    await loop._one_round()
    await worker.round()
    assert said.parts[1].idle_s == 0.0
