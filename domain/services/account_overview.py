"""Venue accounts as those who look after the instance see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.ids import UserId
from domain.leases import venue_scope
from domain.market.capacity import Claimed
from domain.ports.account_looks import AccountLook, AccountLooks
from domain.ports.clock import Clock
from domain.ports.reconciliation import ReconciliationStore
from domain.ports.store import Store
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.capacity import CapacityService


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """One account: the newest look at it, how old that is, when it was last compared, what its runs claim."""

    look: AccountLook
    age: timedelta
    compared: timedelta | None
    claimed: Claimed


class AccountOverview:
    """Looks at accounts, for those who look after the instance."""

    def __init__(
        self,
        store: Store,
        looks: AccountLooks,
        rounds: ReconciliationStore,
        clock: Clock,
        auth: AuthService,
        capacity: CapacityService,
    ) -> None:
        self._store = store
        self._looks = looks
        self._rounds = rounds
        self._clock = clock
        self._auth = auth
        self._capacity = capacity

    async def of(self, actor: UserId) -> Sequence[AccountStanding]:
        """Return every account that was ever looked at, by name.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.HALTS_READ)
            looks, rounds = await self._looks.list(), await self._rounds.standings()
            claimed = {look.account: await self._capacity.claimed(look.account) for look in looks}
        now, compared = self._clock.now(), {each.latest.scope: each.latest.at for each in rounds}
        found = []
        for look in looks:
            at = compared.get(venue_scope(look.account))
            since = None if at is None else now - at
            found.append(AccountStanding(look, now - look.at, since, claimed[look.account]))
        return found
