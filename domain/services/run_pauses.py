"""A run stands aside: nothing of it on the book, its coins stay in it, until its person lets it go on."""

from dataclasses import dataclass, replace

from domain.errors import Refused
from domain.ids import UserId
from domain.market.runs import GOING, HELD_BACK, Run, RunState
from domain.ports.clock import Clock
from domain.ports.notices import Notices
from domain.ports.runs import RunStore
from domain.ports.store import Store
from domain.services.admission import Admission
from domain.services.capacity import CapacityService


@dataclass(slots=True)
class RunPauseService:
    """Pausing and resuming at a person's word; the account's worker takes the orders off, and quotes anew."""

    store: Store
    runs: RunStore
    notices: Notices
    clock: Clock
    admission: Admission
    capacity: CapacityService

    async def pause(self, user_id: UserId, number: int) -> bool:
        """Ask a run to stand aside; return whether it was at work until now.

        Raises:
            Refused: ``run_unknown``, also when it is somebody else's; ``run_not_running`` when it stops, has
                stopped, or has not begun; ``run_held_back`` when it was taken over and is to be brought
                back, ``run_waits_for_word`` when it stands still until its person says so.
        """
        run = await self._find(user_id, number)
        if run.state is RunState.FUNDING:
            raise Refused("run_not_running", number=number, pair=run.pair)
        if run.state in HELD_BACK:
            waits = run.state is RunState.AWAITING_USER
            raise Refused("run_waits_for_word" if waits else "run_held_back", number=number, pair=run.pair)
        return await self._move(run, RunState.RUNNING, RunState.PAUSED, "run_paused")

    async def resume(self, user_id: UserId, number: int) -> bool:
        """Let a run go on with what it has, from its next tick on; return whether it stood aside until now.

        It trades anew, so nothing resumes that could not begin: its account must have room for it again. One
        that was taken over waits for its account to be compared, and then for its person's word.

        Raises:
            Refused: as ``pause``; ``user_frozen``, ``coin_frozen``, ``nothing_new_begins``;
                one of ``NO_ROOM``.
        """
        run = await self._find(user_id, number)
        if run.state in HELD_BACK - {RunState.AWAITING_USER}:
            raise Refused("run_held_back", number=number, pair=run.pair)
        async with self.store.transaction():
            await self.capacity.alone(run.account)
            run = await self._find(user_id, number)  # its settings are those of now
            await self.admission.check_new(user_id, run.pair.base, run.pair.quote)
            was = run.state if run.state is RunState.AWAITING_USER else RunState.PAUSED
            await self.capacity.require(replace(run, state=RunState.RUNNING))
            return await self._move(run, was, RunState.RUNNING, "run_resumed")

    async def _find(self, user_id: UserId, number: int) -> Run:
        run = await self.runs.find(user_id, number)
        if run is None:
            raise Refused("run_unknown", number=number)
        if run.state not in GOING:
            raise Refused("run_not_running", number=number, pair=run.pair)
        return run

    async def _move(self, run: Run, was: RunState, to: RunState, told_as: str) -> bool:
        now = self.clock.now()
        async with self.store.transaction():
            moved = await self.runs.move(run.id, was, to, now)
            if moved:
                told = {"number": str(run.number), "pair": str(run.pair)}
                await self.notices.tell(run.user_id, told_as, f"{told_as}:{run.id}:{now.isoformat()}", told)
        return moved
