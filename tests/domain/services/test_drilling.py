"""A drill measures what it says, keeps what it measured, and always starts again what it killed."""

import pytest

from adapters.ids import RandomIds
from domain.errors import Refused
from domain.health.drill import Drill, DrillVerdict
from domain.services.drilling import AngelDrill
from tests.fakes.clock import FakeClock
from tests.fakes.drills import FakeDrills, FakePlace


class Yard:
    def __init__(self, **facts: object) -> None:
        self.clock, self.drills, self.said = FakeClock(), FakeDrills(), list[str]()
        self.place = FakePlace(self.clock, **facts)  # type: ignore[arg-type]  # facts are its own

    async def run(self, allowed_s: float = 11.0) -> Drill:
        return await AngelDrill(self.place, self.drills, self.clock, RandomIds(), self.said.append).run(
            allowed_s
        )


async def test_seconds_count_from_the_kill_and_are_kept() -> None:
    yard = Yard()
    drill = await yard.run()
    assert (drill.orders, drill.flat_s, drill.safe_s, drill.back_s) == (12, 8.0, 20.0, 30.0)
    assert drill.verdict is DrillVerdict.PASSED
    assert await yard.drills.newest() == drill
    assert yard.place.did == ["kill", "start"]
    assert yard.said == ["kill", "flat", "safe", "start", "back"]


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({"flat_s": 12.0}, DrillVerdict.TOO_SLOW),
        ({"flat_s": 500.0}, DrillVerdict.NOT_FLAT),
        ({"safe_s": 500.0}, DrillVerdict.NOT_SAFE),
        ({"back_s": 500.0}, DrillVerdict.NOT_BACK),
        ({"comes_back": True}, DrillVerdict.NOT_FLAT),
    ],
)
async def test_what_does_not_happen_in_time_is_the_verdict_and_all_is_started_again(
    facts: dict[str, object], verdict: DrillVerdict
) -> None:
    yard = Yard(**facts)
    assert (await yard.run()).verdict is verdict
    assert yard.place.did == ["kill", "start"]
    assert [drill.verdict for drill in yard.drills.rows] == [verdict]


async def test_an_order_that_was_under_way_at_the_kill_counts_until_it_is_gone() -> None:
    drill = await Yard(arrives=True).run()
    assert (drill.flat_s, drill.safe_s) == (8.0, 20.0)


async def test_a_venue_that_does_not_tell_for_a_while_changes_no_figure() -> None:
    drill = await Yard(hides=True).run()
    assert (drill.flat_s, drill.safe_s, drill.verdict) == (8.0, 20.0, DrillVerdict.PASSED)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"why_not": "drill_not_rehearsal"}, "drill_not_rehearsal"),
        ({"orders": None}, "drill_unseen"),
        ({"orders": 0}, "drill_nothing_rests"),
    ],
)
async def test_where_it_may_not_be_or_would_show_nothing_nobody_is_killed(
    facts: dict[str, object], code: str
) -> None:
    yard = Yard(**facts)
    with pytest.raises(Refused, match=code):
        await yard.run()
    assert (yard.place.did, yard.drills.rows) == ([], [])


async def test_a_kill_that_breaks_halfway_is_followed_by_a_start() -> None:
    yard = Yard(breaks=True)
    with pytest.raises(OSError, match="no such command"):
        await yard.run()
    assert (yard.place.did, yard.drills.rows) == (["kill", "start"], [])
