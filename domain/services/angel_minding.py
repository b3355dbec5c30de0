"""Telling those who look after the instance that its Angel is gone, before it is needed."""

from dataclasses import dataclass

from domain.ports.clock import Clock
from domain.ports.guardians import Guardians
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.store import Store

UNHEARD_S, GIVEN_UP_S = 300.0, 7 * 86_400.0
"""For how long an Angel may say nothing, a deploy takes less; and how long people are reminded."""


@dataclass(frozen=True, slots=True)
class AngelMinding:
    """Looks now and then; that an instance never had an Angel only the doctor says."""

    guardians: Guardians
    store: Store
    roles: RoleStore
    notices: Notices
    clock: Clock

    async def round(self) -> str:
        """Tell once a day that the Angel is silent, if it is; say how it is."""
        unheard_s = await self.guardians.angel_unheard_s()
        if unheard_s is None:
            return "no Angel is known"
        if unheard_s < UNHEARD_S:
            return "the Angel is heard of"
        if unheard_s > GIVEN_UP_S:
            return "there is no Angel any more"
        told = {"minutes": str(int(unheard_s // 60))}
        cause = f"angel_unheard:{self.clock.now():%Y-%m-%d}"
        async with self.store.transaction():
            for keeper in await self.roles.privileged():
                await self.notices.tell(keeper, "angel_unheard", cause, told)
        return f"the Angel was not heard of for {unheard_s:.0f} s"
