"""A difference that stays, settled by the owner: a loss the instance bears, what is over is nobody's."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from domain.errors import Refused
from domain.ids import UserId, VenueAccountName
from domain.leases import Scope
from domain.ledger.model import Account, AccountKind, Cause, Posting, Transfer, mixin, own, venue
from domain.money import plain
from domain.ports.clock import Clock
from domain.ports.ledger import Ledger
from domain.ports.notices import Notices
from domain.ports.reconciliation import ReconciliationStore
from domain.ports.store import Store
from domain.reconciliation.compare import PATIENCE
from domain.reconciliation.model import Line
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.tokens import Tokens

ACTION = "settle_difference"
"""What a confirmation must have been issued for, with ``Difference.params``."""

LATEST_WITHIN = timedelta(minutes=5)
"""Older looks say nothing about what to book now."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference at one place that two looks in a row have found."""

    place: Scope
    line: Line

    @property
    def params(self) -> dict[str, str]:
        """Return what a confirmation binds: this difference and no later one, whatever its amount."""
        since = self.line.since.isoformat() if self.line.since else ""
        amount = plain(self.line.unexplained)
        return {"place": self.place, "subject": self.line.subject, "amount": amount, "since": since}


class DifferenceService:
    """Books a difference, never by itself: nobody's claim is touched, only the instance's own accounts."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        rounds: ReconciliationStore,
        notices: Notices,
        confirmations: ConfirmationService,
        clock: Clock,
        tokens: Tokens,
        auth: AuthService,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._rounds = rounds
        self._notices = notices
        self._confirmations = confirmations
        self._clock = clock
        self._tokens = tokens
        self._auth = auth

    async def ask(self, actor: UserId, place: str, subject: str) -> tuple[Difference, str]:
        """Return a difference, and the single-use token with which this person may have it booked.

        ``subject`` is a coin, or in the wallet the id of a token.

        Raises:
            Refused: ``not_allowed``; ``nothing_to_settle``: no two looks, the last of them just now, agree
                that anything is unexplained there.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.RECONCILE_SETTLE)
            found = await self._find(place, subject)
            return found, await self._confirmations.issue(actor, ACTION, found.params)

    async def settle(self, actor: UserId, place: str, subject: str, confirmation: str, cause: str) -> None:
        """Book a difference as it was shown: what is missing leaves the instance's own, what is over waits.

        In one commit with the audit of it.

        Raises:
            Refused: ``not_allowed``; ``nothing_to_settle``; ``insufficient_funds``: the instance's own does
                not suffice; ``beyond_float``: runs work with it; ``confirmation_unknown`` (also when it is
                another difference now), ``confirmation_used``, ``confirmation_expired``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.RECONCILE_SETTLE)
            found = await self._find(place, subject)
            await self._auth.act(actor, Permission.RECONCILE_SETTLE, found.params, cause)
            await self._confirmations.consume(actor, confirmation, ACTION, found.params)
            await self._ledger.post(self._booking(found))
            await self._notices.tell(actor, "difference_settled", cause, _told(found))

    async def _find(self, place: str, subject: str) -> Difference:
        now = self._clock.now()
        for standing in await self._rounds.standings():
            latest = standing.latest
            if latest.scope != place or latest.moving or now - latest.at > LATEST_WITHIN:
                continue
            lines = [line for line in latest.lines if line.unexplained and line.since]
            named = [line for line in lines if subject in (line.subject, line.coin)]
            if len(named) == 1 and named[0].since and latest.at - named[0].since >= PATIENCE:
                return Difference(latest.scope, named[0])
        raise Refused("nothing_to_settle", place=place, coin=subject)

    def _booking(self, found: Difference) -> Transfer:
        line, there = found.line, self._account(found)
        cause = Cause("difference", " ".join((found.place, line.subject, found.params["since"])))
        if line.short:
            lost = Posting(own(AccountKind.INVENTORY, line.coin), there, -line.unexplained)
            return Transfer(cause, (lost,))
        return Transfer(cause, (Posting(there, own(AccountKind.SUSPENSE, line.coin), line.unexplained),))

    def _account(self, found: Difference) -> Account:
        line = found.line
        if not line.asset_id:
            return venue(VenueAccountName(found.place.removeprefix("venue:")), line.coin)
        token = next(token for token in self._tokens.list() if token.asset_id == line.asset_id)
        return mixin(token)


def _told(found: Difference) -> Mapping[str, str]:
    line = found.line
    kind = "short" if line.short else "surplus"
    return {"place": found.place, "coin": line.coin, "amount": plain(abs(line.unexplained)), "kind": kind}
