"""The HTTP side of gate: the same engine and accounts in another language.

Signatures, shapes, limits and traps are gate's. What it answers stands in `gate_spot` and `gate_wallet`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.venue import countdown, gate_spot, gate_wallet
from sandbox.venue.binance import misbehave, struck_down
from sandbox.venue.funds import Declined
from sandbox.venue.gate_limits import Limits
from sandbox.venue.gate_words import OF_FUNDS, Json, Refusal, Route, of_engine
from sandbox.venue.gatekeeper import ApiKey
from sandbox.venue.model import RefusedByVenue
from sandbox.venue.venue import Venue

log = logging.getLogger("sandbox.venue")
LATEST_S = 60
ROUTES: Mapping[tuple[str, str], Route] = {**gate_wallet.ROUTES, **gate_spot.ROUTES, **countdown.ROUTES}
_FAULTY = {
    418: ("TOO_FAST", "Your address is banned for a while"),
    429: ("TOO_MANY_REQUESTS", "Request rate limit exceeded"),
    500: ("SERVER_ERROR", "Internal server error"),
    503: ("TOO_BUSY", "The server is busy"),
}


class Gate:
    """Answers every route of the table below `/api/v4`, and refuses the rest, loudly."""

    def __init__(self, venue: Venue, keys: Mapping[str, ApiKey]) -> None:
        self._venue, self._keys, self.limits = venue, keys, Limits(venue.wall_ms)

    def add_to(self, app: web.Application) -> None:
        """Serve the table."""
        for method, path in ROUTES:
            app.router.add_route(method, f"/api/v4{path}", self.handle)
        app.router.add_route("*", "/api/v4/{rest:.*}", self.unknown)

    async def unknown(self, request: web.Request) -> web.Response:
        """Say that there is no such route."""
        log.error("UNKNOWN ROUTE %s %s", request.method, request.path)
        return _answer({"label": "NOT_FOUND", "message": f"no route {request.method} {request.path}"}, 404)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or do not, if a fault says so."""
        resource = request.match_info.route.resource
        path = resource.canonical.removeprefix("/api/v4") if resource else ""
        route, body, headers = ROUTES[request.method, path], await request.read(), dict[str, str]()
        faults = self._venue.faults
        struck = route.right is not None and faults.concerns(f"{request.method} {request.path}")
        try:
            account = self._enter(request, body, route.right) if route.right else ""
            params = _params(request, body)
            headers |= self.limits.count(account or request.remote or "", request.method, path, params)
            if struck and (status := struck_down(faults)):
                return _failure(status)
            answer = route.call(self._venue, account, params)
        except Refusal as e:
            return _answer(e.facts(), e.status, headers)
        except RefusedByVenue as e:
            refusal = of_engine(e)
            return _answer(refusal.facts(), refusal.status, headers)
        except Declined as e:
            label, message = OF_FUNDS[e.reason]
            return _answer({"label": label, "message": message}, 400, headers)
        except ValueError as e:
            return _answer({"label": "INVALID_PARAM_VALUE", "message": str(e)}, 400, headers)
        if struck:
            placed = (request.method, path) == ("POST", "/spot/orders")
            await misbehave(faults, request, answer, "text" if placed else "")
        return _answer(answer, route.status, headers)

    def _enter(self, request: web.Request, body: bytes, right: str) -> str:
        """Return the account whose key signed this request lately and may do this."""
        given = [request.headers.get(name, "") for name in ("KEY", "Timestamp", "SIGN")]
        if not all(given):
            raise Refusal("MISSING_REQUIRED_HEADER", "Missing required header", 401)
        key, at, signature = given
        if key not in self._keys:
            raise Refusal("INVALID_KEY", "Invalid key provided", 401)
        owner = self._keys[key]
        query = "&".join(f"{name}={value}" for name, value in parse_qsl(request.query_string, True))
        signed = "\n".join((request.method, request.path, query, hashlib.sha512(body).hexdigest(), at))
        check_signature(owner, signed, signature)
        if not at.isdigit() or abs(self._venue.wall_ms() // 1000 - int(at)) > LATEST_S:
            raise Refusal("REQUEST_EXPIRED", "Gap between request and server time exceeds 60", 403)
        expires = request.headers.get("x-gate-exptime", "")
        if expires and (not expires.isdigit() or int(expires) < self._venue.wall_ms()):
            raise Refusal("REQUEST_EXPIRED", "The request came after its x-gate-exptime", 403)
        if right not in owner.rights:
            raise Refusal("FORBIDDEN", "This key may not do that", 403)
        return owner.account


def check_signature(owner: ApiKey, signed: str, signature: str) -> None:
    """Refuse a signature that the owner's secret does not make over this text."""
    expected = hmac.new(owner.secret.encode(), signed.encode(), hashlib.sha512).hexdigest()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise Refusal("INVALID_SIGNATURE", "Signature mismatch", 401)


def _params(request: web.Request, body: bytes) -> dict[str, Any]:
    """Return what a request says in its path, its query and its body; a list stands under "rows"."""
    said = json.loads(body) if body else {}
    return {**request.query, **request.match_info, **({"rows": said} if isinstance(said, list) else said)}


def _failure(status: int) -> web.Response:
    if status not in _FAULTY:  # what a proxy in front of the venue says
        return web.Response(status=status, text=f"<html><h1>{status}</h1></html>", content_type="text/html")
    label, message = _FAULTY[status]
    return _answer({"label": label, "message": message}, status)


def _answer(value: Json, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(value, status=status, headers=headers)
