"""The settings of runs as their strategies take them, and the runs whose settings no strategy takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import MrMarketError
from domain.market.orders import TERMINAL
from domain.market.runs import Run
from domain.services.desk import Desk
from domain.services.order_resolution import OrderResolution
from domain.strategies import get_strategy

UNREADABLE = "settings_unreadable"


def name_of(error: Exception) -> str:
    """Return what an error is called: its code, or its kind; never its words, which may hold anything."""
    return error.code if isinstance(error, MrMarketError) else type(error).__name__


@dataclass(slots=True)
class RunSettings:
    """Reads the settings of each version of a run once, and sets aside the runs it cannot read.

    A release may not know a parameter, a bound or a strategy any more under which a run was started. That
    is that run's trouble and nobody else's: its orders go, its person is told, and may change or stop it.
    """

    desk: Desk
    resolution: OrderResolution
    _read: dict[tuple[str, int], Any] = field(default_factory=dict)  # (run id, version) -> config

    def of(self, run: Run) -> Any:
        """Return the settings of a run that could be read."""
        return self._read[run.id, run.config_version]

    def read(self, runs: Sequence[Run]) -> Mapping[str, str]:
        """Read what is new and forget all others; return by id of a run what keeps it from being read."""
        known, unread = self._read, dict[str, str]()
        self._read = {}
        for run in runs:
            key = (run.id, run.config_version)
            try:
                self._read[key] = known[key] if key in known else get_strategy(run.strategy).read(run.config)
            except Exception as error:  # whatever a strategy raises: the others trade on
                unread[run.id] = name_of(error)
        return unread

    async def set_aside(self, runs: Sequence[Run], unread: Mapping[str, str]) -> list[str]:
        """Take the orders of unreadable runs off, tell their people, and say which they are."""
        aside = [run for run in runs if run.id in unread]
        if not aside:
            return []
        unsettled = await self.desk.orders.unsettled(self.desk.account)
        resting = [i for i in unsettled if not i.uncertain and i.state not in TERMINAL]
        await self.resolution.cancel([i for i in resting if i.run_id in unread])
        await self.desk.trouble(aside, UNREADABLE)
        return [f"run {run.id} cannot be read: {unread[run.id]}" for run in aside]
