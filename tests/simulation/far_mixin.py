"""Mixin as the far side: the sandbox's core, reached by the production adapters without a socket."""

import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp
import yarl

from adapters.db.ambient import assert_outside_transaction
from adapters.mixin.blaze import Blaze
from adapters.mixin.http import MixinHttp
from adapters.mixin.keystore import Keystore
from domain.errors import MrMarketError
from domain.ports.clock import Clock
from sandbox.mixin.core import api, blaze, genesis, person, rows, wallet
from sandbox.mixin.core.calls import Request
from sandbox.mixin.core.settle import settle
from sandbox.mixin.core.world import SECOND, Settings, State, World
from tests.simulation.swarm import Weather
from tests.simulation.turns import Turns

_LISTEN_S = 0.5


class FarMixin:
    """One Mixin that outlives every process of ours."""

    def __init__(
        self, facts: Mapping[str, Any], now_ns: Callable[[], int], seed: int, weather: Weather
    ) -> None:
        entropy = random.Random(f"mixin {seed}")
        self.world = World(State(), now_ns, entropy.randbytes, Settings(settle_ns=SECOND // 2))
        self.weather = weather
        self._shown: dict[
            str, tuple[dict[int, dict[str, Any]], int]
        ] = {}  # messages by place, and what is new
        genesis.begin(self.world, dict(facts))
        self.commit()

    def commit(self) -> None:
        """Settle what is due, and let go of the past."""
        settle(self.world)
        self.world.state.journal.forget()

    def answer(self, request: Request) -> api.Answer:
        """Carry out one call of the API."""
        self.commit()
        told = api.answer(self.world, request)
        self.commit()
        return told

    # What people do, and what a judge may look at.

    def says(self, who: str, text: str, **more: Any) -> None:
        """Let a person type something to the bot."""
        person.say(self.world, person.find(self.world, who), {"text": text, **more})
        self.commit()

    def transfers(self, who: str, asset_id: str, amount: str, memo: str = "") -> None:
        """Let a person pay the bot without a link."""
        wallet.transfer(
            self.world, person.find(self.world, who), self.world.bot().user_id, asset_id, amount, memo
        )
        self.commit()

    def pays(self, who: str, link: str) -> str:
        """Let a person pay a link; return what the sheet says."""
        said = wallet.pay(self.world, person.find(self.world, who), link, {})["status"]
        self.commit()
        return said

    def messages(self, who: str) -> list[dict[str, Any]]:
        """Return what a person sees of the conversation, oldest first."""
        self.commit()
        shown, version = self._shown.get(who, ({}, 0))
        new = person.history(self.world, person.find(self.world, who), version)
        shown = shown | {message["sequence"]: message for message in new["messages"]}
        self._shown[who] = shown, new["version"]
        return [shown[sequence] for sequence in sorted(shown)]

    def purse(self, who: str) -> dict[str, Decimal]:
        """Return what a person's own wallet holds, by asset."""
        self.commit()
        return {
            b["asset_id"]: Decimal(b["amount"])
            for b in wallet.balances(self.world, person.find(self.world, who))
        }

    def unspent_of_bot(self) -> dict[str, Decimal]:
        """Return what the bot's wallet holds, by asset."""
        self.commit()
        held: dict[str, Decimal] = {}
        for output in self.world.state.outputs.by("receiver", self.world.bot().user_id):
            if output.state != rows.SPENT:
                held[output.asset_id] = held.get(output.asset_id, Decimal(0)) + Decimal(output.units) / 10**8
        return held

    def received_by_bot(self) -> dict[tuple[str, str], Decimal]:
        """Return what each single sender has paid to the bot, by sender and asset."""
        received: dict[tuple[str, str], Decimal] = {}
        for output in self.world.state.outputs.by("receiver", self.world.bot().user_id):
            if len(output.senders) == 1:
                key = output.senders[0], output.asset_id
                received[key] = received.get(key, Decimal(0)) + Decimal(output.units) / 10**8
        return received

    def payments_of_bot(self) -> list[rows.Transaction]:
        """Return every transaction that the bot has sent."""
        bot = self.world.bot().user_id
        return [t for t in self.world.state.transactions if t.user_id == bot]


@dataclass
class _Body:
    """The bytes of an answer, as aiohttp gives them."""

    body: bytes

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self.body


@dataclass
class _Response:
    """What MixinHttp reads of an answer."""

    status: int
    headers: Mapping[str, str]
    content: _Body


@dataclass
class _Wire:
    """A session whose requests go to the core, through boundaries and weather."""

    far: FarMixin
    turns: Turns
    clock: Clock
    closed: bool = field(default=False)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        url: yarl.URL,
        *,
        data: bytes | None,
        headers: Mapping[str, str],
        allow_redirects: bool,
    ) -> AsyncIterator[_Response]:
        assert_outside_transaction()
        number, words = self.turns.call(), f"{method} {_form(url.path)}"
        weather = self.far.weather
        await self.turns.boundary(number, f"before {words}")
        if weather.strikes(weather.lost_request):
            raise aiohttp.ServerDisconnectedError
        if weather.strikes(weather.busy):
            yield _Response(500, {}, _Body(b"busy"))
            return
        told = self.far.answer(
            Request(
                method, url.raw_path_qs, {name.lower(): value for name, value in headers.items()}, data or b""
            )
        )
        if method != "GET":
            self.turns.leaves_an_effect(words)
        if wait_s := weather.wait_s():
            await self.clock.sleep(wait_s)
        if method != "GET" or weather.strikes(weather.late_reads):
            await self.turns.boundary(number, f"after {words}")
        if weather.strikes(weather.lost_answer):
            raise aiohttp.ServerDisconnectedError
        yield _Response(told.status, told.headers, _Body(told.body))

    async def close(self) -> None:
        self.closed = True


class SimulatedHttp(MixinHttp):
    """The production client, but for its socket and its jitter."""

    def __init__(
        self, far: FarMixin, keystore: Keystore, clock: Clock, turns: Turns, dice: random.Random
    ) -> None:
        super().__init__("http://mixin", keystore, clock, new_request_id=lambda: dice.randbytes(16).hex())
        self._wire = _Wire(far, turns, clock)

    def _open(self) -> Any:  # the part of a session that MixinHttp uses
        return self._wire


async def listen(far: FarMixin, blaze_of_ours: Blaze, turns: Turns, clock: Clock) -> None:
    """Be the bot's Blaze connection: push what is due, and dial again after a failure."""
    bot = far.world.bot().user_id
    while True:
        line = blaze.Blaze(far.world, bot)
        line.receive({"id": "listing", "action": "LIST_PENDING_MESSAGES"})
        far.commit()
        try:
            while True:
                await turns.boundary(turns.call(), "push")
                due = [frame["data"] for frame in line.due()]
                due += [data for data in due if far.weather.strikes(far.weather.doubled)]
                if far.weather.stormy:
                    far.weather.dice.shuffle(due)
                if due:
                    await blaze_of_ours._keep_batch(due)
                await clock.sleep(_LISTEN_S)
        except MrMarketError:
            await clock.sleep(1.0)


def text_of(message: Mapping[str, Any]) -> str:
    """Return what a message shows, buttons and cards included."""
    parts = (message.get(name) for name in ("text", "buttons", "card"))
    return " ".join(
        part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts if part
    )


def _form(path: str) -> str:
    """Return a path without the ids in it: boundaries of one kind bear one name."""
    return "/".join("…" if len(part) >= 32 else part for part in path.split("/"))
