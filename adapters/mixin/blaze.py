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
from adapters.mixin.inbound import as_event, id_of
from bot.events import Event
from domain.errors import MrMarketError, Refused, Unavailable
from domain.ports.clock import Clock

log = structlog.get_logger()

Receive = Callable[[list[Event]], Awaitable[object]]
"""Makes events durable; when it returns they may be acknowledged."""

_HEARTBEAT_S = 10.0
_CONNECT_S = 10.0
_MOST_ACKS = 100
_MOST_WAITING = 500
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_PAUSE_WHEN_UNWANTED_S = 30.0
_UNWANTED = frozenset({401, 10006})
"""Our keys, our clock or our age are wrong: dialling again at once would only hammer."""


class _UnwantedError(Exception):
    """The server does not take us as we are."""


@dataclass(slots=True)
class Blaze:
    """The receiving side of the bot: one connection at a time, for ever.

    Whatever goes wrong ends the connection; the next one begins with everything that was not acknowledged.
    """

    url: str
    http: MixinHttp
    clock: Clock
    receive: Receive
    jitter: random.Random = field(default_factory=random.SystemRandom)
    connected: bool = False
    _failures: int = 0

    async def run(self) -> None:
        """Listen for ever; reconnect with growing pauses and a fresh token each time."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                pause_s = await self._round(session)
                await self.clock.sleep(pause_s)

    async def _round(self, session: aiohttp.ClientSession) -> float:
        """Listen until the connection ends for whatever reason; return how long to wait before the next."""
        self._failures += 1
        try:
            await self._listen(session)
            reason = "closed"
        except _UnwantedError as e:
            log.critical("blaze refused us", reason=str(e), advice="check the clock, then the keystore")
            return _PAUSE_WHEN_UNWANTED_S
        except (aiohttp.ClientError, TimeoutError, OSError, MrMarketError) as e:
            reason = f"{type(e).__name__}: {e}"
        except Exception as e:  # the loop of this process: what was not stored comes again
            log.exception("messages not taken in")
            reason = type(e).__name__
        finally:
            self.connected = False
        pause_s = self._pause_s()
        log.warning("blaze disconnected", reason=reason, pause_s=round(pause_s, 1))
        return pause_s

    def _pause_s(self) -> float:
        longest = min(_LONGEST_PAUSE_S, _SHORTEST_PAUSE_S * 2.0 ** min(self._failures, 8))
        return self.jitter.uniform(_SHORTEST_PAUSE_S, longest)

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        """Connect, ask for what waits, and take messages in until the connection ends."""
        async with await self._dial(session) as socket:
            listing = str(uuid.uuid4())
            await socket.send_bytes(pack_frame({"id": listing, "action": "LIST_PENDING_MESSAGES"}))
            self.connected = True
            log.info("blaze connected")
            arrived: asyncio.Queue[dict[str, Any]] = asyncio.Queue(_MOST_WAITING)
            tasks = {
                asyncio.create_task(self._read(socket, listing, arrived)),
                asyncio.create_task(self._keep(arrived)),
            }
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()

    async def _dial(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        token = self.http.token(Request("GET", "/"), str(uuid.uuid4()))
        try:
            async with asyncio.timeout(_CONNECT_S):
                return await session.ws_connect(
                    self.url.rstrip("/") + "/",
                    protocols=("Mixin-Blaze-1",),
                    headers={"Authorization": f"Bearer {token}"},
                    heartbeat=_HEARTBEAT_S,
                    max_msg_size=0,
                )
        except aiohttp.WSServerHandshakeError as e:
            if e.status == 401:
                raise _UnwantedError("handshake answered with 401") from e
            raise

    async def _read(
        self,
        socket: aiohttp.ClientWebSocketResponse,
        listing: str,
        arrived: asyncio.Queue[dict[str, Any]],
    ) -> None:
        """Pass messages on until the socket closes; a full queue makes the server wait."""
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.BINARY:
                continue
            try:
                message = unpack_frame(frame.data)
            except ValueError as e:
                log.warning("blaze frame unreadable", reason=str(e))
                continue
            if message.get("error"):
                _judge(message, listing)
            elif message.get("action") == "CREATE_MESSAGE" and isinstance(message.get("data"), dict):
                await arrived.put(message["data"])

    async def _keep(self, arrived: asyncio.Queue[dict[str, Any]]) -> None:
        """Make what arrived durable, a batch at a time, and acknowledge it after that (MS4, MS11)."""
        while True:
            batch = [await arrived.get()]
            while len(batch) < _MOST_ACKS and not arrived.empty():
                batch.append(arrived.get_nowait())
            await self._keep_batch(batch)
            self._failures = 0

    async def _keep_batch(self, batch: list[dict[str, Any]]) -> None:
        now = self.clock.now()
        foreign = [data for data in batch if data.get("user_id") != self.http.app_id]
        events = [event for data in foreign if (event := as_event(data, now)) is not None]
        if len(events) < len(foreign):
            log.warning("messages without ids dropped", count=len(foreign) - len(events))
        if events:
            await self.receive(events)
        acks = [
            {"message_id": known, "status": "READ"} for data in batch if (known := id_of(data, "message_id"))
        ]
        try:
            if acks:
                await self.http.ask("/acknowledgements", acks)
        except Refused as e:  # they come again for a week, and are known
            log.warning("acknowledgement refused", reason=str(e))


def _judge(message: dict[str, Any], listing: str) -> None:
    """Go on after an error that concerns nothing of ours.

    Raises:
        _UnwantedError: we must not go on.
        Unavailable: our call for what waits failed.
    """
    error = message["error"]
    code = error.get("code") if isinstance(error, dict) else None
    if code in _UNWANTED:
        raise _UnwantedError(f"error {code}")
    if message.get("id") == listing:
        raise Unavailable("blaze_refused", error=str(error)[:200])
    log.warning("blaze reported an error", error=str(error)[:200])
