"""Stop all: every run as if each person had stopped it, and every conversion called off (WI2)."""

from dataclasses import dataclass

from domain.conversions.model import Conversion, ConversionState
from domain.ids import UserId
from domain.market.runs import Run, RunState
from domain.ports.clock import Clock
from domain.ports.conversions import ConversionStore
from domain.ports.notices import Notices
from domain.ports.runs import RunStore
from domain.ports.store import Store
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.leaving import tell_unbegun

ACTION = "stop_all"
"""What a confirmation must have been issued for; it stands for whatever goes on when it is used."""

PARAMS = {"what": "everything"}

STOPPED_ALL = "stopped_all"
"""Why a conversion ended."""


@dataclass(frozen=True, slots=True)
class GoingOn:
    """How many runs and conversions may still trade."""

    runs: int
    conversions: int


class StopAllService:
    """The one word that takes everything off the exchanges; what people have comes back (ST4, ST5)."""

    def __init__(
        self,
        store: Store,
        runs: RunStore,
        conversions: ConversionStore,
        notices: Notices,
        confirmations: ConfirmationService,
        clock: Clock,
        auth: AuthService,
    ) -> None:
        self._store = store
        self._runs = runs
        self._conversions = conversions
        self._notices = notices
        self._confirmations = confirmations
        self._clock = clock
        self._auth = auth

    async def ask(self, actor: UserId) -> tuple[GoingOn, str]:
        """Return what goes on, and the single-use token with which this person may stop it all.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.RUNS_STOP_ALL)
            going = GoingOn(len(await self._runs.going()), len(await self._conversions.going()))
            return going, await self._confirmations.issue(actor, ACTION, PARAMS)

    async def stop(self, actor: UserId, confirmation: str, cause: str) -> GoingOn:
        """Ask all that goes on to stop, in one commit with the audit of it; return how much that was.

        Raises:
            Refused: ``not_allowed``; ``confirmation_unknown``, ``_used`` or ``_expired``.
        """
        async with self._store.transaction():
            await self._auth.act(actor, Permission.RUNS_STOP_ALL, PARAMS, cause)
            await self._confirmations.consume(actor, confirmation, ACTION, PARAMS)
            return await self.everything()

    async def everything(self) -> GoingOn:
        """Ask all that goes on to stop, and return how much that was; call it in a transaction."""
        runs = [await self._stop(run) for run in await self._runs.going()]
        conversions = [await self._call_off(each) for each in await self._conversions.going()]
        return GoingOn(sum(runs), sum(conversions))

    async def _stop(self, run: Run) -> bool:
        """Ask a run to stop; tell whether nobody had before. No recovery starts it again (ST4)."""
        if not await self._runs.stop(run.id):
            return False
        told = {"number": str(run.number), "pair": str(run.pair)}
        await self._notices.tell(run.user_id, "run_stopping_with_all", f"run_stopping:{run.id}", told)
        return True

    async def _call_off(self, conversion: Conversion) -> bool:
        """Call a conversion back, as its person can; tell whether it had not been over."""
        now = self._clock.now()
        if conversion.state is ConversionState.WAITING:
            over = await self._conversions.call_off(conversion.id, STOPPED_ALL, now)
            if over:
                await tell_unbegun(self._notices, conversion, STOPPED_ALL)
            return over
        moved = await self._runs.move(conversion.id, RunState.RUNNING, RunState.STOPPING, now)
        return moved and await self._conversions.finish(conversion.id, STOPPED_ALL)
