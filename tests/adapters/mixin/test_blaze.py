"""Blaze against the sandbox's Mixin, and against servers that misbehave."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiohttp import web

from adapters.mixin.blaze import Blaze
from adapters.mixin.codec.frames import pack_frame, unpack_frame
from adapters.mixin.codec.ids import conversation_id, unique_id
from adapters.mixin.codec.signing import Request, read_claims
from adapters.mixin.http import MixinHttp
from adapters.mixin.keystore import Keystore
from bot.events import Event, Message, Payment, Unsupported
from domain.errors import Unavailable
from domain.secrets import Secret
from sandbox.world import USDT
from tests.adapters.mixin.conftest import Mixin
from tests.clocks import WallClock


class Desk:
    """Takes events in, as the bot's reception does."""

    def __init__(self, mixin: Mixin) -> None:
        self._owner_id = mixin.owner_id  # whose payments every world begins with
        self.events: list[Event] = []
        self.refusals = 0
        self.arrived = asyncio.Event()

    async def receive(self, events: list[Event]) -> int:
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("store_unavailable")
        self.events += [event for event in events if event.sender_id != self._owner_id]
        self.arrived.set()
        return len(events)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(15):
            while len(self.events) < count:
                self.arrived.clear()
                await self.arrived.wait()


@asynccontextmanager
async def listening(mixin: Mixin, desk: Desk) -> AsyncIterator[Blaze]:
    blaze = Blaze(mixin.base.replace("http", "ws") + "/", mixin.http, WallClock(), desk.receive)
    task = asyncio.create_task(blaze.run())
    try:
        yield blaze
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_message_arrives_once_and_is_acknowledged(mixin: Mixin) -> None:
    desk = Desk(mixin)
    async with listening(mixin, desk):
        await mixin.post("people/Alice/say", text="hello 你好")
        await desk.until(1)
        await asyncio.sleep(0.3)
    async with listening(mixin, desk):
        await mixin.post("people/Bob/say", text="second")
        await desk.until(2)
        await asyncio.sleep(0.3)
    texts = [event.text for event in desk.events if isinstance(event, Message)]
    assert texts == ["hello 你好", "second"]


async def test_message_that_was_not_taken_in_comes_again(mixin: Mixin) -> None:
    desk = Desk(mixin)
    desk.refusals = 1
    await mixin.post("people/Alice/say", text="keep me")
    async with listening(mixin, desk):
        await desk.until(1)
    assert [event.body for event in desk.events] == ["keep me"]


async def test_messages_of_a_time_without_us_are_all_delivered_in_order(mixin: Mixin) -> None:
    for number in range(120):
        await mixin.post("people/Alice/say", text=f"n{number}")
    desk = Desk(mixin)
    async with listening(mixin, desk):
        await desk.until(120)
    assert [event.body for event in desk.events] == [f"n{number}" for number in range(120)]


async def test_connection_that_is_cut_comes_back(mixin: Mixin) -> None:
    desk = Desk(mixin)
    async with listening(mixin, desk):
        await mixin.post("people/Alice/say", text="before")
        await desk.until(1)
        await mixin.post("cut")
        await mixin.post("people/Alice/say", text="after")
        await desk.until(2)
    assert [event.body for event in desk.events][-1] == "after"


async def test_sticker_and_payment_are_events_too(mixin: Mixin) -> None:
    desk = Desk(mixin)
    async with listening(mixin, desk):
        data = base64.b64encode(b'{"sticker_id":"x"}').decode()
        await mixin.post("people/Alice/say", text="", category="PLAIN_STICKER", data_base64=data)
        await desk.until(1)
        await mixin.post("people/Alice/transfer", asset_id=USDT, amount="3")
        await desk.until(2)
    assert [event.kind for event in desk.events] == [Unsupported.kind, Payment.kind]


async def test_message_pushed_twice_and_not_acknowledged_comes_again_and_is_taken_in_each_time(
    mixin: Mixin,
) -> None:
    desk = Desk(mixin)
    await mixin.post("faults", kind="duplicate_push", match="PUSH", times=50)
    await mixin.post("faults", kind="500", match="POST /acknowledgements", times=4)
    await mixin.post("people/Alice/say", text="again")
    async with listening(mixin, desk):
        await desk.until(3)
    assert {event.key for event in desk.events} == {desk.events[0].key}


async def test_bug_in_the_store_neither_ends_the_loop_nor_loses_the_message(mixin: Mixin) -> None:
    desk = Desk(mixin)
    take_in, broken = desk.receive, [True]

    async def receive(events: list[Event]) -> int:
        if broken.pop() if broken else False:
            raise ZeroDivisionError
        return await take_in(events)

    desk.receive = receive  # type: ignore[method-assign]  # the bug
    await mixin.post("people/Alice/say", text="poison")
    async with listening(mixin, desk):
        await desk.until(1)


async def test_backlog_of_a_thousand_is_taken_in_within_seconds(mixin: Mixin) -> None:
    async def say(number: int) -> None:
        await mixin.post("people/Alice/say", text=f"n{number}")

    for start in range(0, 1000, 50):
        await asyncio.gather(*(say(number) for number in range(start, start + 50)))
    desk = Desk(mixin)
    async with listening(mixin, desk), asyncio.timeout(10):  # MS11: at least 100 a second
        await desk.until(1000)
    assert len({event.key for event in desk.events}) == 1000


KEYS = Keystore(
    "6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10",
    "2b8d0c1a-7f0e-4a57-8e0c-5d2b8a6f9c31",
    Secret(bytes(32)),
    bytes(32),
)
ALICE = "0c2f0000-0000-4000-8000-000000000001"


