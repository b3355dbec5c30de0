"""What the Angel tells machines of itself: ``/live``, which asks nobody, and ``/ready``."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

log = structlog.get_logger("angel")

Say = Callable[[], str]
"""Returns what is wrong, or nothing."""


@asynccontextmanager
async def telling(host: str, port: int | None, stuck: Say, missing: Say) -> AsyncIterator[None]:
    """Serve the pages meanwhile, where a port is named; the watch goes on without them."""
    if port is None:
        yield
        return
    runner = web.AppRunner(_app(stuck, missing), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        log.error("health pages not served", port=port, reason=error.strerror)  # noqa: TRY400 - one sentence
    try:
        yield
    finally:
        await runner.cleanup()


def _app(stuck: Say, missing: Say) -> web.Application:
    async def live(_: web.Request) -> web.Response:
        said = stuck()
        return web.json_response({"live": not said, "stuck": said}, status=503 if said else 200)

    async def ready(_: web.Request) -> web.Response:
        said = stuck() or missing()
        return web.json_response({"ready": not said, "missing": said}, status=503 if said else 200)

    app = web.Application(client_max_size=1024)
    app.add_routes([web.get("/live", live), web.get("/ready", ready)])
    return app
