"""The sandbox's own addresses: look into the books, switch faults. For tests and the curious."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from sandbox.venue import shapes
from sandbox.venue.hub import Hub
from sandbox.venue.model import Fill, text
from sandbox.venue.venue import Venue

Json = dict[str, Any]


class Control:
    """`/sandbox/books`, `/sandbox/orders`, `/sandbox/faults`, `/sandbox/limits` and `/sandbox/cut`."""

    def __init__(self, venue: Venue, hub: Hub, refused: Callable[[], Mapping[str, int]]) -> None:
        self._venue, self._hub, self._refused = venue, hub, refused

    def add_to(self, app: web.Application) -> None:
        """Serve the addresses."""
        app.router.add_get("/sandbox/books", self.books)
        app.router.add_get("/sandbox/orders", self.orders)
        app.router.add_get("/sandbox/faults", self.faults)
        app.router.add_post("/sandbox/faults", self.change_faults)
        app.router.add_post("/sandbox/cut", self.cut)
        app.router.add_get("/sandbox/limits", self.limits)

    async def books(self, request: web.Request) -> web.Response:
        """Tell everything there is to know about clients' money; changes nothing."""
        return web.json_response(self.picture())

    async def orders(self, request: web.Request) -> web.Response:
        """Tell every order of clients that was ever taken, in the order in which they were."""
        taken = sorted(self._venue.engine.orders.values(), key=lambda order: order.id)
        return web.json_response(
            [
                {"account": order.account, "clientOrderId": order.client_id, "at_ms": order.created_ms}
                for order in taken
            ]
        )

    def picture(self) -> Json:
        """Return accounts, open orders, all fills and the sum per asset that must be zero."""
        engine = self._venue.engine
        names = sorted({name for name, _ in (*engine.accounts.free, *engine.accounts.locked)})
        fills = sorted((f for rows in engine.fills.values() for f in rows), key=lambda f: f.trade.id)
        return {
            "now_ms": self._venue.now_ms(),
            "newest_order_ms": max((order.created_ms for order in engine.orders.values()), default=0),
            "accounts": {name: self._account(name) for name in names},
            "open_orders": [
                {"account": name} | shapes.order_looked_up(engine.pairs[symbol], order)
                for (name, symbol), orders in engine.open.items()
                for order in orders.values()
            ],
            "trades": [self._fill(fill) for fill in fills],
            "brought": _texts(engine.accounts.brought),
            "fees": _texts(engine.accounts.fees),
            "left": _texts(engine.accounts.left),
            "public": _texts(engine.accounts.public),
            "missing": _texts(engine.accounts.missing()),
        }

    def _account(self, name: str) -> Json:
        held = self._venue.engine.accounts
        return {
            asset: {"free": text(held.free[name, asset]), "locked": text(held.locked[name, asset])}
            for asset in held.assets_of(name)
        }

    def _fill(self, fill: Fill) -> Json:
        engine = self._venue.engine
        order, pair = engine.orders[fill.order_id], engine.pairs[fill.trade.symbol]
        return {
            "account": fill.account,
            "role": "maker" if fill.is_maker else "taker",
            "side": fill.side,
            "clientOrderId": order.client_id,
            "recordedTradeId": fill.trade.recorded_id or None,
            "quantity": shapes.quantity(pair, fill.trade.lots),
        } | shapes.own_trade(pair, fill)

    async def faults(self, request: web.Request) -> web.Response:
        """Tell which faults are on."""
        return web.json_response(self._venue.faults.shown())

    async def change_faults(self, request: web.Request) -> web.Response:
        """Switch faults: the ones named, all others off."""
        try:
            return web.json_response(self._venue.faults.change(json.loads(await request.text() or "{}")))
        except (ValueError, AttributeError) as e:
            return web.json_response({"error": str(e)}, status=400)

    async def limits(self, request: web.Request) -> web.Response:
        """Tell how many requests came over the limits of each language."""
        return web.json_response({"refused": dict(self._refused())})

    async def cut(self, request: web.Request) -> web.Response:
        """Cut every WebSocket, as a venue's deploy does."""
        return web.json_response({"cut": self._hub.cut_all()})


def _texts(table: dict[str, int]) -> dict[str, str]:
    return {asset: text(amount) for asset, amount in sorted(table.items())}
