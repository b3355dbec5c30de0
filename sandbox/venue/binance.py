"""The HTTP side of binance spot: routes, signatures, limits, error shapes, and the faults of bad days."""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.venue.calls import ROUTES, Route
from sandbox.venue.faults import Faults
from sandbox.venue.gatekeeper import Gatekeeper
from sandbox.venue.model import RefusedByVenue
from sandbox.venue.params import Params
from sandbox.venue.venue import Venue

log = logging.getLogger("sandbox.venue")
compact = partial(json.dumps, separators=(",", ":"))
HANG_SECONDS = 120
FAULTY = {
    418: (-1003, "Way too much request weight used; IP banned. Please use WebSocket Streams."),
    429: (-1003, "Too many requests queued."),
    500: (-1000, "An unknown error occurred while processing the request."),
    503: (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    504: (-1007, "Timeout waiting for response from backend server. Send status unknown."),
}


class Rest:
    """Answers every route of the table and refuses the rest, loudly."""

    def __init__(self, venue: Venue, door: Gatekeeper) -> None:
        self._venue, self._door = venue, door

    def add_to(self, app: web.Application) -> None:
        """Serve the table; everything else below the venue's roots is a 404 that shouts."""
        for method, path in ROUTES:
            app.router.add_route(method, path, self.handle)
        for root in ("/api/{rest:.*}", "/sapi/{rest:.*}"):
            app.router.add_route("*", root, self.unknown)

    async def unknown(self, request: web.Request) -> web.Response:
        """Say that there is no such route: that is how a missing endpoint shows."""
        log.error("UNKNOWN ROUTE %s %s", request.method, request.path)
        return web.json_response(
            {"code": -1, "msg": f"no route {request.method} {request.path}"}, status=404, dumps=compact
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or do not, if a fault says so."""
        raw = await _raw(request)
        route, headers = ROUTES[request.method, request.path], {}
        params: Params = dict(parse_qsl(raw, keep_blank_values=True))
        try:
            self._door.weigh(route.weighs(params))
            headers["X-MBX-USED-WEIGHT-1M"] = str(self._door.weight.used)
            account = self._enter(route, request, raw)
            struck = route.signed and self._venue.faults.concerns(f"{request.method} {request.path}")
            if struck and (status := struck_down(self._venue.faults)):
                return _failure(status)
            if (request.method, request.path) == ("POST", "/api/v3/order"):
                headers["X-MBX-ORDER-COUNT-10S"] = str(self._door.count_order(account))
            answer = route.call(self._venue, account, params)
        except RefusedByVenue as e:
            return web.json_response(
                {"code": e.code, "msg": e.text}, status=e.http, headers=headers, dumps=compact
            )
        if struck:
            placed = isinstance(answer, dict) and "fills" in answer
            await misbehave(self._venue.faults, request, answer, "clientOrderId" if placed else "")
        return _json(answer, 200, headers)

    def _enter(self, route: Route, request: web.Request, raw: str) -> str:
        key = request.headers.get("X-MBX-APIKEY")
        return self._door.check_signed(key, raw, route.right).account if route.signed else ""


def struck_down(faults: Faults) -> int:
    """Return the status of a venue that does not do what it was asked, if the dice say so; else nothing."""
    if faults.strikes(faults.settings.limit_percent):
        return 429
    if faults.strikes(faults.settings.refuse_percent):
        return faults.settings.refuse_status
    return 0


async def misbehave(faults: Faults, request: web.Request, answer: Any, echo: str) -> None:
    """Answer late, never, or with the wrong echo (under that name): the deed is done and written down."""
    if faults.settings.delay_ms:
        await asyncio.sleep(faults.settings.delay_ms / 1000)
    if echo and faults.strikes(faults.settings.wrong_echo_percent):
        answer[echo] = "somebody-else"
    if faults.strikes(faults.settings.withhold_percent):
        if faults.settings.withhold_how == "hang":
            await asyncio.sleep(HANG_SECONDS)
        if request.transport is not None:
            request.transport.abort()


def _json(answer: Any, status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(answer, status=status, headers=headers, dumps=compact)


def _failure(status: int) -> web.Response:
    if status not in FAULTY:  # what a proxy in front of the venue says
        return web.Response(status=status, text=f"<html><h1>{status}</h1></html>", content_type="text/html")
    code, message = FAULTY[status]
    return _json({"code": code, "msg": message}, status)


async def _raw(request: web.Request) -> str:
    """Return the text that was signed: the query as it came, and behind it the body."""
    query = request.raw_path.partition("?")[2]
    body = (await request.read()).decode("utf-8", "replace")
    return query + body
