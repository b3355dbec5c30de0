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
    }
)
"""By method and path; whoever may GET may HEAD. Everybody may ``pages.read``, known or not."""


class Undeclared(Exception):
    """A page and this table do not agree."""


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
