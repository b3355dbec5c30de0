"""Coins that nobody has asked about for long: their people are reminded, and nothing is ever taken (WI9)."""

from collections.abc import Sequence
from datetime import timedelta

from domain.ids import UserId
from domain.money import plain
from domain.ports.clock import Clock
from domain.ports.inactive import Inactive, InactiveStore
from domain.ports.notices import Notices
from domain.ports.store import Store
from domain.roles import Permission
from domain.services.auth import AuthService

AFTER = timedelta(days=365)
"""After how long somebody is reminded, and after how long again."""

AT_ONCE = 100
MOST_LISTED = 20


class InactivityService:
    """Reminds people, a page of them at a time, once in each period."""

    def __init__(
        self,
        store: Store,
        inactive: InactiveStore,
        notices: Notices,
        clock: Clock,
        auth: AuthService,
        *,
        after: timedelta = AFTER,
    ) -> None:
        self._store = store
        self._inactive = inactive
        self._notices = notices
        self._clock = clock
        self._auth = auth
        self._after = after
        self._told_to = ""  # the last person of the page before; empty begins anew

    @property
    def days(self) -> int:
        """Return after how many days somebody counts as inactive."""
        return self._after.days

    async def list(self, actor: UserId) -> Sequence[Inactive]:
        """Return the first people who have coins and have done nothing for long.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.INACTIVE_READ)
            return await self._page("", MOST_LISTED)

    async def remind(self) -> str:
        """Remind the next people, each once in a period; say how many were looked at."""
        async with self._store.transaction():
            found = await self._page(self._told_to, AT_ONCE)
            for person in found:
                await self._tell(person)
        self._told_to = found[-1].user_id if len(found) == AT_ONCE else ""
        return f"{len(found)} people have been away for long" if found else "nobody has been away for long"

    async def _page(self, after: str, limit: int) -> Sequence[Inactive]:
        return await self._inactive.inactive(self._clock.now() - self._after, after, limit)

    async def _tell(self, person: Inactive) -> None:
        """Tell what is theirs; the cause is the period since they were here, so a second time is none."""
        period = (self._clock.now() - person.since) // self._after
        coins = ", ".join(f"{plain(total)} {coin}" for coin, total in person.coins.items())
        told = {"coins": coins, "since": person.since.isoformat()}
        cause = f"away:{person.since:%Y-%m-%d}:{period}"
        await self._notices.tell(person.user_id, "you_were_away", cause, told)
