"""What views find in the application, by typed key."""

from dataclasses import dataclass

from aiohttp import web

from webapp.health import Readiness


@dataclass(frozen=True, slots=True)
class Instance:
    """What the pages may say about this instance of MrMarket."""

    chat_url: str | None
    sandbox: bool
    encrypted: bool  # people reach us by https


READINESS = web.AppKey("readiness", Readiness)
INSTANCE = web.AppKey("instance", Instance)
