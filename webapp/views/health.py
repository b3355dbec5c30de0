"""`/live` and `/ready`: for machines that restart us or send us people."""

from aiohttp import web

from webapp.keys import CHAIN_HEAD, COMPARED_AGES, DRILLS, READINESS

routes = web.RouteTableDef()


@routes.get("/live")
async def live(request: web.Request) -> web.Response:
    """Say that this process answers; asks nobody, so it stays true while the database is away."""
    return web.json_response({"live": True})


@routes.get("/ready")
async def ready(request: web.Request) -> web.Response:
    """Say what is there, what is not and why, the chain's head, the books' age, the last drill."""
    health = await request.app[READINESS].look()
    said: dict[str, object] = {"ready": health.ready, "checks": health.checks}
    if head := request.app[CHAIN_HEAD].seen():
        said["chain"] = head
    if ages := request.app[COMPARED_AGES].seen():
        said["reconciled_s"] = dict(ages)
    if drill := await request.app[DRILLS].seen():
        took = {name: getattr(drill, name) for name in ("orders", "allowed_s", "flat_s", "safe_s", "back_s")}
        said["angel_drill"] = {"at": drill.began_at.isoformat(), "verdict": drill.verdict, **took}
    return web.json_response(said, status=200 if health.ready else 503)
