"""The web application, put together from what a composition root gives it."""

import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from domain.health.readiness import Probe, Readiness
from webapp.filters import FILTERS
from webapp.keys import (
    CHAIN_HEAD,
    COMPARED_AGES,
    DRILLS,
    INSTANCE,
    OWN,
    READINESS,
    WATCHING,
    ChainHead,
    ComparedAges,
    Drills,
    Instance,
    OwnPages,
)
from webapp.live import Watching
from webapp.pages import friendly_errors
from webapp.permissions import declared_routes
from webapp.security import add_headers
from webapp.views import health, history, runs, start, visit
from webapp.visits import only_visitors

_HERE = Path(__file__).parent
_LARGEST_BODY = 64 * 1024


def make_app(
    probes: Sequence[Probe],
    instance: Instance,
    own: OwnPages,
    chain_head: ChainHead | None = None,
    ages: ComparedAges | None = None,
    drills: Drills | None = None,
) -> web.Application:
    """Return the application; it owns nothing that it was given."""
    app = web.Application(middlewares=[friendly_errors, only_visitors], client_max_size=_LARGEST_BODY)
    app[READINESS] = Readiness(probes, time.monotonic)
    app[INSTANCE] = instance
    app[OWN] = own
    app[WATCHING] = watching = Watching(own.runs.look)
    app[CHAIN_HEAD] = chain_head or ChainHead()
    app[COMPARED_AGES] = ages or ComparedAges()
    app[DRILLS] = drills or Drills()
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        filters=FILTERS,
    )
    app.on_response_prepare.append(add_headers(encrypted=instance.encrypted, framed_by=instance.framed_by))
    app.on_shutdown.append(lambda _: watching.close())
    every_view = (*health.routes, *start.routes, *visit.routes, *history.routes, *runs.routes)
    app.add_routes([*every_view, web.static("/static", _HERE / "static")])
    declared_routes(app)
    return app
