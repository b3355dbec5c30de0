"""What views find in the application, by typed key."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from domain.errors import Unavailable
from domain.health.drill import Drill
from domain.health.readiness import Readiness
from domain.ports.pages import Visitor
from domain.services.history import HistoryService
from domain.services.live_runs import LiveRunService
from domain.services.pages import VisitService
from webapp.live import Watching


@dataclass(frozen=True, slots=True)
class Instance:
    """What the pages may say about this instance of MrMarket."""

    chat_url: str | None
    sandbox: bool
    encrypted: bool  # people reach us by https
    origin: str = ""
    """How browsers call us: scheme, host and port, where they do not say whether a request is our own."""
    framed_by: str = ""
    """Whose pages may show ours in a frame: nobody's but the sandbox's phone."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Knows the newest head of the chain that was seen here: ``number:hash``, or nothing."""

    seen: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class ComparedAges:
    """Knows for each place how many seconds ago it was seen to agree with the books; ``None``: never."""

    seen: Callable[[], Mapping[str, int | None]] = dict


async def _no_drill() -> Drill | None:
    return None


@dataclass(frozen=True, slots=True)
class Drills:
    """Knows the newest drill of the Angel; ``None``: there was none, or nobody can tell now."""

    newest: Callable[[], Awaitable[Drill | None]] = _no_drill

    async def seen(self) -> Drill | None:
        """Return the newest drill; a database that is away has said so elsewhere."""
        try:
            return await self.newest()
        except Unavailable:
            return None


@dataclass(frozen=True, slots=True)
class OwnPages:
    """The use cases behind pages of a person's own."""

    visits: VisitService
    history: HistoryService
    runs: LiveRunService
    reason_of: Callable[[str, str], str] = lambda language, code: code
    """Words in a language for the code of what keeps a run from trading."""


READINESS = web.AppKey("readiness", Readiness)
INSTANCE = web.AppKey("instance", Instance)
CHAIN_HEAD = web.AppKey("chain_head", ChainHead)
COMPARED_AGES = web.AppKey("compared_ages", ComparedAges)
DRILLS = web.AppKey("drills", Drills)
VISITOR = web.RequestKey("visitor", Visitor)
"""Who looks at a page of their own."""
OWN = web.AppKey("own", OwnPages)
WATCHING = web.AppKey("watching", Watching)
