"""Blaze: what people send, at least once, acknowledged only after it is ours (mixin.md §2)."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import structlog

from adapters.mixin.codec.frames import pack_frame, unpack_frame
from adapters.mixin.codec.signing import Request
from adapters.mixin.http import MixinHttp
from adapters.mixin.inbound import as_event
from bot.events import Event
from domain.errors import MrMarketError
from domain.ports.clock import Clock

log = structlog.get_logger()

Receive = Callable[[list[Event]], Awaitable[object]]
"""Makes events durable; when it returns they may be acknowledged."""

_HEARTBEAT_S = 10.0
_MOST_ACKS = 100
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_PAUSE_AFTER_401_S = 30.0


@dataclass(slots=True)
class Blaze:
    """The receiving side of the bot: one connection at a time, for ever."""

    url: str
    http: MixinHttp
    clock: Clock
    receive: Receive
    jitter: random.Random = field(default_factory=random.SystemRandom)
    connected: bool = False

    async def run(self) -> None:
        """Listen for ever; reconnect with growing pauses and a fresh token each time."""
        failures = 0
        async with aiohttp.ClientSession() as session:
            while True:
                pause_s = _SHORTEST_PAUSE_S
                try:
                    await self._listen(session)
                    failures = 0
                except aiohttp.WSServerHandshakeError as e:
                    failures += 1
                    pause_s = _PAUSE_AFTER_401_S if e.status == 401 else self._pause_s(failures)
                    log.warning("blaze refused us", status=e.status, pause_s=round(pause_s, 1))
                except (aiohttp.ClientError, TimeoutError, OSError, MrMarketError) as e:
                    failures += 1
                    pause_s = self._pause_s(failures)
                    log.info("blaze broke", error=type(e).__name__, reason=str(e), pause_s=round(pause_s, 1))
                finally:
                    self.connected = False
                await self.clock.sleep(pause_s)

    def _pause_s(self, failures: int) -> float:
        longest = min(_LONGEST_PAUSE_S, _SHORTEST_PAUSE_S * 2**failures)
        return self.jitter.uniform(_SHORTEST_PAUSE_S, longest)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        """Connect, ask for what waits, and take messages in until the connection ends."""
        token = self.http.token(Request("GET", "/"), str(uuid.uuid4()))
        async with session.ws_connect(
            self.url,
            protocols=("Mixin-Blaze-1",),
            headers={"Authorization": f"Bearer {token}"},
            heartbeat=_HEARTBEAT_S,
            max_msg_size=0,
        ) as socket:
            await socket.send_bytes(pack_frame({"id": str(uuid.uuid4()), "action": "LIST_PENDING_MESSAGES"}))
            self.connected = True
            log.info("blaze connected")
            arrived: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
            async with asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(self._keep(socket, arrived))
                await self._read(socket, arrived)
                await arrived.join()
                keeping.cancel()

    async def _read(
        self, socket: aiohttp.ClientWebSocketResponse, arrived: asyncio.Queue[dict[str, Any]]
    ) -> None:
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.BINARY:
                continue
            try:
                message = unpack_frame(frame.data)
            except ValueError as e:
                log.warning("blaze frame unreadable", reason=str(e))
                continue
            if error := message.get("error"):
                log.warning("blaze error", error=str(error)[:200])
            elif message.get("action") == "CREATE_MESSAGE" and isinstance(message.get("data"), dict):
                arrived.put_nowait(message["data"])

    async def _keep(
        self, socket: aiohttp.ClientWebSocketResponse, arrived: asyncio.Queue[dict[str, Any]]
    ) -> None:
        """Make what arrived durable, a batch at a time, and acknowledge it after that (MS4, MS11)."""
        while True:
            batch = [await arrived.get()]
            while len(batch) < _MOST_ACKS and not arrived.empty():
                batch.append(arrived.get_nowait())
            try:
                await self._keep_batch(batch)
            except MrMarketError as e:
                # Nothing is lost: what is not acknowledged comes again on the next connection.
                log.warning("messages not taken in", count=len(batch), reason=str(e))
                await socket.close()
            finally:
                for _ in batch:
                    arrived.task_done()

    async def _keep_batch(self, batch: list[dict[str, Any]]) -> None:
        now = self.clock.now()
        foreign = [data for data in batch if data.get("user_id") != self.http.app_id]
        events = [event for data in foreign if (event := as_event(data, now)) is not None]
        if events:
            await self.receive(events)
        acks = [{"message_id": str(data.get("message_id", "")), "status": "READ"} for data in batch]
        await self.http.ask("/acknowledgements", [ack for ack in acks if ack["message_id"]])
