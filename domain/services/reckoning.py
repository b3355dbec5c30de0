"""What follows from a round of comparing: it is kept, told, and stops what is short; never adjusted (I8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from domain.ids import VenueAccountName
from domain.leases import Scope
from domain.money import Token, plain
from domain.ports.clock import Clock
from domain.ports.freezes import WALLET as EVERYTHING
from domain.ports.freezes import FreezeStore
from domain.ports.notices import Notices
from domain.ports.reconciliation import OnTheWay, ReconciliationStore
from domain.ports.roles import RoleStore
from domain.ports.runs import VenueAccountStore
from domain.ports.store import Store
from domain.reconciliation.compare import Finding, judge
from domain.reconciliation.model import Line, Round
from domain.services.tokens import Tokens

EVERY_S = 60.0
ASKED_EVERY_S = 2.0
"""How soon the word of a person who wants a round is heard."""

MOST_LOOKS = 5
"""How often a place is read until nothing moves meanwhile."""

SHORT = "balance_short"
"""Why payouts and accounts are stopped here; what is short, and by how much, follows after a colon."""


def reason_of(scope: Scope, line: Line) -> str:
    """Return why things are stopped for a line: the same for one shortfall as long as it lasts."""
    assert line.since is not None, "a round has been judged"
    amount, since = plain(-line.unexplained), line.since.astimezone(UTC)
    return f"{SHORT}:{scope} {line.coin} {amount} since {since:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(slots=True)
class Pace:
    """When the next round of one place is due, by this process's clock; a new process begins at once."""

    looked_s: float = float("-inf")
    polled_s: float = float("-inf")
    answered: int = 0


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Keeps rounds, and does what must be done about them.

    What a person has looked at and let go on stops nothing again, until it becomes another amount or has
    passed. A coin that nobody can be owed stops nothing: it is the instance's own, and its keepers are told.
    """

    rounds: ReconciliationStore
    freezes: FreezeStore
    accounts: VenueAccountStore
    notices: Notices
    roles: RoleStore
    clock: Clock
    tokens: Tokens
    moving: OnTheWay

    async def settle(self, now: Round) -> Finding:
        """Store a round with its history, tell of it and stop what it says; call it inside.

        Either all of it happens or nothing: a freeze is never lost, and a round that dies leaves no trace.
        """
        before = await self.rounds.last(now.scope)
        finding = judge(now, before)
        await self.rounds.add(finding.round)
        for kind, lines in (
            ("difference_short", finding.fresh),
            ("difference_surplus", finding.ticket),
            ("difference_gone", finding.healed),
        ):
            for line in lines:
                since = line.since or finding.round.at
                await self._tell(kind, f"{kind}:{now.scope}:{line.subject}:{since.isoformat()}", now, line)
        for line in finding.stop:
            await self._stop(finding.round, line)
        await self._tell_of_strays(finding.round, before)
        return finding

    async def lets_trade(self, account: VenueAccountName, now: Round) -> bool:
        """Tell whether an account may trade after a round: nobody is short, or a person lets it go on."""
        if now.moving or await self.freezes.frozen_instance():
            return False
        short = [reason_of(now.scope, line) for line in now.lines if line.short and self._tokens_of(line)]
        return all([await self.accounts.looked_at(account, reason) for reason in short])

    async def is_due(self, pace: Pace, again_s: float = EVERY_S) -> bool:
        """Tell whether a round is due: by time, or because somebody asks, which is looked up now and then."""
        now_s = self.clock.monotonic()
        if now_s - pace.looked_s >= again_s:
            return True
        if now_s - pace.polled_s < ASKED_EVERY_S:
            return False
        pace.polled_s = now_s
        return await self.rounds.asked() > pace.answered

    async def contradictions(self, store: Store) -> Sequence[str]:
        """Return where the ledger's figures contradict each other, and stop all payouts if they do (I4)."""
        found, now = await self.rounds.contradictions(), self.clock.now()
        if not found:
            return found
        async with store.transaction():
            if await self.freezes.freeze(EVERYTHING, f"ledger_contradicts:{found[0]}"[:500], now):
                told = {"count": str(len(found)), "first": found[0][:200]}
                await self._tell_keepers("ledger_contradicts", now.isoformat(), told)
        return found

    # Stopping.

    async def _stop(self, now: Round, line: Line) -> None:
        """Freeze withdrawals of what is short, and orders of the account where it is."""
        tokens, reason = self._tokens_of(line), reason_of(now.scope, line)
        for token in tokens:
            seen = await self.freezes.looked_at(token.asset_id, reason)
            if not seen and await self.freezes.freeze(token.asset_id, reason, now.at):
                told = {"scope": token.asset_id, "reason": reason}
                cause = f"{reason}:{token.asset_id}:{now.at.isoformat()}"
                await self._tell_keepers("payouts_frozen", cause, told)
        if tokens and (account := _account_in(now.scope)):
            await self._halt(account, line, reason, now)

    async def _halt(self, account: VenueAccountName, line: Line, reason: str, now: Round) -> None:
        """Halt an account for a coin that is short there, once however the amount changes."""
        about = f"{SHORT}:{now.scope} {line.coin} "
        if any(h.account == account and h.reason.startswith(about) for h in await self.accounts.halts()):
            return
        if not await self.accounts.looked_at(account, reason) and await self.accounts.halt(account, reason):
            told = {"account": account, "reason": reason}
            await self._tell_keepers("account_halted", f"{reason}:{now.at.isoformat()}", told)

    def _tokens_of(self, line: Line) -> Sequence[Token]:
        """Return what is not paid out when a line is short: a token, or a venue's coin on any network."""
        approved = self.tokens.list()
        if line.asset_id:
            return [token for token in approved if token.asset_id == line.asset_id]
        return [token for token in approved if token.coin == line.coin]

    # Telling.

    async def _tell(self, kind: str, cause: str, now: Round, line: Line) -> None:
        told = {
            "place": now.scope,
            "coin": line.coin,
            "amount": plain(abs(line.unexplained)),
            "ledger": plain(line.ledger),
            "outside": plain(line.outside),
        }
        await self._tell_keepers(kind, cause, told)

    async def _tell_of_strays(self, now: Round, before: Round | None) -> None:
        """Tell of orders that do not meet their intents, once they have been so for two rounds (I12)."""
        lasting = set(now.strays) & set(before.strays) if before else set()
        for stray in sorted(lasting, key=lambda each: each.client_order_id):
            told = {"place": now.scope, "order": stray.client_order_id, "reason": str(stray.kind)}
            await self._tell_keepers(
                "orders_differ", f"{now.scope}:{stray.kind}:{stray.client_order_id}", told
            )

    async def _tell_keepers(self, kind: str, cause: str, told: Mapping[str, str]) -> None:
        for keeper in await self.roles.privileged():
            await self.notices.tell(keeper, kind, cause, told)


def _account_in(scope: Scope) -> VenueAccountName | None:
    """Return the venue account that a scope names; ``None`` for the wallet."""
    return VenueAccountName(scope.removeprefix("venue:")) if scope.startswith("venue:") else None
