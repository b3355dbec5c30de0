"""Who listens to what: sockets of market streams and of accounts. Nothing here waits for a slow listener."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.venue.faults import Faults

PING_SECONDS = 20
BACKLOG = 20_000  # messages a socket may lag behind before it is dropped


@dataclass(eq=False, slots=True)
class Socket:
    """One WebSocket: what it asked for, and the messages on their way to it."""

    ws: web.WebSocketResponse
    transport: asyncio.Transport | None
    streams: set[str] = field(default_factory=set)
    accounts: dict[str, int] = field(default_factory=dict)  # account -> subscription id
    outbox: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(BACKLOG))

    def send(self, message: dict[str, Any]) -> None:
        """Put a message in the outbox; a listener that never reads is cut off."""
        if self.outbox.full():
            self.cut()
            return
        self.outbox.put_nowait(json.dumps(message, separators=(",", ":")))

    def cut(self) -> None:
        """Drop the connection without a word."""
        if self.transport is not None:
            self.transport.abort()

    async def write_out(self) -> None:
        """Send what is in the outbox, in order, until the socket closes."""
        while True:
            text = await self.outbox.get()
            try:
                await self.ws.send_str(text)
            except ConnectionError:
                return
            finally:
                self.outbox.task_done()


class Hub:
    """All sockets of the venue."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.sockets: set[Socket] = set()

    def listeners(self, stream: str) -> list[Socket]:
        """Return the sockets subscribed to a market stream."""
        return [socket for socket in self.sockets if stream in socket.streams]

    def tell_market(self, stream: str, event: dict[str, Any]) -> None:
        """Send a market event to its listeners."""
        for socket in self.listeners(stream):
            for _ in range(self._faults.copies()):
                socket.send(event)

    def tell_account(self, account: str, event: dict[str, Any]) -> None:
        """Send an account event, wrapped the way user data streams are."""
        for socket, subscription in self._owners(account):
            for _ in range(self._faults.copies()):
                socket.send({"subscriptionId": subscription, "event": event})

    async def flush(self) -> None:
        """Wait until everything sent so far is on its way; a socket that takes a second is not waited for."""
        if busy := [asyncio.create_task(s.outbox.join()) for s in self.sockets if not s.outbox.empty()]:
            _, late = await asyncio.wait(busy, timeout=1)
            for task in late:
                task.cancel()

    def cut_all(self) -> int:
        """Drop every connection; return how many there were."""
        for socket in list(self.sockets):
            socket.cut()
        return len(self.sockets)

    def _owners(self, account: str) -> Iterator[tuple[Socket, int]]:
        for socket in self.sockets:
            if account in socket.accounts:
                yield socket, socket.accounts[account]


async def serve_socket(
    hub: Hub, request: web.Request, hear: Callable[[Socket, str], None]
) -> web.WebSocketResponse:
    """Serve one socket until it closes; what it says is heard in order."""
    ws = web.WebSocketResponse(heartbeat=PING_SECONDS)
    await ws.prepare(request)
    socket = Socket(ws, request.transport)
    hub.sockets.add(socket)
    writer = asyncio.create_task(socket.write_out())
    try:
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                hear(socket, message.data)
    finally:
        hub.sockets.discard(socket)
        writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writer
    return ws
