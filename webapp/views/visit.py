"""How a visit begins and ends.

A link is opened by the tap on a button and never by being looked at: messengers, mail filters and browsers
fetch links to preview or to scan them, some with scripts, and would burn what opens only once.
"""

import hmac

from aiohttp import web

from webapp.keys import INSTANCE, OWN
from webapp.pages import page
from webapp.security import is_our_own
from webapp.visits import form_token, give_cookie, secret_of, take_cookie, visitor_of

routes = web.RouteTableDef()


@routes.get("/open/{purpose}/{token}")
async def ask(request: web.Request) -> web.Response:
    """Show the button that opens a link; whether it can be opened is not looked at."""
    return page(request, "open.html", {"purpose": request.match_info["purpose"]})


@routes.post("/open/{purpose}/{token}")
async def open_link(request: web.Request) -> web.StreamResponse:
    """Begin a visit, once, and go to the page whose address has no token in it."""
    if not is_our_own(request, request.app[INSTANCE].origin):
        raise web.HTTPForbidden
    opened = await request.app[OWN].visits.open(request.match_info["token"], request.match_info["purpose"])
    if opened is None:
        known = await visitor_of(request)
        return page(request, "used.html", {"known": known is not None}, status=410)
    answer = web.Response(status=303, headers={"Location": opened.target})
    give_cookie(request, answer, opened.secret)
    return answer


@routes.post("/leave")
async def leave(request: web.Request) -> web.StreamResponse:
    """End the visit."""
    said, secret = str((await request.post()).get("form", "")), secret_of(request)
    if not is_our_own(request, request.app[INSTANCE].origin) or not _same(said, form_token(secret)):
        raise web.HTTPForbidden
    await request.app[OWN].visits.end(secret)
    answer = page(request, "left.html")
    take_cookie(request, answer)
    return answer


def _same(said: str, expected: str) -> bool:
    return hmac.compare_digest(said.encode(), expected.encode())
