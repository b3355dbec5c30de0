"""Open sockets: Blaze connections of sessions, and the pages that watch a person."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from aiohttp import WSMsgType, web

from adapters.mixin.codec.frames import pack_frame, unpack_frame
from sandbox.mixin.core import rows
from sandbox.mixin.core.blaze import Blaze, Frame, receipt
from sandbox.mixin.core.world import World
from sandbox.mixin.faults import Faults
from sandbox.mixin.store import Store

PING_S = 10.0
LOOK_S = 0.5
LARGEST_FRAME = 1024 * 1024

log = logging.getLogger("sandbox.mixin")


class Hub:
    """Who is connected. Every change of the world wakes all of them; each looks for what is its own."""

    def __init__(self, world: World, store: Store, faults: Faults) -> None:
        self._world = world
        self._store = store
        self._faults = faults
        self._lines: dict[str, _Line] = {}
        self._watchers: set[asyncio.Event] = set()

    def wake(self) -> None:
        """Tell every connection that something may have changed."""
        for event in (*self._watchers, *(line.news for line in self._lines.values())):
            event.set()

    def tell(self, messages: list[rows.Message]) -> None:
        """Send receipts to the senders who are connected; others miss them."""
        for message in messages:
            line = self._lines.get(message.sender_id)
            if line:
                line.extra.append(receipt(message))
                line.news.set()

    def connected(self) -> list[str]:
        return sorted(self._lines)

    def cut(self) -> int:
        """Close every Blaze socket without a word; return how many there were."""
        lines = list(self._lines.values())
        for line in lines:
            line.abort()
        return len(lines)

    @contextlib.contextmanager
    def watching(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever the world may have changed."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)

    async def serve(self, request: web.Request, user_id: str) -> web.WebSocketResponse:
        """Speak Blaze until the socket ends; a newer connection of the same user ends the older."""
        socket = web.WebSocketResponse(protocols=["Mixin-Blaze-1"], autoping=True, max_msg_size=LARGEST_FRAME)
        await socket.prepare(request)
        old = self._lines.get(user_id)
        if old:
            old.abort()
        line = self._lines[user_id] = _Line(request, socket, Blaze(self._world, user_id))
        pushing = asyncio.create_task(self._push(line))
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    await self._hear(line, message.data)
        finally:
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)
            if self._lines.get(user_id) is line:
                del self._lines[user_id]
        return socket

    async def _hear(self, line: "_Line", data: bytes) -> None:
        try:
            frame = unpack_frame(data)
        except ValueError as e:
            log.warning("blaze frame refused: %s", e)
            return
        with self._store.unit():
            reply = line.blaze.receive(frame)
        if "error" in reply:
            log.warning("blaze %s refused: %s", reply["action"], reply["error"])
        await line.send([reply])

    async def _push(self, line: "_Line") -> None:
        """Send what is due, ping every ten seconds, until cancelled."""
        loop = asyncio.get_running_loop()
        ping_at = loop.time() + PING_S
        with contextlib.suppress(ConnectionError):
            while True:
                if loop.time() >= ping_at:
                    await line.socket.ping()
                    ping_at = loop.time() + PING_S
                extra, line.extra = line.extra, []
                due = line.blaze.due()
                await line.send([*extra, *self._doubled(due)])
                if not due:
                    await line.rest(LOOK_S)

    def _doubled(self, frames: list[Frame]) -> list[Frame]:
        doubled = []
        for frame in frames:
            doubled += [frame, frame] if self._faults.strike("PUSH", "duplicate_push") else [frame]
        return doubled


class _Line:
    """One Blaze connection."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, blaze: Blaze) -> None:
        self._transport = request.transport
        self.socket = socket
        self.blaze = blaze
        self.news = asyncio.Event()
        self.extra: list[Frame] = []

    async def send(self, frames: list[Frame]) -> None:
        for frame in frames:
            await self.socket.send_bytes(pack_frame(frame))

    async def rest(self, longest_s: float) -> None:
        """Sleep until there is news, or for this long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self.news.wait()
        self.news.clear()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()
