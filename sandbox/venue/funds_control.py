"""The sandbox's own addresses for coins that come and go. For tests, the other far side, and the curious.

GET `/sandbox/funds`: everything.

POST `/sandbox/…`

- `funds/habits`, `rails/mishaps`: those named are changed, all others are the usual ones.
- `funds/withdrawals/{number}` `{"stage"}`: what somebody at the venue decides; `done`, with a `chain_hash`,
  lets a chain carry it at once.
- `funds/addresses` `{"account", "network"}`: another address from now on.
- `funds/strays/{hash}` `{"account"}`: support finds whose coins they are.
- `rails` `{"crossings"}`: what a chain shows. `rails/other` `{"url"}`: who is told what this side sends.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox.rails.courier import Courier
from sandbox.rails.crossing import Departure, crossing_from
from sandbox.venue.funds import Declined, Stage
from sandbox.venue.venue import Venue

Json = dict[str, Any]


class FundsControl:
    """`/sandbox/funds…` and `/sandbox/rails…`."""

    def __init__(self, venue: Venue, courier: Courier[Departure]) -> None:
        self._venue, self._courier = venue, courier

    def add_to(self, app: web.Application) -> None:
        """Serve the addresses."""
        app.router.add_get("/sandbox/funds", self.show)
        acts: dict[str, Callable[[web.Request, Json], Json]] = {
            "/sandbox/funds/habits": self._change_habits,
            "/sandbox/funds/withdrawals/{number}": self._decide,
            "/sandbox/funds/addresses": self._renew,
            "/sandbox/funds/strays/{hash}": self._recover,
            "/sandbox/rails": self._see,
            "/sandbox/rails/other": self._join,
            "/sandbox/rails/mishaps": self._change_mishaps,
        }
        for path, act in acts.items():
            app.router.add_post(path, _acting(act))

    async def show(self, request: web.Request) -> web.Response:
        """Tell everything."""
        return web.json_response(self._venue.funds.shown() | {"other": self._courier.other})

    def _change_habits(self, request: web.Request, facts: Json) -> Json:
        self._venue.funds.habits.change(facts)
        return self._venue.funds.habits.shown()

    def _change_mishaps(self, request: web.Request, facts: Json) -> Json:
        self._venue.funds.mishaps.change(facts)
        return self._venue.funds.mishaps.shown()

    def _decide(self, request: web.Request, facts: Json) -> Json:
        number, stage = int(request.match_info["number"]), Stage(facts["stage"])
        if stage is Stage.DONE:
            name = str(facts["chain_hash"])
            return asdict(self._venue.move(lambda now_ms: self._venue.funds.carry(number, name, now_ms)))
        return asdict(self._venue.move(lambda now_ms: self._venue.funds.decide(number, stage, now_ms)))

    def _renew(self, request: web.Request, facts: Json) -> Json:
        account, network = str(facts["account"]), str(facts["network"])
        return asdict(self._venue.move(lambda _: self._venue.funds.renew_address(account, network)))

    def _recover(self, request: web.Request, facts: Json) -> Json:
        name, account = request.match_info["hash"], str(facts["account"])
        self._venue.move(lambda now_ms: self._venue.funds.recover(name, account, now_ms))
        return {}

    def _see(self, request: web.Request, facts: Json) -> Json:
        seen = [crossing_from(each) for each in facts["crossings"]]

        def see_all(now_ms: int) -> None:
            for crossing in seen:
                self._venue.funds.see(crossing, now_ms)

        self._venue.move(see_all)
        return {}

    def _join(self, request: web.Request, facts: Json) -> Json:
        self._courier.other = str(facts["url"])
        return {}


def _acting(act: Callable[[web.Request, Json], Json]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def acted(request: web.Request) -> web.Response:
        try:
            return web.json_response(act(request, json.loads(await request.text() or "{}")))
        except (ValueError, KeyError, TypeError, Declined) as e:
            return web.json_response({"error": str(e)}, status=400)

    return acted
