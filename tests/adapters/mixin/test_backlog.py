"""MS11: what came while we were away is ours, then acknowledged a hundred at a time, fast enough."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from adapters.db.chat import PostgresInbox
from adapters.db.store import PostgresStore
from adapters.mixin.blaze import Blaze
from adapters.mixin.codec.frames import pack_frame, unpack_frame
from adapters.mixin.codec.ids import conversation_id
from adapters.mixin.http import MixinHttp
from adapters.mixin.keystore import Keystore
from bot.events import Event
from domain.secrets import Secret
from tests.clocks import WallClock

MANY, PEOPLE = 10_000, 200
KEYS = Keystore(
    "6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10",
    "2b8d0c1a-7f0e-4a57-8e0c-5d2b8a6f9c31",
    Secret(bytes(32)),
    bytes(32),
)


def frame(number: int) -> bytes:
    person = f"0c2f0000-0000-4000-8000-{number % PEOPLE:012d}"
    data = {
        "user_id": person,
        "conversation_id": conversation_id(person, KEYS.app_id),
        "message_id": f"77aa0000-0000-4000-8000-{number:012d}",
        "category": "PLAIN_TEXT",
        "data": "L3dpdGhkcmF3",
        "created_at": "2026-03-01T09:30:00Z",
    }
    return pack_frame({"id": data["message_id"], "action": "CREATE_MESSAGE", "data": data})


@dataclass
class Backlog:
    """A Mixin with ten thousand messages for us, which it pushes as fast as we read."""

    acknowledged: list[str] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def blaze(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["Mixin-Blaze-1"])
        await socket.prepare(request)
        unpack_frame(await socket.receive_bytes())
        for number in range(MANY):
            await socket.send_bytes(frame(number))
        await self.done.wait()
        return socket

    async def acknowledge(self, request: web.Request) -> web.Response:
        acks = await request.json()
        self.calls.append(len(acks))
        self.acknowledged += [ack["message_id"] for ack in acks]
        if len(self.acknowledged) == MANY:
            self.done.set()
        return web.json_response({})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/", self.blaze)
        app.router.add_post("/acknowledgements", self.acknowledge)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def test_backlog_of_ten_thousand_is_ours_before_it_is_acknowledged(store: PostgresStore) -> None:
    mixin, inbox, clock, kept = Backlog(), PostgresInbox(store), WallClock(), 0

    async def receive(events: list[Event]) -> None:
        nonlocal kept
        kept += await inbox.add(events, clock.now())
        assert kept >= len(mixin.acknowledged) + len(events), "acknowledged before it was ours"

    async with mixin.serving() as base:
        http = MixinHttp(base, KEYS, clock)
        began = time.monotonic()
        task = asyncio.create_task(Blaze(base.replace("http", "ws"), http, clock, receive).run())
        try:
            async with asyncio.timeout(30):
                await mixin.done.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await http.close()
    a_second = MANY / (time.monotonic() - began)
    print(f"{a_second:.0f} messages a second in {len(mixin.calls)} acknowledgements")  # noqa: T201 - the figure
    assert a_second >= 100
    assert max(mixin.calls) <= 100
    assert len(mixin.calls) < MANY / 50, "a call for each few would be too many"
    assert len(set(mixin.acknowledged)) == MANY
    [row] = await store.fetch("SELECT count(*) AS kept FROM inbox WHERE state = 'pending'")
    assert row["kept"] == MANY
