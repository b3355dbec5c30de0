"""What one must be allowed for each page; a page that is not listed keeps the process from starting."""

from types import MappingProxyType

from aiohttp import hdrs, web

from domain.roles import Permission

PERMISSIONS = MappingProxyType(
    {
        (hdrs.METH_GET, "/"): Permission.PAGES_READ,
        (hdrs.METH_GET, "/live"): Permission.PAGES_READ,
        (hdrs.METH_GET, "/ready"): Permission.PAGES_READ,
        (hdrs.METH_GET, "/static"): Permission.PAGES_READ,
        (hdrs.METH_GET, "/open/{purpose}/{token}"): Permission.PAGES_READ,
        (hdrs.METH_POST, "/open/{purpose}/{token}"): Permission.PAGES_READ,
        (hdrs.METH_GET, "/runs/{number}"): Permission.RUNS_OWN,
        (hdrs.METH_GET, "/runs/{number}/chart"): Permission.RUNS_OWN,
        (hdrs.METH_GET, "/runs/{number}/events"): Permission.RUNS_OWN,
        (hdrs.METH_GET, "/history"): Permission.RUNS_OWN,
        (hdrs.METH_GET, "/history.csv"): Permission.RUNS_OWN,
        (hdrs.METH_GET, "/history.json"): Permission.RUNS_OWN,
        (hdrs.METH_POST, "/leave"): Permission.RUNS_OWN,
    }
)
"""By method and path; whoever may GET may HEAD. Everybody may ``pages.read``, known or not; all else asks for
a visit that began with a link of one's own (``webapp.visits``)."""


class Undeclared(Exception):
    """A page and this table do not agree."""


def permission_of(request: web.Request) -> Permission | None:
    """Return what one must be allowed for a request; nothing where there is no such page."""
    resource = request.match_info.route.resource
    method = request.method.replace(hdrs.METH_HEAD, hdrs.METH_GET)
    return PERMISSIONS.get((method, resource.canonical)) if resource is not None else None


def declared_routes(app: web.Application) -> set[tuple[str, str]]:
    """Return method and path of every route.

    Raises:
        Undeclared: a route has no permission, or a permission no route.
    """
    found = {
        (route.method.replace(hdrs.METH_HEAD, hdrs.METH_GET), route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
    }
    if different := found ^ PERMISSIONS.keys():
        raise Undeclared(", ".join(f"{method} {path}" for method, path in sorted(different)))
    return found
