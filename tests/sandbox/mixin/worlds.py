"""A small world with keys from the vectors' shape, and a client that speaks the protocol itself."""

import base64
import json
import random
import uuid
from typing import Any

from adapters.mixin.codec.ids import b64url, conversation_id
from adapters.mixin.codec.signing import Request as Signed
from adapters.mixin.codec.signing import request_token
from sandbox.mixin.core import api, genesis
from sandbox.mixin.core.calls import Request
from sandbox.mixin.core.world import SECOND, Settings, State, World

BTC = "c6d0c728-2624-429b-8e0d-d9d19b6592fa"
ETH = "43d61dcd-e413-450d-80b8-101d5e903357"
USDT = "4d8c508b-91c5-375b-92b0-ee702ed2dac5"
START = 1_790_000_000

_dice = random.Random(2)


def name() -> str:
    """Return a fresh UUID."""
    return str(uuid.UUID(bytes=_dice.randbytes(16), version=4))


def _person(who: str, **facts: Any) -> dict[str, Any]:
    dice = random.Random(who)
    ids = {key: str(uuid.UUID(bytes=dice.randbytes(16), version=4)) for key in ("user_id", "session_id")}
    keys = ("session_private_key", "spend_private_key", "server_public_key")
    number = str(dice.randrange(10_000, 99_999))
    return (
        ids
        | {key: dice.randbytes(32).hex() for key in keys}
        | {"name": who, "identity_number": number}
        | facts
    )


BOT = _person("MrMarket")
ALICE = _person("Alice", language="en", balances={USDT: "10000", BTC: "0.5"})
BOB = _person("Bob", language="zh", balances={USDT: "250.5"})
OWNER = _person("Owner", language="en", balances={USDT: "50000", BTC: "3"})


def asset(asset_id: str, symbol: str, chain_id: str, price: str, **more: Any) -> dict[str, Any]:
    return {
        "asset_id": asset_id,
        "chain_id": chain_id,
        "symbol": symbol,
        "name": symbol,
        "price_usd": price,
        **more,
    }


def facts() -> dict[str, Any]:
    """Return what a world file holds."""
    return {
        "bot": {k: v for k, v in BOT.items() if k != "user_id"} | {"app_id": BOT["user_id"]},
        "people": [ALICE, BOB, OWNER],
        "assets": [
            asset(BTC, "BTC", BTC, "60000", name="Bitcoin"),
            asset(ETH, "ETH", ETH, "2500", name="Ethereum", fee={"asset_id": ETH, "amount": "0.0016"}),
            asset(USDT, "USDT", ETH, "1", name="Tether USD", fee={"asset_id": ETH, "amount": "0.0021"}),
        ],
        "payments": [{"from": "Owner", "asset_id": USDT, "amount": "5000", "memo": "float"}],
    }


class Time:
    """A clock that moves when told."""

    def __init__(self, seconds: int = START) -> None:
        self.ns = seconds * SECOND

    def __call__(self) -> int:
        return self.ns

    def pass_by(self, seconds: float) -> None:
        self.ns += int(seconds * SECOND)


def world(time: Time | None = None, state: State | None = None, seed: int = 1) -> World:
    """Return a world that has not begun."""
    return World(state or State(), time or Time(), random.Random(seed).randbytes, Settings())


def begun() -> World:
    """Return a world with everybody in it, and nothing left to save."""
    made = world()
    genesis.begin(made, facts())
    made.state.journal.forget()
    return made


class Refused(Exception):
    """The API said no."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error))
        self.code = error["code"]


def token(who: dict[str, Any], now: int, method: str, uri: str, body: bytes, request_id: str) -> str:
    return request_token(
        Signed(method, uri, body),
        who["user_id"],
        who["session_id"],
        bytes.fromhex(who["session_private_key"]),
        request_id,
        now,
        600,
    )


class Client:
    """One user's calls, straight into the core."""

    def __init__(self, world: World, who: dict[str, Any]) -> None:
        self.world = world
        self.who = who
        self.user_id = who["user_id"]

    def raw(self, method: str, uri: str, body: bytes = b"", **headers: str) -> api.Answer:
        request_id = name()
        now = self.world.clock() // SECOND
        given = {
            "authorization": f"Bearer {token(self.who, now, method, uri, body, request_id)}",
            "x-request-id": request_id,
        }
        return api.answer(self.world, Request(method, uri, given | headers, body))

    def call(self, method: str, uri: str, body: Any = None) -> Any:
        answer = self.raw(method, uri, b"" if body is None else json.dumps(body).encode())
        told = json.loads(answer.body)
        if "error" in told:
            raise Refused(told["error"])
        return told.get("data", {})

    def get(self, uri: str) -> Any:
        return self.call("GET", uri)

    def post(self, uri: str, body: Any) -> Any:
        return self.call("POST", uri, body)

    def message(
        self, to: dict[str, Any], data: bytes | str, category: str = "PLAIN_TEXT", **more: Any
    ) -> dict[str, Any]:
        content = data.encode() if isinstance(data, str) else data
        return {
            "conversation_id": conversation_id(self.user_id, to["user_id"]),
            "recipient_id": to["user_id"],
            "message_id": name(),
            "category": category,
            "data_base64": b64url(content),
            **more,
        }

    def meet(self, other: dict[str, Any]) -> None:
        pair = conversation_id(self.user_id, other["user_id"])
        people = [{"user_id": other["user_id"]}]
        self.post("/conversations", {"category": "CONTACT", "conversation_id": pair, "participants": people})


def text_of(message: dict[str, Any]) -> str:
    return base64.b64decode(message["data"]).decode()
