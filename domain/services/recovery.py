"""Bringing runs back whose account was taken over: compared first, each exactly once (AN10, AN11, AN12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from domain.errors import Refused, Unavailable
from domain.health.recovery import AN_HOUR, Ask, Choice, Decision, HeldBack, decide
from domain.ledger.model import AccountKind
from domain.market.runs import HELD_BACK, Run, RunState
from domain.money import ZERO
from domain.ports.recoveries import Attempt, Outcome, Recoveries
from domain.services.desk import Desk
from domain.services.run_settings import name_of
from domain.services.standing_aside import StandingAside

UNRESOLVED = "orders_unresolved"

FAILED = "recovery_failed"
"""Why a person is asked: the owner's own choice raised something."""


@dataclass(slots=True)
class Recovery:
    """The worker's part of it, under its epoch; every step may be repeated, by another worker too.

    Nothing begins before books and venue agree, and nothing ends before the last fill of a run is booked.
    A run that goes on quotes from the prices of now. What its person stops meanwhile stays stopped.
    """

    desk: Desk
    aside: StandingAside
    _over: bool = False  # no attempt is open any more

    async def advance(self, runs: Sequence[Run], doubt: str) -> list[str]:
        """Take runs that are held back as far as they go; ``doubt`` says why nothing may be sent, if so."""
        held = [run for run in runs if run.state in HELD_BACK - {RunState.AWAITING_USER}]
        if self.desk.recovering is None:
            return []
        said = await self.aside.clear([run for run in runs if run.state in HELD_BACK])
        if self._over and not held:
            return said
        if held and doubt:
            await self.desk.trouble(held, doubt)
            return [*said, f"{len(held)} runs wait to be brought back: {doubt}"]
        said += await self._begin([run for run in held if run.state is RunState.HALTED])
        return said + await self._end_what_can_be(held)

    @property
    def _attempts(self) -> Recoveries:
        assert self.desk.recovering is not None
        return self.desk.recovering.attempts

    async def _begin(self, halted: Sequence[Run]) -> list[str]:
        """Begin to bring runs back, all in one commit, and tell those who look after the instance."""
        if not halted:
            return []
        desk, now = self.desk, self.desk.clock.now()
        async with desk.transaction(()):
            begun = [r for r in halted if await desk.runs.move(r.id, r.state, RunState.RECOVERING, now)]
            await self._attempts.begin([Attempt(r.id, r.account, desk.epoch, now) for r in begun])
            if begun:
                told = {"account": desk.account, "runs": str(len(begun))}
                cause = f"recovery_began:{desk.account}:{now.isoformat()}"
                await desk.tell_keepers("recovery_began", cause, told)
        return [f"{len(begun)} runs are being brought back"]

    async def _end_what_can_be(self, held: Sequence[Run]) -> list[str]:
        """End every open attempt whose run has nothing on its way any more, each in a commit of its own."""
        desk, attempts = self.desk, await self._attempts.open(self.desk.account)
        self._over = not attempts
        if not attempts:
            return []
        by_id, said = {run.id: run for run in held}, list[str]()
        busy = {intent.run_id for intent in await desk.orders.unsettled(desk.account)}
        counted = await self._attempts.resumed(list(by_id), desk.clock.now() - AN_HOUR)
        for attempt in attempts:
            run = by_id.get(attempt.run_id)
            if run is None:
                said.append(await self._close(attempt))
            elif refusal := await self._refusal(run):
                said.append(await self._end(attempt, run, Ask(refusal.code)))
            elif run.id in busy:
                said.append(await self._wait(attempt, run))
            else:
                said.append(await self._end(attempt, run, await self._decide(run, counted.get(run.id, 0))))
        return said

    async def _wait(self, attempt: Attempt, run: Run) -> str:
        """Leave a run as it is while orders of it have no last word; when that lasts its person is told."""
        lasts_s = (self.desk.clock.now() - attempt.began_at).total_seconds()
        if lasts_s >= self.desk.policy.stop_patience_s:
            await self.desk.trouble([run], UNRESOLVED)
        return f"run {run.id} waits for the last word on its orders"

    async def _refusal(self, run: Run) -> Refused | None:
        """Return why a run cannot go on: it could not begin either, or the venue does not trade its pair."""
        desk = self.desk
        try:
            if desk.admission:
                await desk.admission.check_new(run.user_id, run.pair.base, run.pair.quote)
            await desk.exchange.rules(run.pair)
        except Refused as refusal:
            return refusal
        return None

    async def _decide(self, run: Run, recovered: int) -> Decision:
        """Return what the owner's choice makes of a run."""
        assert self.desk.recovering is not None
        held = HeldBack(run, *await self._has(run), await self._mid(run), recovered)
        return choose(self.desk.recovering.choice, held)

    async def _has(self, run: Run) -> tuple[Decimal, Decimal]:
        balances = await self.desk.ledger.balances(AccountKind.RUN, run.id)
        base, quote = (balances[c].total if c in balances else ZERO for c in (run.pair.base, run.pair.quote))
        return base, quote

    async def _mid(self, run: Run) -> Decimal | None:
        """Return the market's mid, nothing while it cannot be seen: a run quotes when it can."""
        exchange = self.desk.exchange
        try:
            rules, book = await exchange.rules(run.pair), await exchange.book(run.pair)
        except (Refused, Unavailable):
            return None
        return rules.tick * book.twice_mid / 2 if book.sane else None

    async def _end(self, attempt: Attempt, run: Run, decision: Decision) -> str:
        """Let a run go on, or have its person be asked, and tell them."""
        desk, now = self.desk, self.desk.clock.now()
        to, outcome, reason = RunState.RUNNING, Outcome.RESUMED, ""
        if isinstance(decision, Ask):
            to, outcome, reason = RunState.AWAITING_USER, Outcome.ASKED, decision.reason
        async with desk.transaction(()):
            if not await desk.runs.move(run.id, RunState.RECOVERING, to, now):
                return await self._close(attempt)
            await self._attempts.end(run.id, outcome, reason, now)
            await self._tell(run, attempt, reason)
            await self._tell_keepers(attempt)
        return f"run {run.id}: {outcome}" + (f" ({reason})" if reason else "")

    async def _close(self, attempt: Attempt) -> str:
        """Note that a run's person was faster: it stops."""
        async with self.desk.transaction(()):
            await self._attempts.end(attempt.run_id, Outcome.STOPPED, "", self.desk.clock.now())
            await self._tell_keepers(attempt)
        return f"run {attempt.run_id}: {Outcome.STOPPED}"

    async def _tell(self, run: Run, attempt: Attempt, reason: str) -> None:
        told = {"number": str(run.number), "pair": str(run.pair)}
        cause = f"recovery:{run.id}:{attempt.began_at.isoformat()}"
        if not reason:
            await self.desk.notices.tell(run.user_id, "run_recovered", cause, told)
            return
        await self.desk.runs.trouble([run.id], reason)
        await self.desk.notices.tell(run.user_id, "run_awaits_you", cause, {**told, "reason": reason})

    async def _tell_keepers(self, attempt: Attempt) -> None:
        """Tell those who look after the instance how it went, once nothing of what began together is open."""
        tally = await self._attempts.tally(attempt.account, attempt.began_at)
        if None in tally:
            return
        told = {outcome.value: str(tally.get(outcome, 0)) for outcome in Outcome}
        cause = f"recovery_done:{attempt.account}:{attempt.began_at.isoformat()}"
        await self.desk.tell_keepers("recovery_done", cause, {"account": attempt.account, **told})


def choose(choice: Choice, held: HeldBack) -> Decision:
    """Return what becomes of a run; one for which the owner's own choice fails is not brought back."""
    try:
        return decide(choice, held)
    except Exception as error:  # whatever it raises: the other runs are brought back
        return Ask(f"{FAILED}:{name_of(error)}")
