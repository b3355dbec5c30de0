"""Other settings for a run that goes on: a new version of its config, confirmed by its person (ST6).

Nothing else of the run changes, least of all the rate of our fee (FE2). A tick keeps the version it began
with; the next one is due at once and takes the new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from domain.errors import Refused
from domain.ids import UserId
from domain.market.model import Pair
from domain.market.runs import GOING, Run
from domain.ports.notices import Notices
from domain.ports.runs import RunStore, VenueAccountStore
from domain.ports.store import Store
from domain.services.capacity import CapacityService
from domain.services.confirmations import ConfirmationService
from domain.services.run_preview import check_order_size
from domain.strategies import get_strategy
from domain.strategies.base import Parameter, show

ACTION = "change_run"
"""What a confirmation must have been issued for, with ``RunChange.params``."""


@dataclass(frozen=True, slots=True)
class RunChange:
    """What would be otherwise: every knob that moves, with its value before and after."""

    run: Run
    config: Mapping[str, str]
    moves: tuple[tuple[Parameter, str, str], ...]

    @property
    def number(self) -> int:
        """Return the run's number."""
        return self.run.number

    @property
    def pair(self) -> Pair:
        """Return what the run trades."""
        return self.run.pair

    @property
    def params(self) -> dict[str, str]:
        """Return everything a confirmation binds: the version that is changed too."""
        bound = {"run": str(self.run.id), "version": str(self.run.config_version)}
        return bound | {f"answer:{knob.name}": after for knob, _, after in self.moves}


class RunChangeService:
    """Changes of running runs, for those who talk to people."""

    def __init__(
        self,
        store: Store,
        runs: RunStore,
        accounts: VenueAccountStore,
        notices: Notices,
        confirmations: ConfirmationService,
    ) -> None:
        self._store = store
        self._runs = runs
        self._accounts = accounts
        self._capacity = CapacityService(accounts, runs)
        self._notices = notices
        self._confirmations = confirmations

    async def preview(self, user_id: UserId, number: int, answers: Mapping[str, str]) -> RunChange:
        """Return what would change, having checked everything that ``change`` checks.

        Raises:
            Refused: ``run_unknown``, also when it is somebody else's; ``run_not_running``;
                ``nothing_to_change``; ``parameter_unknown``, ``parameter_not_understood``,
                ``parameter_out_of_range``; ``order_too_small``; one of ``NO_ROOM`` where it would claim
                more than before.
        """
        run = await self._find(user_id, number)
        strategy = get_strategy(run.strategy)
        config = strategy.read({**run.config, **answers})
        await self._check_size(run, config)
        before, after = show(strategy.read(run.config)), show(config)
        moves = tuple(
            (knob, before[knob.name], after[knob.name])
            for knob in strategy.parameters
            if before[knob.name] != after[knob.name]
        )
        if not moves:
            raise Refused("nothing_to_change", number=number)
        await self._check_room(run, after)
        return RunChange(run, after, moves)

    async def confirm(self, user_id: UserId, change: RunChange) -> str:
        """Return the single-use token with which this person may make exactly this change."""
        return await self._confirmations.issue(user_id, ACTION, change.params)

    async def change(
        self, user_id: UserId, number: int, answers: Mapping[str, str], confirmation: str
    ) -> int:
        """Give a run its new version: confirmation, version and notice in one commit; return its number.

        Raises:
            Refused: as ``preview``; ``confirmation_unknown`` (also when the run was changed since it was
                asked), ``confirmation_used``, ``confirmation_expired``.
        """
        change = await self.preview(user_id, number, answers)
        run, version = change.run, change.run.config_version + 1
        async with self._store.transaction():
            await self._capacity.alone(run.account)
            await self._check_room(
                await self._find(user_id, number), change.config
            )  # it may have been resumed
            await self._confirmations.consume(user_id, confirmation, ACTION, change.params)
            if not await self._runs.change(run, "", change.config):
                raise Refused(
                    "run_not_running", number=number, pair=run.pair
                )  # it was told to stop meanwhile
            told = {"number": str(run.number), "pair": str(run.pair), "state": str(run.state)}
            await self._notices.tell(user_id, "run_changed", f"run_changed:{run.id}:{version}", told)
        return version

    async def _find(self, user_id: UserId, number: int) -> Run:
        run = await self._runs.find(user_id, number)
        if run is None:
            raise Refused("run_unknown", number=number)
        if run.state not in GOING:
            raise Refused("run_not_running", number=number, pair=run.pair)
        return run

    async def _check_room(self, run: Run, config: Mapping[str, str]) -> None:
        """Refuse what the account has no room for; a run that stands aside claims none till it is resumed."""
        await self._capacity.require(replace(run, config=config))

    async def _check_size(self, run: Run, config: object) -> None:
        """Refuse an order size that the venue takes at no price, where its market is known."""
        for view in await self._accounts.views():
            if (view.account, view.pair) == (run.account, run.pair):
                dearer = replace(view, rules=view.rules.dearer(run.fee_bps))
                check_order_size(get_strategy(run.strategy), dearer, config)
