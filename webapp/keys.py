"""What views find in the application, by typed key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from webapp.health import Readiness


@dataclass(frozen=True, slots=True)
class Instance:
    """What the pages may say about this instance of MrMarket."""

    chat_url: str | None
    sandbox: bool
    encrypted: bool  # people reach us by https


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Knows the newest head of the chain that was seen here: ``number:hash``, or nothing."""

    seen: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class ComparedAges:
    """Knows for each place how many seconds ago it was seen to agree with the books; ``None``: never."""

    seen: Callable[[], Mapping[str, int | None]] = dict


READINESS = web.AppKey("readiness", Readiness)
INSTANCE = web.AppKey("instance", Instance)
CHAIN_HEAD = web.AppKey("chain_head", ChainHead)
COMPARED_AGES = web.AppKey("compared_ages", ComparedAges)
