"""The start page: what runs, where the chat is, and what comes next."""

from datetime import UTC, datetime

from aiohttp import web

from domain.health.progress import NEVER
from webapp.keys import DRILLS, INSTANCE, READINESS
from webapp.pages import page

routes = web.RouteTableDef()


@routes.get("/")
async def start(request: web.Request) -> web.Response:
    """Show the owner what runs, where the chat is, and what comes next."""
    health = await request.app[READINESS].look()
    now = f"{datetime.now(UTC):%H:%M:%S}"
    drill = await request.app[DRILLS].seen()
    facts = {"health": health, "absent": NEVER, "instance": request.app[INSTANCE], "now": now, "drill": drill}
    return page(request, "start.html", facts)
