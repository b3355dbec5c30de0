"""`/live` and `/ready`: for machines that restart us or send us people."""

from aiohttp import web

from webapp.keys import CHAIN_HEAD, READINESS

routes = web.RouteTableDef()


@routes.get("/live")
async def live(request: web.Request) -> web.Response:
    """Say that this process answers; asks nobody, so it stays true while the database is away."""
    return web.json_response({"live": True})


@routes.get("/ready")
async def ready(request: web.Request) -> web.Response:
    """Say whether everything needed is there, and what is not, with the reason; and the chain's head."""
    health = await request.app[READINESS].look()
    said: dict[str, object] = {"ready": health.ready, "checks": health.checks}
    if head := request.app[CHAIN_HEAD].seen():
        said["chain"] = head
    return web.json_response(said, status=200 if health.ready else 503)
