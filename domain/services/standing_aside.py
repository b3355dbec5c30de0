"""Runs that stand aside: their orders come off the book; a pair that is not traded puts its runs there."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from domain.market.model import Pair
from domain.market.orders import TERMINAL
from domain.market.runs import Run, RunState
from domain.services.desk import Desk
from domain.services.order_resolution import OrderResolution
from domain.services.untraded import NOT_TRADED


@dataclass(slots=True)
class StandingAside:
    """The worker's part of pausing; every step may be repeated, by another worker too."""

    desk: Desk
    resolution: OrderResolution
    _untraded_since: dict[Pair, float] = field(default_factory=dict)  # monotonic seconds

    async def clear(self, paused: Sequence[Run]) -> list[str]:
        """Take whatever rests of paused runs off the book, and say how much that was.

        An order without a clear answer is looked up first, as ever, and comes off when it is known.
        """
        if not paused:
            return []
        of = {run.id for run in paused}
        unsettled = [i for i in await self.desk.orders.unsettled(self.desk.account) if i.run_id in of]
        if not unsettled:
            return []
        resting = [i for i in unsettled if not i.uncertain and i.state not in TERMINAL]
        await self.resolution.settle_ended(await self.resolution.cancel(resting))
        return [f"{len(unsettled)} orders of paused runs come off"]

    async def watch(self, runs: Sequence[Run], untraded: Collection[Run]) -> None:
        """Pause the runs whose pair the venue has not traded for a while; ``runs`` are all that were ticked.

        A moment's maintenance passes by itself. What lasts is a suspension, or the pair is gone: then only
        its person can say whether to wait for it.
        """
        now_s = self.desk.clock.monotonic()
        for pair in {run.pair for run in runs} - {run.pair for run in untraded}:
            self._untraded_since.pop(pair, None)
        for run in untraded:
            since_s = self._untraded_since.setdefault(run.pair, now_s)
            if now_s - since_s >= self.desk.policy.untraded_patience_s:
                await self._pause(run)

    async def _pause(self, run: Run) -> None:
        desk, now = self.desk, self.desk.clock.now()
        async with desk.transaction():
            if await desk.runs.move(run.id, RunState.RUNNING, RunState.PAUSED, now):
                await desk.runs.trouble([run.id], NOT_TRADED)
                told = {"number": str(run.number), "pair": str(run.pair)}
                cause = f"run_paused:{run.id}:{now.isoformat()}"
                await desk.notices.tell(run.user_id, "run_paused_untraded", cause, told)
