"""The WebSocket side of gate: one address for the market and for accounts, which sign each subscription.

A book begins with a whole one and goes on with what changed among its best levels. Updates are numbered, but
clients do not look: one that is lost stays lost until the next whole book.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from sandbox.venue import gate_shapes as shapes
from sandbox.venue.gate import LATEST_S, check_signature
from sandbox.venue.gate_spot import fills_of
from sandbox.venue.gate_words import Refusal
from sandbox.venue.gatekeeper import ApiKey
from sandbox.venue.hub import Hub, Socket, serve_socket
from sandbox.venue.model import Changes, Pair, Side, Trade
from sandbox.venue.shapes import levels
from sandbox.venue.venue import Venue

log = logging.getLogger("sandbox.venue")
Json = dict[str, Any]
PRIVATE = ("spot.orders", "spot.usertrades", "spot.balances")
DEPTHS = ("50", "400")
ALL = "!all"
_SIDES = (("b", Side.BUY), ("a", Side.SELL))


@dataclass(slots=True)
class Shown:
    """A book as it was told last: lots by price."""

    update_id: int = 0
    sides: dict[Side, dict[int, int]] = field(default_factory=lambda: {Side.BUY: {}, Side.SELL: {}})


class GateStreams:
    """Its sockets, and what they are told."""

    def __init__(self, venue: Venue, keys: Mapping[str, ApiKey], hub: Hub) -> None:
        self._venue, self._keys, self._hub = venue, keys, hub
        self._shown: dict[str, Shown] = {}  # by book, such as ob.BTC_USDT.50
        self._pairs = {shapes.name_of(pair): pair for pair in venue.engine.pairs.values()}

    def add_to(self, app: web.Application) -> None:
        """Serve the address."""
        for path in ("/ws/v4", "/ws/v4/"):
            app.router.add_get(path, self.serve)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket."""
        return await serve_socket(self._hub, request, self._hear)

    # -- what clients say

    def _hear(self, socket: Socket, said: str) -> None:
        try:
            asked = json.loads(said)
            channel, event = str(asked["channel"]), str(asked.get("event") or "")
            payload = [str(each) for each in asked.get("payload") or []]
        except (ValueError, KeyError, TypeError, AttributeError):
            socket.send(self._frame("", "", {"error": {"code": 1, "message": "invalid request body"}}))
            return
        if channel == "spot.ping":
            socket.send(self._frame("spot.pong", "", {"result": None}))
            return
        echo = {"id": asked.get("id"), "payload": payload}
        try:
            streams = self._streams(asked, channel, event, payload)
        except Refusal as e:
            failed = {"error": {"code": e.status, "message": e.message}, "result": {"status": "fail"}}
            socket.send(self._frame(channel, event, echo | failed))
            return
        (socket.streams.update if event == "subscribe" else socket.streams.difference_update)(streams)
        socket.send(self._frame(channel, event, echo | {"error": None, "result": {"status": "success"}}))
        if channel == "spot.obu" and event == "subscribe":
            for name in payload:
                socket.send(self._frame(channel, "update", {"result": self._whole(name)}))

    def _streams(self, asked: Json, channel: str, event: str, payload: list[str]) -> list[str]:
        """Return the streams that are meant.

        Raises:
            Refusal: with gate's number in place of an HTTP status.
        """
        if event not in ("subscribe", "unsubscribe"):
            raise Refusal("", f"unknown event {event}", 1)
        if channel in PRIVATE:
            account = self._signed_by(asked, channel, event)
            self._check_pairs([name for name in payload if name != ALL])
            return [_private(channel, account, name) for name in payload or [ALL]]
        if channel == "spot.trades":
            self._check_pairs(payload)
        elif channel != "spot.obu" or not all(map(self._is_book, payload)):
            log.error("UNKNOWN CHANNEL %s %s", channel, payload)
            raise Refusal("", f"unknown channel {channel} {payload}", 2)
        return [f"{channel} {name}" for name in payload]

    def _signed_by(self, asked: Json, channel: str, event: str) -> str:
        auth = asked.get("auth")
        given = auth if isinstance(auth, dict) else {}
        owner, at = self._keys.get(str(given.get("KEY", ""))), str(asked.get("time", ""))
        if owner is None:
            raise Refusal("", '{"label":"INVALID_KEY","message":"Invalid key provided"}', 4)
        try:
            signed = f"channel={channel}&event={event}&time={at}"
            check_signature(owner, signed, str(given.get("SIGN", "")))
        except Refusal as e:
            raise Refusal("", json.dumps(e.facts()), 4) from e
        if not at.isdigit() or abs(self._venue.wall_ms() // 1000 - int(at)) > LATEST_S:
            raise Refusal("", '{"label":"REQUEST_EXPIRED","message":"Request is too old"}', 4)
        return owner.account

    def _check_pairs(self, names: list[str]) -> None:
        for name in names:
            if name not in self._pairs:
                raise Refusal("", f"unknown currency pair: {name}", 2)

    def _is_book(self, name: str) -> bool:
        kind, _, rest = name.partition(".")
        pair, _, depth = rest.rpartition(".")
        return kind == "ob" and pair in self._pairs and depth in DEPTHS

    # -- what they are told

    def traded(self, trade: Trade, number: int) -> None:
        """Tell a public trade."""
        pair = self._venue.engine.pairs[trade.symbol]
        self._tell("spot.trades", f"spot.trades {shapes.name_of(pair)}", shapes.public_trade(pair, trade))

    def changed(self, changes: Changes) -> None:
        """Tell accounts what became of their orders, what they traded, and what they hold."""
        engine = self._venue.engine
        for report in changes.reports:
            order, pair = report.order, engine.pairs[report.order.symbol]
            self._tell_account(
                "spot.orders",
                order.account,
                pair,
                shapes.order_event(pair, report, fills_of(self._venue, order)),
            )
            if report.fill:
                self._tell_account(
                    "spot.usertrades", order.account, pair, shapes.own_trade(pair, report.fill, order)
                )
        for account in sorted({account for account, _ in changes.balances}):
            held, at = engine.accounts, self._venue.now_ms()
            coins = sorted(asset for name, asset in changes.balances if name == account)
            rows = [shapes.balance(c, held.free[account, c], held.locked[account, c], at) for c in coins]
            self._tell("spot.balances", _private("spot.balances", account, ALL), rows)

    def moved(self, symbol: str, first: int, last: int, prices: Mapping[Side, set[int]], now_ms: int) -> None:
        """Send what changed among the best levels of a book since the last time."""
        pair = self._venue.engine.pairs[symbol]
        for depth in DEPTHS:
            name = f"ob.{shapes.name_of(pair)}.{depth}"
            if not self._hub.listeners(f"spot.obu {name}"):
                self._shown.pop(name, None)
                continue
            before, now = self._shown[name], self._look(pair, int(depth))
            self._shown[name] = now
            if self._venue.faults.loses_delta():
                continue
            result = {"t": now_ms, "s": name, "U": before.update_id + 1, "u": now.update_id}
            for key, side in _SIDES:
                was, is_ = before.sides[side], now.sides[side]
                gone = [(price, 0) for price in was if price not in is_]
                result[key] = levels(pair, gone + [row for row in is_.items() if was.get(row[0]) != row[1]])
            self._tell("spot.obu", f"spot.obu {name}", result)

    def _whole(self, name: str) -> Json:
        """Return a book as its listeners were told it last, or as it is when there were none."""
        _, _, rest = name.partition(".")
        pair_name, _, depth = rest.rpartition(".")
        pair = self._pairs[pair_name]
        shown = self._shown.setdefault(name, self._look(pair, int(depth)))
        sides = {key: levels(pair, list(shown.sides[side].items())) for key, side in _SIDES}
        return {"t": self._venue.now_ms(), "full": True, "s": name, "u": shown.update_id, **sides}

    def _look(self, pair: Pair, depth: int) -> Shown:
        market = self._venue.engine.markets[pair.symbol]
        sides = {side: dict(market.levels(side, depth)) for side in Side}
        return Shown(market.changed.update_id, sides)

    def _tell_account(self, channel: str, account: str, pair: Pair, fact: Json) -> None:
        for name in (shapes.name_of(pair), ALL):
            self._tell(channel, _private(channel, account, name), [fact])

    def _tell(self, channel: str, stream: str, result: Any) -> None:
        if self._hub.listeners(stream):
            self._hub.tell_market(stream, self._frame(channel, "update", {"result": result}))

    def _frame(self, channel: str, event: str, rest: Json) -> Json:
        at = self._venue.wall_ms()
        return {"time": at // 1000, "time_ms": at, "channel": channel, "event": event, **rest}


def _private(channel: str, account: str, name: str) -> str:
    return f"{channel} {account} {name}"
