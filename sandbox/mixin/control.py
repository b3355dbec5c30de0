"""The control surface, ``/sandbox/…``: no part of the protocol; for the chat page and for tests.

GET ``/sandbox/…``

- ``?bot=stop`` where a bot is meant: the one that hears STOP, if this world has it.
- ``people``: bot, people, assets. ``{who}`` below is a name or a user id, in any letter case.
- ``people/{who}/wallet``: balances, and what is on its way back as change.
- ``people/{who}/messages?after=V``: messages new or changed since version V, and the ``version`` now.
- ``people/{who}/events``: server-sent events, one whenever something changed.
- ``people/{who}/pay?link=…``: what the pay sheet shows.
- ``books``: every transaction, every output by owner, totals per asset, unknown routes asked for.
- ``messages``: every message, oldest first. ``faults``: what is switched on.
- ``rails``: what left for the chains and what came from them, the mishaps, and where the other side is.

POST ``/sandbox/…``

- ``people/{who}/say`` ``{text}``; for tests also ``category data_base64 message_id representative_id
  quote_message_id``.
- ``people/{who}/press`` ``{message_id, index}`` → ``{kind: input|pay|page|mixin, …}``.
- ``people/{who}/pay`` ``{link, asset_id?, amount?, memo?}`` → ``{status: paid|already_paid, request_id,
  transaction_hash}``.
- ``people/{who}/transfer`` ``{asset_id, amount, memo?, to?, trace?}`` → the same; to the bot by default.
- ``people/{who}/read``: mark all as read.
- ``faults``: switch one on, see ``faults.Fault``; DELETE clears them. ``cut``: close all Blaze sockets.
- ``assets/{id}`` ``{fee_amount?, fee_asset_id?, suspended?, dust?}``: other terms for withdrawals.
- ``rails`` ``{crossings}``: what a chain shows, as the other side tells it. ``rails/other`` ``{url}``: who
  that is. ``rails/mishaps``: how the chains behave, see ``sandbox.rails.crossing.Mishaps``.
- ``rails/halve`` ``{times}``: of so many withdrawals in two transactions only the first one gets in.

Errors are Mixin's own shape with HTTP 202.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from sandbox.mixin.core import assets, books, crossings, person, rows, wallet
from sandbox.mixin.core.errors import ApiError, forbidden, unparsable
from sandbox.rails.crossing import crossing_from

if TYPE_CHECKING:
    from sandbox.mixin.server import Server

Facts = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
BEAT_S = 15.0


class Control:
    """What people and tests may do to this world."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._world = server.world

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; everything runs as one committed unit."""
        look: dict[str, Callable[[web.Request], Any]] = {
            "/people": lambda r: person.introduce(self._world, _to(r)),
            "/people/{who}/wallet": lambda r: {"balances": wallet.balances(self._world, self._who(r))},
            "/people/{who}/messages": self._messages,
            "/people/{who}/pay": lambda r: wallet.sheet(self._world, self._who(r), r.query.get("link", "")),
            "/books": lambda _: books.books(self._world) | {"unknown_routes": self._server.unknown_routes},
            "/messages": lambda _: {"messages": books.message_list(self._world)},
            "/faults": lambda _: {"faults": self._server.faults.listed()},
            "/rails": lambda _: self._rails(),
        }
        act: dict[str, Callable[[web.Request, Facts], Any]] = {
            "/people/{who}/say": self._say,
            "/people/{who}/press": self._press,
            "/people/{who}/pay": lambda r, f: wallet.pay(
                self._world, self._who(r), str(f.get("link", "")), f
            ),
            "/people/{who}/transfer": self._transfer,
            "/people/{who}/read": self._read,
            "/faults": self._switch_on,
            "/cut": lambda _r, _f: {"cut": self._server.hub.cut()},
            "/assets/{id}": lambda r, f: self._change_asset(r.match_info["id"], f),
            "/rails": self._see,
            "/rails/other": self._join,
            "/rails/mishaps": self._change_mishaps,
            "/rails/halve": self._halve,
        }
        return [
            web.get("/sandbox/people/{who}/events", self.events),
            web.delete("/sandbox/faults", self.clear_faults),
            *(web.get(f"/sandbox{path}", self._looking(handler)) for path, handler in look.items()),
            *(web.post(f"/sandbox{path}", self._acting(handler)) for path, handler in act.items()),
        ]

    def _looking(self, handler: Callable[[web.Request], Any]) -> Handler:
        async def looked(request: web.Request) -> web.Response:
            return self._told(lambda: handler(request))

        return looked

    def _acting(self, handler: Callable[[web.Request, Facts], Any]) -> Handler:
        async def acted(request: web.Request) -> web.Response:
            body = await request.read()

            def act() -> Any:
                _same_origin(request)
                return handler(request, _facts(body))

            return self._told(act)

        return acted

    def _told(self, act: Callable[[], Any]) -> web.Response:
        try:
            with self._server.store.unit():
                told = act()
        except ApiError as e:
            return web.json_response(e.body(), status=202)
        return web.json_response(told)

    def _who(self, request: web.Request) -> rows.User:
        return person.find(self._world, request.match_info["who"])

    def _messages(self, request: web.Request) -> Facts:
        after = request.query.get("after", "0")
        seen = int(after) if after.isdecimal() else 0
        return person.history(self._world, self._who(request), seen, _to(request))

    def _say(self, request: web.Request, facts: Facts) -> Facts:
        message = person.say(self._world, self._who(request), facts, _to(request))
        return {"message_id": message.message_id}

    def _press(self, request: web.Request, facts: Facts) -> Facts:
        index = facts.get("index", 0)
        if type(index) is not int:
            raise unparsable("index is a whole number")
        who, message = self._who(request), str(facts.get("message_id"))
        return dict(person.press(self._world, who, message, index, _to(request)))

    def _transfer(self, request: web.Request, facts: Facts) -> Facts:
        to = str(facts.get("to") or self._world.bot().user_id)
        words = {name: str(facts.get(name, "")) for name in ("asset_id", "amount", "memo", "trace")}
        return dict(wallet.transfer(self._world, self._who(request), to, **words))

    def _read(self, request: web.Request, facts: Facts) -> Facts:
        read = person.read_all(self._world, self._who(request))
        self._server.hub.tell(read)
        return {"read": len(read)}

    def _switch_on(self, request: web.Request, facts: Facts) -> Facts:
        try:
            return {"number": self._server.faults.switch_on(facts).number}
        except ValueError as e:
            raise unparsable(str(e)) from e

    def _rails(self) -> Facts:
        state = self._world.state
        return {
            "departures": [asdict(departure) for departure in state.departures],
            "arrivals": [asdict(arrival) for arrival in state.arrivals],
            "mishaps": self._world.mishaps.shown(),
            "other": self._server.courier.other,
        }

    def _see(self, request: web.Request, facts: Facts) -> Facts:
        try:
            for seen in map(crossing_from, facts.get("crossings", ())):
                crossings.see(self._world, seen)
        except (ValueError, TypeError) as e:
            raise unparsable(str(e)) from e
        return {}

    def _join(self, request: web.Request, facts: Facts) -> Facts:
        self._server.courier.other = str(facts.get("url", ""))
        return {}

    def _change_mishaps(self, request: web.Request, facts: Facts) -> Facts:
        try:
            self._world.mishaps.change(facts)
        except ValueError as e:
            raise unparsable(str(e)) from e
        return self._world.mishaps.shown()

    def _halve(self, request: web.Request, facts: Facts) -> Facts:
        self._world.halve_pairs = int(facts.get("times", 1))
        return {}

    def _change_asset(self, asset_id: str, facts: Facts) -> Facts:
        asset = assets.get_asset(self._world, asset_id)
        fees = {name: str(facts.pop(name)) for name in ("fee_amount", "fee_asset_id") if name in facts}
        self._world.state.assets.change(asset, **fees, details={**asset.details, **facts})
        return {}

    async def clear_faults(self, request: web.Request) -> web.Response:
        def clear() -> Facts:
            _same_origin(request)
            self._server.faults.clear()
            return {}

        return self._told(clear)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Say "something changed" until the page goes away."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        with self._server.hub.watching() as news, contextlib.suppress(ConnectionError):
            while True:
                news.clear()
                await response.write(b"data: {}\n\n")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await news.wait()
                await asyncio.sleep(0.03)  # many changes, one event
        return response


def _to(request: web.Request) -> str:
    """Return the name of the bot that is meant, nothing for the one that matters most."""
    return request.query.get("bot", "")


def _facts(body: bytes) -> Facts:
    try:
        facts = json.loads(body or b"{}")
    except ValueError as e:
        raise unparsable(str(e)) from e
    if not isinstance(facts, dict):
        raise unparsable("an object is expected")
    return facts


def _same_origin(request: web.Request) -> None:
    """Refuse a deed that a foreign page asks a browser to do."""
    origin = request.headers.get("Origin")
    if origin and urlsplit(origin).netloc != request.host:
        raise forbidden("a page of another origin")
