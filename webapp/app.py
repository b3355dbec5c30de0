"""The web application, put together from what a composition root gives it."""

from collections.abc import Sequence
from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from webapp.health import Probe, Readiness
from webapp.keys import CHAIN_HEAD, COMPARED_AGES, INSTANCE, READINESS, ChainHead, ComparedAges, Instance
from webapp.permissions import declared_routes
from webapp.security import add_headers
from webapp.views import health, start

_HERE = Path(__file__).parent
_LARGEST_BODY = 64 * 1024


def make_app(
    probes: Sequence[Probe],
    instance: Instance,
    chain_head: ChainHead | None = None,
    ages: ComparedAges | None = None,
) -> web.Application:
    """Return the application; it owns nothing that it was given."""
    app = web.Application(middlewares=[start.friendly_not_found], client_max_size=_LARGEST_BODY)
    app[READINESS] = Readiness(probes)
    app[INSTANCE] = instance
    app[CHAIN_HEAD] = chain_head or ChainHead()
    app[COMPARED_AGES] = ages or ComparedAges()
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    app.on_response_prepare.append(add_headers(encrypted=instance.encrypted))
    app.add_routes([*health.routes, *start.routes, web.static("/static", _HERE / "static")])
    declared_routes(app)
    return app
