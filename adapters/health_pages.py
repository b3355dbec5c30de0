"""`/live`, `/ready` and `/metrics` of a process, on a port of its own that people do not reach."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from aiohttp import web

from adapters.figures import CONTENT_TYPE, figures_of, render
from adapters.settings import Settings
from domain.health.readiness import Probe, Readiness

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HealthPages:
    """What a process tells machines of itself; ``stuck`` says why it does no work, or nothing."""

    process: str
    stuck: Callable[[], str]
    readiness: Readiness
    dsn: str

    async def live(self, _: web.Request) -> web.Response:
        """Say whether this process does its work, or why not; asks nobody, so the database may be away."""
        stuck = self.stuck()
        said = {"live": not stuck, **({"stuck": stuck} if stuck else {})}
        return web.json_response(said, status=503 if stuck else 200)

    async def ready(self, _: web.Request) -> web.Response:
        """Say what this process needs, what is not there and why."""
        health = await self.readiness.look()
        said = {"ready": health.ready, "checks": health.checks}
        return web.json_response(said, status=200 if health.ready else 503)

    async def metrics(self, _: web.Request) -> web.Response:
        """Tell all figures, those of other processes too."""
        text = render(await figures_of(self.dsn, self.process, self.stuck()))
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    def app(self) -> web.Application:
        """Return the pages."""
        app = web.Application(client_max_size=1024)
        app.add_routes(
            [
                web.get("/live", self.live),
                web.get("/ready", self.ready),
                web.get("/metrics", self.metrics),
            ]
        )
        return app


@asynccontextmanager
async def telling(
    settings: Settings,
    process: str,
    stuck: Callable[[], str],
    probes: Sequence[Probe],
    monotonic: Callable[[], float],
) -> AsyncIterator[None]:
    """Serve a process's health pages meanwhile, where the settings name a port; work goes on without them."""
    if settings.health_port is None:
        yield
        return
    pages = HealthPages(process, stuck, Readiness(probes, monotonic), settings.database_url.reveal())
    runner = web.AppRunner(pages.app(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.health_host, settings.health_port).start()
    except OSError as error:
        log.error("health pages not served", port=settings.health_port, reason=error.strerror)  # noqa: TRY400 - money comes first
    try:
        yield
    finally:
        await runner.cleanup()
