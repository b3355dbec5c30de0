"""The WebSocket side of binance spot: market streams, and the WebSocket API with its account events."""

from __future__ import annotations

import json
import logging
from typing import Any

from aiohttp import web

from sandbox.venue.gatekeeper import Gatekeeper
from sandbox.venue.hub import Hub, Socket, serve_socket
from sandbox.venue.model import RefusedByVenue
from sandbox.venue.venue import Venue

log = logging.getLogger("sandbox.venue")
Json = dict[str, Any]
STREAMS = ("depth", "depth@100ms", "trade", "aggTrade")


class Streams:
    """Both kinds of sockets."""

    def __init__(self, venue: Venue, door: Gatekeeper, hub: Hub) -> None:
        self._venue, self._door, self._hub = venue, door, hub

    def add_to(self, app: web.Application) -> None:
        """Serve the addresses; a market stream's takes any suffix."""
        app.router.add_get("/stream/ws{rest:.*}", self.market)
        app.router.add_get("/ws-api", self.api)

    async def market(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket of market streams."""
        return await serve_socket(self._hub, request, lambda s, said: s.send(self._market_answer(s, said)))

    async def api(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket of the WebSocket API."""
        return await serve_socket(self._hub, request, lambda s, said: s.send(self._api_answer(s, said)))

    def _market_answer(self, socket: Socket, text: str) -> Json:
        try:
            asked = json.loads(text)
            method, params, number = asked["method"], asked.get("params", []), asked.get("id")
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"error": {"code": 2, "msg": "Invalid request: malformed JSON"}, "id": None}
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": sorted(socket.streams), "id": number}
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE") or not all(map(self._is_stream, params)):
            log.error("UNKNOWN STREAM REQUEST %s %s", method, params)
            return {"error": {"code": 2, "msg": f"Invalid request: {method} {params}"}, "id": number}
        (socket.streams.update if method == "SUBSCRIBE" else socket.streams.difference_update)(params)
        return {"result": None, "id": number}

    def _is_stream(self, name: object) -> bool:
        symbol, _, kind = str(name).partition("@")
        return symbol.upper() in self._venue.engine.pairs and kind in STREAMS

    def _api_answer(self, socket: Socket, text: str) -> Json:
        number = None
        try:
            asked = json.loads(text)
            number = asked.get("id")
            return {"id": number, "status": 200, "result": self._api_call(socket, asked)}
        except RefusedByVenue as e:
            return {"id": number, "status": e.http, "error": {"code": e.code, "msg": e.text}}
        except (ValueError, KeyError, TypeError, AttributeError):
            return {"id": number, "status": 400, "error": {"code": -1000, "msg": "Malformed request."}}

    def _api_call(self, socket: Socket, asked: Json) -> Json:
        match asked["method"]:
            case "ping":
                return {}
            case "time":
                return {"serverTime": self._door.wall_ms()}
            case "userDataStream.subscribe.signature":
                account = self._signed_by(asked["params"])
                if account in socket.accounts:
                    raise RefusedByVenue(-1000, "Subscription already active on this connection.")
                socket.accounts[account] = len(socket.accounts)
                return {"subscriptionId": socket.accounts[account]}
            case "userDataStream.unsubscribe":
                socket.accounts.clear()
                return {}
            case method:
                log.error("UNKNOWN WEBSOCKET METHOD %s", method)
                raise RefusedByVenue(-1000, f"Unknown method {method}.")

    def _signed_by(self, params: Json) -> str:
        """Check a signed frame: parameters sorted by name, booleans in lower case."""
        self._door.weigh(2)
        owner = self._door.known(str(params.get("apiKey", "")))
        plain = {name: _plain(value) for name, value in sorted(params.items()) if name != "signature"}
        payload = "&".join(f"{name}={value}" for name, value in plain.items())
        self._door.check_signature(owner, payload, str(params.get("signature", "")))
        self._door.check_time(plain)
        return owner.account


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
