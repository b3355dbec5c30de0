"""Venue accounts as those who look after the instance see them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.ids import UserId
from domain.leases import venue_scope
from domain.market.capacity import Claimed
from domain.ports.account_looks import AccountLook, AccountLooks, KeyPower
from domain.ports.clock import Clock
from domain.ports.reconciliation import ReconciliationStore
from domain.ports.store import Store
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.capacity import CapacityService

UNSEEN_AFTER = timedelta(minutes=5)
"""Looks are taken once a minute by whoever trades the account: after so long nobody does."""

UNCOMPARED_AFTER = timedelta(minutes=15)
FULL = 0.9
"""Which share of what an account takes its runs may claim before somebody should see to it."""

MOST_APART_MS = 1_000
"""As far as clocks may be apart before nothing new is sent."""


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """One account: the newest look at it, how old that is, when it was last compared, what its runs claim."""

    look: AccountLook
    age: timedelta
    compared: timedelta | None
    claimed: Claimed

    @property
    def ills(self) -> tuple[str, ...]:
        """Return the codes of what somebody should mend; of an account that is refused, that alone."""
        look = self.look
        if look.refusal:
            return ("refused",)
        return tuple(code for code, ill in self._questions(look) if ill)

    def _questions(self, look: AccountLook) -> Iterator[tuple[str, bool]]:
        powers = look.powers
        yield "unseen", self.age > UNSEEN_AFTER
        yield "key_withdraws", powers is not None and KeyPower.WITHDRAW in powers
        yield "key_idle", powers is not None and not powers >= {KeyPower.READ, KeyPower.TRADE}
        yield "clock", look.apart_ms is not None and abs(look.apart_ms) > MOST_APART_MS
        yield "full", any(self.claimed.fullness(pair) >= FULL for pair in self.claimed.orders)
        yield "uncompared", self.compared is not None and self.compared > UNCOMPARED_AFTER


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
            return await self.every()

    async def every(self) -> Sequence[AccountStanding]:
        """Return the same for one who has the machine, and need not be asked who it is."""
        async with self._store.transaction():
            looks, rounds = await self._looks.list(), await self._rounds.standings()
            claimed = {look.account: await self._capacity.claimed(look.account) for look in looks}
        now, compared = self._clock.now(), {each.latest.scope: each.latest.at for each in rounds}
        found = []
        for look in looks:
            at = compared.get(venue_scope(look.account))
            since = None if at is None else now - at
            found.append(AccountStanding(look, now - look.at, since, claimed[look.account]))
        return found
