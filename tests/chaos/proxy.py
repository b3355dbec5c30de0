"""A network that is not kind: forwards TCP, and drops, delays, resets and repeats when told to.

``python -m tests.chaos.proxy --control PORT --seed N --route NAME:LISTEN:TARGET …``. A process of its own, so
that it stands when what it stands between falls. ``POST /faults`` with ``{NAME: {"kind", "percent", "ms"}}``
replaces all faults; ``GET /counts`` tells how often each struck.
"""

import argparse
import asyncio
import contextlib
import json
import re
import socket
import struct
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from aiohttp import web

HOST = "127.0.0.1"
KINDS = frozenset({"drop", "delay", "reset", "duplicate"})

_CHUNK = 1 << 16
_REQUEST = re.compile(rb"(GET|POST|PUT|DELETE) ")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"
_ON_ITS_WAY_S = 0.01
_AT_ONCE = struct.pack("ii", 1, 0)  # no goodbye: a reset


@dataclass(frozen=True, slots=True)
class Fault:
    """What befalls so many per cent of the pieces that a client sends.

    ``drop``: that piece and all after it in either direction are swallowed, until the fault ends and the
    connection with it; ``delay``: every piece waits up to ``ms``, both ways; ``reset``: it arrives, and
    the connection is reset before an answer can; ``duplicate``: a whole HTTP request arrives twice.
    """

    kind: str
    percent: int = 100
    ms: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind}")


@dataclass(eq=False, slots=True)
class Line:
    """One connection through the proxy: a client's two ends and the server's."""

    route: "Route"
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    mute: bool = False
    _request: bytes = b""

    async def carry(self) -> None:
        """Carry both ways until one side ends; then the other ends too."""
        ways = [asyncio.create_task(self._up()), asyncio.create_task(self._down())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for _, writer in (self.client, self.server):
                writer.close()

    def abort(self) -> None:
        """Reset both sides."""
        for _, writer in (self.client, self.server):
            if writer.transport.is_closing():
                continue
            wire = writer.get_extra_info("socket")
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            writer.transport.abort()

    async def _up(self) -> None:
        while piece := await self.client[0].read(_CHUNK):
            fault = self.route.strikes()
            kind = fault.kind if fault else ""
            if fault and kind == "delay":
                await asyncio.sleep(self.route.wait_s(fault))
            self.mute |= kind == "drop"
            if self.mute:
                continue
            self.mute = kind == "reset"
            self.server[1].write(piece)
            await self.server[1].drain()
            if kind == "reset":
                await asyncio.sleep(_ON_ITS_WAY_S)
                self.abort()
                return
            await self._perhaps_again(piece, again=kind == "duplicate")

    async def _down(self) -> None:
        while piece := await self.server[0].read(_CHUNK):
            fault = self.route.fault
            if fault and fault.kind == "delay":
                await asyncio.sleep(self.route.wait_s(fault))
            if self.mute:
                continue
            self.client[1].write(piece)
            await self.client[1].drain()

    async def _perhaps_again(self, piece: bytes, *, again: bool) -> None:
        """Gather one request's pieces; let it, once whole, arrive again over its own connection."""
        if _REQUEST.match(piece):
            self._request = piece
        elif self._request:
            self._request += piece
        if self._request and is_whole(self._request):
            whole, self._request = self._request, b""
            if again and b"upgrade: websocket" not in whole.lower():
                await self.route.send_apart(whole)


def is_whole(request: bytes) -> bool:
    """Tell whether an HTTP request has all of its body."""
    head, end, body = request.partition(_END_OF_HEAD)
    length = _LENGTH.search(head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


@dataclass(eq=False, slots=True)
class Route:
    """One way to one server, with the fault that is on now and the dice of its own."""

    name: str
    listen: int
    target: int
    dice: Random
    fault: Fault | None = None
    counts: Counter[str] = field(default_factory=Counter)
    lines: set[Line] = field(default_factory=set)

    def strikes(self) -> Fault | None:
        """Return the fault that befalls the next piece, if one does."""
        self.counts["pieces"] += 1
        if self.fault is None or self.dice.randrange(100) >= self.fault.percent:
            return None
        self.counts[self.fault.kind] += 1
        return self.fault

    def wait_s(self, fault: Fault) -> float:
        """Return how long one piece waits."""
        return self.dice.uniform(0, fault.ms / 1000)

    def change(self, fault: Fault | None) -> None:
        """Switch the fault; connections that it made mute end with it."""
        self.fault = fault
        for line in [line for line in self.lines if line.mute]:
            line.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one client's connection."""
        try:
            server = await asyncio.open_connection(HOST, self.target)
        except OSError:
            writer.transport.abort()
            return
        line = Line(self, (reader, writer), server)
        self.lines.add(line)
        try:
            await line.carry()
        finally:
            self.lines.discard(line)

    async def send_apart(self, request: bytes) -> None:
        """Send a request again over a connection of its own, and let nobody hear the answer."""
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection(HOST, self.target)
            writer.write(request)
            await asyncio.wait_for(reader.read(1), 5)
            writer.close()


def control_of(routes: Mapping[str, Route]) -> web.Application:
    """Return the address at which faults are switched."""

    async def change(request: web.Request) -> web.Response:
        wanted: dict[str, Any] = await request.json()
        faults = {name: Fault(**facts) for name, facts in wanted.items()}
        if unknown := faults.keys() - routes.keys():
            return web.json_response({"error": f"no route {unknown}"}, status=400)
        for name, route in routes.items():
            route.change(faults.get(name))
        return web.json_response({})

    async def counts(request: web.Request) -> web.Response:
        return web.json_response({name: dict(route.counts) for name, route in routes.items()})

    app = web.Application()
    app.add_routes([web.post("/faults", change), web.get("/counts", counts)])
    return app


async def serve(control: int, routes: Mapping[str, Route]) -> None:
    """Serve until killed."""
    for route in routes.values():
        await asyncio.start_server(route.serve, HOST, route.listen)
    runner = web.AppRunner(control_of(routes), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, control).start()
    sys.stdout.write(json.dumps({"ready": True, "urls": {}}) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--control", type=int, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--route", action="append", required=True)
    asked = parser.parse_args()
    routes = {}
    for words in asked.route:
        name, listen, target = words.split(":")
        routes[name] = Route(name, int(listen), int(target), Random(f"{asked.seed}:{name}"))
    asyncio.run(serve(asked.control, routes))


if __name__ == "__main__":
    main()
