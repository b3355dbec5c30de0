"""T15 for the pages: every route by every method, and none without a permission."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from domain.roles import PERMISSIONS as OF_ROLES
from domain.roles import Role
from tests.webapp.test_pages import app
from webapp.permissions import PERMISSIONS, Undeclared, declared_routes

Client = TestClient[Request, Application]
Dial = Callable[[Application], "asyncio.Future[Client]"]

METHODS = sorted({*hdrs.METH_ALL, "PROPFIND", "QUERY"} - {hdrs.METH_CONNECT})
FILES = {"/static": "/static/page.css"}


async def test_each_route_answers_its_methods_and_no_other(aiohttp_client: Dial) -> None:
    client = await aiohttp_client(app())
    for path in {path for _, path in PERMISSIONS}:
        for method in METHODS:
            answer = await client.request(method, FILES.get(path, path))
            declared = (method.replace(hdrs.METH_HEAD, hdrs.METH_GET), path) in PERMISSIONS
            assert answer.status == (200 if declared else 405), (method, path)


def test_everything_that_is_there_today_is_for_everybody() -> None:
    assert set(PERMISSIONS.values()) <= OF_ROLES[Role.USER]
    assert declared_routes(app()) == PERMISSIONS.keys()


def test_page_without_a_permission_is_found_at_the_start() -> None:
    pages = app()

    async def secret(request: web.Request) -> web.Response:
        return web.Response()

    pages.router.add_post("/admin", secret)
    with pytest.raises(Undeclared, match="POST /admin"):
        declared_routes(pages)
