"""An Angel that is gone is noticed before it is needed."""

from dataclasses import dataclass

import pytest

from domain.services.angel_minding import GIVEN_UP_S, UNHEARD_S, AngelMinding
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import OWNER
from tests.fakes.roles import owned_by


@dataclass
class FakeGuardians:
    """As ``domain.ports.guardians.Guardians``."""

    unheard_s: float | None

    async def angel_unheard_s(self) -> float | None:
        return self.unheard_s


@pytest.mark.parametrize(
    ("unheard_s", "told"),
    [(None, 0), (0.5, 0), (UNHEARD_S - 1, 0), (UNHEARD_S, 1), (GIVEN_UP_S, 1), (GIVEN_UP_S + 1, 0)],
)
async def test_owner_hears_once_a_day_that_the_angel_is_gone(unheard_s: float | None, told: int) -> None:
    world = MemoryWorld()
    minding = AngelMinding(FakeGuardians(unheard_s), world.store, owned_by(OWNER), world.outbox, world.time)
    for _ in range(3):
        await minding.round()
    assert [kind for person, kind, _ in world.outbox.rows if person == OWNER] == ["angel_unheard"] * told
    world.time.advance(86_400)
    await minding.round()
    assert len(world.outbox.rows) == 2 * told
