"""Fees as people and the owner meet them: what is charged, what will be, what was paid; a change of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import Refused
from domain.fees import CAP_BPS, NOTICE, FeeKind, Schedule, coming, in_force, proposal
from domain.ids import UserId
from domain.ports.clock import Clock
from domain.ports.fees import FeeStore, Paid
from domain.ports.store import Store
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService

ACTION = "set_fees"
"""What a confirmation must have been issued for, with ``Schedule.params``."""

AT_ONCE = 500
"""How many people are told of a change in one commit."""


@dataclass(frozen=True, slots=True)
class FeeTable:
    """What is charged now, the changes announced, and what the person who asks has paid so far."""

    now: Schedule
    latest: Schedule
    """The newest version: it holds when all that is announced has come."""
    coming: Sequence[Schedule]
    paid: Sequence[Paid]


class FeeService:
    """The schedule: everybody reads it, the owner adds to it."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        fees: FeeStore,
        confirmations: ConfirmationService,
        auth: AuthService,
        most_bps: Mapping[FeeKind, int] = CAP_BPS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._fees = fees
        self._confirmations = confirmations
        self._auth = auth
        self._most_bps = most_bps

    async def table(self, user_id: UserId) -> FeeTable:
        """Return what is charged, what will be, and what this person has paid."""
        now, schedules = self._clock.now(), await self._fees.schedules()
        standing = in_force(schedules, now)
        latest = schedules[-1] if schedules else standing
        return FeeTable(standing, latest, coming(schedules, now), await self._fees.paid_by(user_id))

    def most(self, kind: FeeKind) -> int:
        """Return the highest rate that the owner's settings allow."""
        return min(self._most_bps[kind], CAP_BPS[kind])

    async def ask(self, by: UserId, kind: FeeKind, bps: int) -> tuple[Schedule, str]:
        """Return the version by which one rate would change, and the token with which it can be confirmed.

        Raises:
            Refused: ``not_allowed``; ``fee_too_high`` with the maximum; ``fee_unchanged``.
        """
        async with self._store.transaction():
            await self._auth.require(by, Permission.FEES_SET)
            schedule = await self._proposal(by, kind, bps)
            return schedule, await self._confirmations.issue(by, ACTION, schedule.params)

    async def change(
        self, by: UserId, kind: FeeKind, bps: int, effective_at: datetime, confirmation: str, cause: str
    ) -> Schedule:
        """Announce a version as it was shown: from here on only a further one replaces it.

        Raises:
            Refused: as ``ask``; ``fees_too_soon``: less than 24 hours are left; ``fees_changed_meanwhile``;
                ``confirmation_unknown`` (also when another version came between), ``_used``, ``_expired``.
        """
        async with self._store.transaction():
            params = {"kind": str(kind), "bps": str(bps), "effective_at": effective_at.isoformat()}
            await self._auth.act(by, Permission.FEES_SET, params, cause)
            schedule = replace(await self._proposal(by, kind, bps), effective_at=effective_at)
            await self._confirmations.consume(by, confirmation, ACTION, schedule.params)
            if effective_at < self._clock.now() + NOTICE:
                raise Refused("fees_too_soon")
            await self._fees.add(schedule)
        return schedule

    async def _proposal(self, by: UserId, kind: FeeKind, bps: int) -> Schedule:
        if not 0 <= bps <= self.most(kind):
            raise Refused("fee_too_high", maximum=self.most(kind))
        schedules, now = await self._fees.schedules(), self._clock.now()
        if (schedules[-1] if schedules else in_force(schedules, now)).bps(kind) == bps:
            raise Refused("fee_unchanged")
        return proposal(schedules, kind, bps, now, by)

    async def tell(self) -> str:
        """Tell people of announced changes, so many at once, everybody once per version; say how many."""
        now, schedules = self._clock.now(), await self._fees.schedules()
        told, before = 0, in_force(schedules, now)
        for schedule in coming(schedules, now):
            async with self._store.transaction():
                told += await self._fees.announce(schedule, AT_ONCE - told, change_params(before, schedule))
            if told == AT_ONCE:
                break
            before = schedule
        return f"told {told} people of new fees" if told else "nothing new about fees"


def change_params(before: Schedule, after: Schedule) -> dict[str, str]:
    """Return a change as plain facts to tell."""
    rates = {f"{kind}_bps": str(after.bps(kind)) for kind in FeeKind}
    was = {f"{kind}_bps_before": str(before.bps(kind)) for kind in FeeKind}
    return {**rates, **was, "effective_at": after.effective_at.isoformat()}