class Odd:
    """A server that says to each connection what a test wants said, and notes what it hears."""

    def __init__(self, *scripts: list[Any]) -> None:
        self.scripts = list(scripts)
        self.tokens: list[str] = []
        self.heard: list[dict[str, Any]] = []
        self.acknowledged: list[str] = []
        self.base = ""

    async def blaze(self, request: web.Request) -> web.StreamResponse:
        self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        script: list[Any] = self.scripts.pop(0) if self.scripts else [401]
        if script == [401]:
            return web.Response(status=401)
        socket = web.WebSocketResponse(protocols=["Mixin-Blaze-1"])
        await socket.prepare(request)
        asked = unpack_frame(await socket.receive_bytes())
        self.heard.append(asked)
        for said in script:
            match said:
                case str():
                    await socket.send_str(said)
                case bytes():
                    await socket.send_bytes(said)
                case _:
                    await socket.send_bytes(
                        pack_frame(said | ({"id": asked["id"]} if "reply" in said else {}))
                    )
        await asyncio.sleep(0.1)
        return socket

    async def acknowledge(self, request: web.Request) -> web.Response:
        acks = await request.json()
        if any(ack["message_id"].startswith("bad0") for ack in acks):
            return web.json_response({"error": {"code": 10002}}, status=202)
        self.acknowledged += [ack["message_id"] for ack in acks if ack["status"] == "READ"]
        return web.json_response({})


def pushed(message_id: str, **more: Any) -> dict[str, Any]:
    data = {
        "user_id": ALICE,
        "conversation_id": conversation_id(ALICE, KEYS.app_id),
        "message_id": message_id,
        "category": "PLAIN_TEXT",
        "data": "aGk=",
        **more,
    }
    return {"id": unique_id("push"), "action": "CREATE_MESSAGE", "data": data}


class Restless(WallClock):
    """A clock on which nobody waits, and which remembers how long they wanted to."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


async def play(odd: Odd, rounds: int) -> tuple[list[Event], list[float]]:
    """Let a client listen to an odd server for so many connections; return its events and its pauses."""
    app = web.Application()
    app.router.add_get("/", odd.blaze)
    app.router.add_post("/acknowledgements", odd.acknowledge)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    events: list[Event] = []

    async def receive(some: list[Event]) -> None:
        events.extend(some)

    clock, http = Restless(), MixinHttp(base, KEYS, WallClock())
    task = asyncio.create_task(Blaze(base.replace("http", "ws"), http, clock, receive).run())
    try:
        async with asyncio.timeout(10):
            while len(clock.waits) < rounds:
                await asyncio.sleep(0.01)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await http.close()
        await runner.cleanup()
    return events, clock.waits


async def test_each_connection_asks_for_what_waits_with_a_fresh_token() -> None:
    odd = Odd([], [])
    await play(odd, 2)
    assert [frame["action"] for frame in odd.heard[:2]] == ["LIST_PENDING_MESSAGES"] * 2
    claims = [read_claims(token) for token in odd.tokens[:2]]
    assert claims[0]["jti"] != claims[1]["jti"]
    assert {claim["sig"] for claim in claims} == {Request("GET", "/").digest}


async def test_frames_that_cannot_be_read_do_not_stop_the_next_one() -> None:
    good = unique_id("good")
    odd = Odd([b"noise", "text", pack_frame({"action": "CREATE_MESSAGE"}), {"error": "odd"}, pushed(good)])
    events, _ = await play(odd, 1)
    assert [event.message_id for event in events] == [good]
    assert odd.acknowledged == [good]


async def test_our_own_and_nameless_messages_are_acknowledged_and_not_taken_in() -> None:
    ours, nameless = unique_id("ours"), unique_id("nameless")
    odd = Odd([pushed(ours, user_id=KEYS.app_id), pushed(nameless, user_id="?"), pushed("?")])
    events, _ = await play(odd, 1)
    assert events == []
    assert odd.acknowledged == [ours, nameless]


async def test_acknowledgement_that_is_refused_does_not_stop_the_next_one() -> None:
    bad, good = "bad00000-0000-4000-8000-000000000000", unique_id("good")
    odd = Odd([pushed(bad)], [pushed(good)])
    events, _ = await play(odd, 2)
    assert [event.message_id for event in events] == [bad, good]
    assert odd.acknowledged == [good]


async def test_server_that_does_not_want_us_is_left_alone_for_a_while() -> None:
    wrong_key = {"action": "ERROR", "error": {"code": 401}}
    too_old = {"action": "ERROR", "error": {"code": 10006}}
    _, waits = await play(Odd([401], [wrong_key], [too_old]), 3)
    assert waits[:3] == [30.0, 30.0, 30.0]


async def test_list_that_is_refused_is_asked_for_again_on_a_new_connection() -> None:
    refused = {"reply": True, "error": {"code": 7000}}
    odd = Odd([refused], [refused], [pushed(unique_id("late"))])
    events, waits = await play(odd, 3)
    assert len(events) == 1
    assert all(1 <= wait <= 30 for wait in waits)


async def test_pauses_grow_while_nothing_works_and_are_spread() -> None:
    failing = Odd(*([{"reply": True, "error": {"code": 7000}}] for _ in range(12)))
    _, waits = await play(failing, 12)
    assert max(waits[:2]) <= 4
    assert max(waits) > 4
    assert len(set(waits[:12])) == 12
