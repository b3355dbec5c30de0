"""Keeping leases: take what is free, renew what is held, stop in time, give back in the end."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.leases import Grip, LeaseTiming, Scope
from domain.ports.clock import Clock
from domain.ports.leases import Lease, Leases
from domain.services.lease_spreading import Spread

T = TypeVar("T")

_SILENCE = (Unavailable, OutcomeUnknown, TimeoutError)


@dataclass(slots=True)
class LeaseKeeper:
    """Tightens the grips of one process. A round does what is due; have one a few times a second.

    What is not renewed ends by the grips' own clock, whether this is called or not. With a ``spread`` many
    processes share the scopes; without one the first takes all.
    """

    leases: Leases
    clock: Clock
    timing: LeaseTiming
    grips: Sequence[Grip]
    spread: Spread | None = None
    _renewed_s: float = float("-inf")  # when the last renewal that was answered was sent
    _holders: dict[Scope, str] = field(default_factory=dict)
    _leases: Sequence[Lease] = ()

    async def round(self) -> str:
        """Renew what is held when it is time, take what is free; say in one sentence what changed."""
        said = [*await self._renew(), *await self._take_part(), *await self._hand_over()]
        return "; ".join(said) or self._standing()

    async def give_back(self) -> str:
        """Let go of everything, so that others take over at once; what is not answered expires by itself."""
        held, said = self._held(), _list(grip.scope for grip in self.grips if grip.held)
        for grip in self._all():
            grip.drop()
        if not held:
            return "nothing to give back"
        try:
            await self._answer(self.leases.release(held))
        except _SILENCE as error:
            return f"not given back ({_why(error)}): {said} expire by themselves"
        return f"gave back {said}"

    def _all(self) -> list[Grip]:
        seat = self.spread.seat if self.spread else None
        return [*self.grips, *([seat] if seat else [])]

    def _held(self) -> dict[Scope, int]:
        return {grip.scope: grip.epoch for grip in self._all() if grip.held}

    def _standing(self) -> str:
        held = [grip.scope for grip in self.grips if grip.held]
        waited_for = [grip.scope for grip in self.grips if not grip.held]
        said = [f"holds {_list(held)}"] if held else []
        whose = [f"{scope} ({self._holders.get(scope, 'nobody')})" for scope in sorted(waited_for)]
        return "; ".join(said + ([f"stands by for {', '.join(whose)}"] if whose else []))

    async def _renew(self) -> list[str]:
        """Renew all at once; after a failure nothing new is begun until one succeeds."""
        held, asked_s = self._held(), self.clock.monotonic()
        if not held or asked_s - self._renewed_s < self.timing.renew_s:
            return []
        try:
            ours = await self._answer(self.leases.renew(held))
        except _SILENCE as error:
            for grip in self._all():
                grip.wavering = grip.epoch > 0
            return [f"not renewed ({_why(error)}): nothing new is begun"]
        except Refused as refusal:
            return [f"{_why(refusal)}; {await self.give_back()}"]
        self._renewed_s = asked_s
        return [said for grip in self._all() if (said := self._renewed(grip, held, ours, asked_s))]

    def _renewed(self, grip: Grip, held: dict[Scope, int], ours: set[Scope], asked_s: float) -> str:
        if held.get(grip.scope) != grip.epoch:
            return ""  # let go of meanwhile
        if grip.scope in ours:
            grip.tighten(grip.epoch, asked_s, self.timing)
            return ""
        grip.drop()
        return f"lost {grip.scope}"

    async def _take_part(self) -> list[str]:
        """Take what is free: all of it, or our part where many share, which needs a look at who there is."""
        if self.spread is None:
            return await self._take([grip for grip in self.grips if not grip.held])
        if not await self._look_around():
            return []
        plan = self.spread.plan(self._leases, self.grips)
        said = await self._take([grip for grip in self._all() if grip.scope in plan.take])
        return [each for each in said if not each.startswith("took seat:")]

    async def _hand_over(self) -> list[str]:
        """Let go of what another worker is to have, once nobody here acts for it any more."""
        going = {grip.scope: grip.epoch for grip in self.grips if grip.held and grip.left}
        if not going:
            return []
        for grip in self.grips:
            if grip.scope in going:
                grip.drop()
        try:
            await self._answer(self.leases.release(going))
        except _SILENCE as error:
            return [f"not handed over ({_why(error)}): {_list(going)} expire by themselves"]
        return [f"handed over {_list(going)}"]

    async def _take(self, wanted: Sequence[Grip]) -> list[str]:
        asked_s = self.clock.monotonic()
        if not wanted:
            return []
        try:
            taken = await self._answer(self.leases.take([grip.scope for grip in wanted], self.timing.ttl_s))
        except (*_SILENCE, Refused) as error:
            return [f"cannot take {_list(grip.scope for grip in wanted)}: {_why(error)}"]
        for grip in wanted:
            if grip.scope in taken:
                grip.tighten(taken[grip.scope], asked_s, self.timing)
        if len(taken) < len(wanted) and self.spread is None:
            await self._look_around()
        return [f"took {scope} in epoch {epoch}" for scope, epoch in sorted(taken.items())]

    async def _look_around(self) -> bool:
        """Note who has what; nobody's loss if that is not answered."""
        try:
            self._leases = await self._answer(self.leases.all())
        except _SILENCE:
            return False
        self._holders = {lease.scope: lease.holder for lease in self._leases if lease.live}
        return True

    async def _answer(self, asked: Awaitable[T]) -> T:
        async with asyncio.timeout(self.timing.timeout_s):
            return await asked


def _list(scopes: Iterable[Scope]) -> str:
    return ", ".join(sorted(scopes))


def _why(error: BaseException) -> str:
    if isinstance(error, Refused) and error.code == "lease_version":
        return "this release is not the one that was deployed"
    return str(error) or "no answer in time"
