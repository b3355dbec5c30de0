"""Who visits: a cookie that only a one-time link gives, asked for by every page that is not everybody's."""

import hashlib
import hmac

from aiohttp import web
from aiohttp.typedefs import Handler

from domain.ports.pages import Visitor
from domain.roles import Permission
from webapp.keys import INSTANCE, OWN, VISITOR
from webapp.pages import page
from webapp.permissions import permission_of


def cookie_of(request: web.Request) -> str:
    """Return the name of the cookie; with encryption no other host and no plain page can set it."""
    return "__Host-visit" if request.app[INSTANCE].encrypted else "visit"


def secret_of(request: web.Request) -> str:
    """Return the secret that continues a visit, empty where there is none."""
    return request.cookies.get(cookie_of(request), "")


def form_token(secret: str) -> str:
    """Return what a form of this visit must carry: it cannot be known without the visit's secret."""
    return hmac.digest(secret.encode(), b"form", hashlib.sha256).hex()


def give_cookie(request: web.Request, answer: web.Response, secret: str) -> None:
    """Let the browser continue a visit for as long as it lasts and the browser is open."""
    encrypted = request.app[INSTANCE].encrypted
    answer.set_cookie(cookie_of(request), secret, path="/", httponly=True, secure=encrypted, samesite="Lax")


def take_cookie(request: web.Request, answer: web.Response) -> None:
    """Let the browser forget a visit."""
    encrypted = request.app[INSTANCE].encrypted
    answer.del_cookie(cookie_of(request), path="/", httponly=True, secure=encrypted, samesite="Lax")


async def visitor_of(request: web.Request) -> Visitor | None:
    """Return who visits; nobody when there is no visit, or it is over."""
    return await request.app[OWN].visits.visitor(secret_of(request))


@web.middleware
async def only_visitors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a page be seen by those who may: everybody, or whoever a link of one's own has let in."""
    nothing_there = request.match_info.http_exception is not None
    if nothing_there or permission_of(request) is Permission.PAGES_READ:
        return await handler(request)
    visitor = await visitor_of(request)
    if visitor is None:
        return page(request, "closed.html", status=401)
    request[VISITOR] = visitor
    return await handler(request)
