"""T15 for the pages: every route by every method, and none without a permission."""

import asyncio
from collections.abc import Callable

import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from domain.ids import UserId
from domain.roles import PERMISSIONS as OF_ROLES
from domain.roles import Permission, Role
from tests.webapp.own_world import OwnWorld
from tests.webapp.test_pages import app
from webapp.permissions import PERMISSIONS, Undeclared, declared_routes

Client = TestClient[Request, Application]
Dial = Callable[[Application], "asyncio.Future[Client]"]

METHODS = sorted({*hdrs.METH_ALL, "PROPFIND", "QUERY"} - {hdrs.METH_CONNECT})
ADDRESSES = {
    "/static": "/static/page.css",
    "/open/{purpose}/{token}": "/open/run/forged",
    "/runs/{number}": "/runs/1",
    "/runs/{number}/chart": "/runs/1/chart",
    "/runs/{number}/events": "/runs/1/events",
}
ANSWERS = {(hdrs.METH_POST, "/open/{purpose}/{token}"): 410, (hdrs.METH_POST, "/leave"): 403}
"""What a visitor is answered who has neither a link nor a form of ours; everything else is there."""


@pytest.mark.parametrize("who", ["nobody", "alice", "bob"])
async def test_each_route_answers_its_methods_and_those_who_may(aiohttp_client: Dial, who: str) -> None:
    """Alice's run has number 1, and Bob has none of this number."""
    world = OwnWorld()
    client = await aiohttp_client(world.app())
    if who != "nobody":
        await world.enter(client, UserId(who))
    for path in {path for _, path in PERMISSIONS}:
        for method in METHODS:
            route = (method.replace(hdrs.METH_HEAD, hdrs.METH_GET), path)
            async with client.request(method, ADDRESSES.get(path, path)) as answer:
                assert answer.status == expected(who, route), (who, method, path)


def expected(who: str, route: tuple[str, str]) -> int:
    """Return the status of an answer."""
    if route not in PERMISSIONS:
        return 405
    if who == "nobody" and PERMISSIONS[route] is not Permission.PAGES_READ:
        return 401
    if who == "bob" and route in {(hdrs.METH_GET, f"/runs/{{number}}{part}") for part in ("", "/chart")}:
        return 404
    return ANSWERS.get(route, 200)


def test_everything_that_is_there_today_is_for_everybody_or_ones_own() -> None:
    assert set(PERMISSIONS.values()) == {Permission.PAGES_READ, Permission.RUNS_OWN}
    assert set(PERMISSIONS.values()) <= OF_ROLES[Role.USER]
    assert declared_routes(app()) == PERMISSIONS.keys()


def test_page_without_a_permission_is_found_at_the_start() -> None:
    pages = app()

    async def secret(request: web.Request) -> web.Response:
        return web.Response()

    pages.router.add_post("/admin", secret)
    with pytest.raises(Undeclared, match="POST /admin"):
        declared_routes(pages)
