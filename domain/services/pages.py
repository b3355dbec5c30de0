"""Pages of a person's own: one-time links from the chat, and the visits that begin with them (safety §4.4).

The token of a link is made from the link's id by a key that the database does not hold. So the id may wait in
the outbox until it is said, and whoever reads the database can neither open a link nor continue a visit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.ids import Ids, UserId
from domain.ports.clock import Clock
from domain.ports.pages import PageLink, PageLinkStore, Purpose, Visit, Visitor, VisitStore
from domain.ports.store import Store
from domain.services.confirmations import hash_of

VALID_FOR = timedelta(minutes=5)
KEPT_FOR = timedelta(days=1)
"""How long a link is remembered after it expired: longer than any visit lasts."""

_LONGEST_TOKEN = 128


class PageLinkService:
    """Links, for those who talk to people.

    ``token_of`` makes the token of a link's id; ``offered`` says whether chats would open our pages at all.
    """

    def __init__(
        self,
        store: Store,
        links: PageLinkStore,
        clock: Clock,
        ids: Ids,
        token_of: Callable[[str], str],
        offered: bool = True,
    ) -> None:
        self._store = store
        self._links = links
        self._clock = clock
        self._ids = ids
        self._token_of = token_of
        self._offered = offered

    async def issue(self, user_id: UserId, purpose: Purpose, target: str) -> str:
        """Return the id of a new link to a page; whoever shows it makes the address of it.

        It is empty where no chat would open our pages.
        """
        if not self._offered:
            return ""
        link_id, now = self._ids.token(), self._clock.now()
        link = PageLink(hash_of(self._token_of(link_id)), user_id, purpose, target, now, now + VALID_FOR)
        async with self._store.transaction():
            await self._links.add(link, now - KEPT_FOR)
        return link_id

    async def visits(self, user_id: UserId) -> Sequence[Visit]:
        """Return a person's visits that last, the newest first."""
        return await self._links.visits(user_id)

    async def end_visits(self, user_id: UserId) -> int:
        """End a person's visits and make unopened links useless; return how many visits ended."""
        async with self._store.transaction():
            return await self._links.end_visits(user_id)


@dataclass(frozen=True, slots=True)
class Opened:
    """A visit that has begun: the secret that continues it, and the page to show first."""

    secret: str
    target: str


class VisitService:
    """Visits, for the pages."""

    def __init__(self, visits: VisitStore, ids: Ids) -> None:
        self._visits = visits
        self._ids = ids

    async def open(self, token: str, purpose: str) -> Opened | None:
        """Open a link, once; nothing when it cannot be opened, whatever the reason.

        Raises:
            Unavailable: the database does not answer; the link may still be opened, or may have been.
        """
        secret = self._ids.token()
        if len(token) > _LONGEST_TOKEN:
            return None
        target = await self._visits.open(hash_of(token), purpose, hash_of(secret))
        return Opened(secret, target) if target is not None else None

    async def visitor(self, secret: str) -> Visitor | None:
        """Return who continues a visit by its secret; nobody when it is over, or never was.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._visits.visitor(hash_of(secret)) if 0 < len(secret) <= _LONGEST_TOKEN else None

    async def end(self, secret: str) -> None:
        """End a visit, however often."""
        await self._visits.end(hash_of(secret))
