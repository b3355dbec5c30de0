"""Carrying out a STOP that was said from outside: as ``/stopall``, and nothing new begins after it."""

from datetime import datetime

from domain.ids import UserId
from domain.ports.clock import Clock
from domain.ports.freezes import BY_HAND, NEW, FreezeStore
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.stops import BY_FILE, Carried, Stop, StopFile, StopStore
from domain.ports.store import Store
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.stopping import StopAllService


class StopCarrying:
    """Looks for stops, in the table and in the file, and carries each out once."""

    def __init__(
        self,
        store: Store,
        stops: StopStore,
        file: StopFile | None,
        everything: StopAllService,
        freezes: FreezeStore,
        roles: RoleStore,
        auth: AuthService,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._store = store
        self._stops = stops
        self._file = file
        self._everything = everything
        self._freezes = freezes
        self._roles = roles
        self._auth = auth
        self._notices = notices
        self._clock = clock

    async def round(self) -> str:
        """Carry out the oldest stop that was not; say what was done."""
        if self._file is not None and (found := self._file.read()):
            await self._stops.add(found)
        async with self._store.transaction():
            stop = await self._stops.next()
            if stop is None:
                return "nobody said STOP"
            return await self._carry_out(stop, self._clock.now())

    async def _carry_out(self, stop: Stop, now: datetime) -> str:
        """Stop all that goes on and all that is new, in one commit with the audit and the word to keepers."""
        await self._freezes.freeze(NEW, f"{BY_HAND}:{stop.by}", now)
        going = await self._everything.everything()
        await self._stops.carried_out(stop, Carried(going.runs, going.conversions), now)
        cause = f"stop:{stop.id}"
        facts = {"runs": str(going.runs), "conversions": str(going.conversions)}
        await self._auth.record(stop.by, Permission.RUNS_STOP_ALL, {"stop": stop.id, **facts}, cause)
        told, kind = {"at": stop.at.isoformat(), **facts}, "stopped_by_file"
        if stop.by != BY_FILE:
            told, kind = {**told, "who": str(stop.by)}, "stopped_from_outside"
        for keeper in await self._roles.privileged():
            await self._notices.tell(UserId(keeper), kind, cause, told)
        return f"{stop.by} said STOP: {going.runs} runs stop, {going.conversions} conversions are called off"
