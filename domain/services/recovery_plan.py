"""What becomes of runs that were taken over, for the owner who asks before anything is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.errors import Refused
from domain.health.recovery import AN_HOUR, TOO_OFTEN, Ask, HeldBack
from domain.ids import VenueAccountName
from domain.leases import venue_scope
from domain.ledger.model import AccountKind
from domain.market.model import Pair
from domain.market.runs import FRESH, HELD_BACK, Run, RunState
from domain.money import ZERO
from domain.ports.audit import BY_SETTINGS, Audited, AuditStore
from domain.ports.clock import Clock
from domain.ports.ledger import Ledger
from domain.ports.reconciliation import ReconciliationStore
from domain.ports.recoveries import Recovering
from domain.ports.runs import RunStore, VenueAccountStore
from domain.ports.store import Store
from domain.services.admission import Admission
from domain.services.confirmations import hash_of_params
from domain.services.recovery import choose
from domain.services.venue_comparing import UNCOMPARED

ACTION = "recovery.again"
"""What the audit calls it when the owner has runs brought back once more."""


class Outlook(StrEnum):
    """What will become of a run."""

    GOES_ON = "goes_on"
    WAITS = "waits"  # for its account
    ASKED = "asked"  # its person will be
    AWAITED = "awaited"  # its person has been asked
    AGAIN = "again"  # mrmarket recover brings it back


@dataclass(frozen=True, slots=True)
class Planned:
    """A run that was taken over, and what will become of it; ``reason`` is a code, or empty."""

    run: Run
    outlook: Outlook
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    """Looks at the books alone: who holds an account's lease is the only one who asks its exchange."""

    store: Store
    runs: RunStore
    accounts: VenueAccountStore
    rounds: ReconciliationStore
    ledger: Ledger
    clock: Clock
    admission: Admission
    recovering: Recovering
    audit: AuditStore

    async def look(self) -> list[Planned]:
        """Return every run that is held back, by account, and what will become of it as things stand."""
        held = [run for run in await self.runs.going() if run.state in HELD_BACK]
        doubts, mids = await self._doubts(held), await self._mids()
        since = self.clock.now() - AN_HOUR
        counted = await self.recovering.attempts.resumed([run.id for run in held], since)
        planned = []
        for run in sorted(held, key=lambda each: (each.account, each.id)):
            if run.state is RunState.AWAITING_USER:
                outlook = Outlook.AGAIN if run.trouble == TOO_OFTEN else Outlook.AWAITED
                planned.append(Planned(run, outlook, run.trouble))
            elif doubt := doubts[run.account]:
                planned.append(Planned(run, Outlook.WAITS, doubt))
            else:
                planned.append(
                    await self._choose(run, mids.get((run.account, run.pair)), counted.get(run.id, 0))
                )
        return planned

    async def again(self) -> Sequence[Run]:
        """Let runs that were brought back too often be brought back once more; return those."""
        async with self.store.transaction():
            waiting = [p.run for p in await self.look() if p.outlook is Outlook.AGAIN]
            now = self.clock.now()
            moved = [r for r in waiting if await self.runs.move(r.id, r.state, RunState.HALTED, now)]
            await self.recovering.attempts.forgive([run.id for run in moved])
            for run in moved:
                params = {"run": str(run.id)}
                act = Audited(BY_SETTINGS, ACTION, params, hash_of_params(params), f"{ACTION}:{run.id}", now)
                await self.audit.add(act)
        return moved

    async def _doubts(self, held: Sequence[Run]) -> Mapping[VenueAccountName, str]:
        """Return by account why nothing may be sent from it, or nothing, by the newest look at it."""
        halts = {halt.account: halt.reason for halt in reversed(await self.accounts.halts())}
        standings = {standing.latest.scope: standing.latest for standing in await self.rounds.standings()}
        doubts: dict[VenueAccountName, str] = {}
        for run in held:
            latest = standings.get(venue_scope(run.account))
            apart = latest is None or any(line.short for line in latest.lines)
            doubts[run.account] = halts.get(run.account, UNCOMPARED if apart else "")
        return doubts

    async def _mids(self) -> Mapping[tuple[VenueAccountName, Pair], Decimal]:
        oldest = self.clock.now() - FRESH
        views = [view for view in await self.accounts.views() if view.seen_at >= oldest]
        return {(view.account, view.pair): view.mid for view in views}

    async def _choose(self, run: Run, mid: Decimal | None, recovered: int) -> Planned:
        try:
            await self.admission.check_new(run.user_id, run.pair.base, run.pair.quote)
        except Refused as refusal:
            return Planned(run, Outlook.ASKED, refusal.code)
        balances = await self.ledger.balances(AccountKind.RUN, run.id)
        base, quote = (balances[c].total if c in balances else ZERO for c in (run.pair.base, run.pair.quote))
        decision = choose(self.recovering.choice, HeldBack(run, base, quote, mid, recovered))
        if isinstance(decision, Ask):
            return Planned(run, Outlook.ASKED, decision.reason)
        return Planned(run, Outlook.GOES_ON)
