"""The start page: what runs, where the chat is, and what comes next."""

from datetime import UTC, datetime

import aiohttp_jinja2
from aiohttp import web
from aiohttp.typedefs import Handler

from webapp.keys import INSTANCE, READINESS
from webapp.texts import TEXTS, choose_language

routes = web.RouteTableDef()


@routes.get("/")
async def start(request: web.Request) -> web.Response:
    """Show the owner what runs, where the chat is, and what comes next."""
    health = await request.app[READINESS].look()
    now = f"{datetime.now(UTC):%H:%M:%S}"
    return _page(request, "start.html", {"health": health, "instance": request.app[INSTANCE], "now": now})


@web.middleware
async def friendly_not_found(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a page in the person's language where there is nothing."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        page = _page(request, "not_found.html", {})
        page.set_status(404)
        return page


def _page(request: web.Request, template: str, facts: dict[str, object]) -> web.Response:
    language = choose_language(request.headers.get("Accept-Language", ""))
    page = aiohttp_jinja2.render_template(
        template, request, {**facts, "text": TEXTS[language], "language": language}
    )
    page.headers["Content-Language"] = language
    page.headers["Vary"] = "Accept-Language"
    return page
