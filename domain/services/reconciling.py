"""Reconciliation for those who look after the instance: how every place stands, and a look now."""

from collections.abc import Sequence
from datetime import datetime

from domain.errors import Refused
from domain.ids import UserId
from domain.leases import Scope
from domain.ports.clock import Clock
from domain.ports.reconciliation import ReconciliationStore, Standing
from domain.ports.store import Store
from domain.reconciliation.model import FINE
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.reckoning import SHORT


class ReconcilingService:
    """What admins see, and what they may ask for; nobody adjusts anything here."""

    def __init__(self, store: Store, rounds: ReconciliationStore, clock: Clock, auth: AuthService) -> None:
        self._store = store
        self._rounds = rounds
        self._clock = clock
        self._auth = auth

    async def standings(self, actor: UserId) -> tuple[Sequence[Standing], datetime]:
        """Return how every place stands, and the present instant to tell ages by.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.RECONCILE_READ)
            return await self._rounds.standings(), self._clock.now()

    async def ask(self, actor: UserId) -> int:
        """Have the workers look at every place now; return the number of the word.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.RECONCILE_READ)
            return await self._rounds.ask(actor)


async def refuse_while_it_stands(
    rounds: ReconciliationStore, reason: str, since: datetime, word: str, what: str
) -> None:
    """Let what a shortfall stopped be lifted only when a later round was fine at its place.

    Raises:
        Refused: ``difference_stands``: none was; the reason is of another kind, or this passes.
    """
    kind, _, about = reason.partition(":")
    if kind != SHORT:
        return
    scope = Scope(about.partition(" ")[0])
    fine = [
        standing.fine_at
        for standing in await rounds.standings()
        if standing.latest.scope == scope and standing.latest.outcome in FINE
    ]
    if not any(at and at > since for at in fine):
        raise Refused("difference_stands", place=scope, word=word, what=what)
