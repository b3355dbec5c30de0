"""The emulator as a process, and a client over the wire."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import yarl

from adapters.mixin.codec.frames import pack_frame, unpack_frame
from sandbox.mixin.core import genesis
from sandbox.mixin.core.world import SECOND, Settings, World
from sandbox.mixin.server import listen
from sandbox.mixin.store import Store
from tests.sandbox.mixin.worlds import BOT, Refused, facts, name, text_of, token


class Port(Protocol):
    """An emulator that listens, however it runs."""

    urls: dict[str, str]
    port: int


@dataclass
class Here:
    """An emulator in the test's own process: quick to start, and its lines are counted."""

    state: Path
    urls: dict[str, str] = field(default_factory=dict)
    port: int = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Here"]:
        store = Store(self.state)
        world = World(store.state, time.time_ns, os.urandom, Settings(settle_ns=SECOND // 20))
        with store.unit():
            genesis.begin(world, facts())
        runner, self.urls = await listen(world, store, "127.0.0.1", 0)
        self.port = yarl.URL(self.urls["api"]).port or 0
        yield self
        await runner.cleanup()
        store.close()


@dataclass
class Emulator:
    """A running process that can be killed and started again on the same state and port."""

    state: Path
    port: int = 0
    urls: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        world = self.state / "world.json"
        self.state.mkdir(exist_ok=True)
        world.write_text(json.dumps(facts()))
        options = ["--state", self.state, "--port", str(self.port), "--world", world, "--settle-ms", "50"]
        command = [sys.executable, "-m", "sandbox.mixin", *map(str, options)]
        with (self.state / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        assert self.process.stdout
        line = await asyncio.wait_for(self.process.stdout.readline(), 20)
        self.urls = json.loads(line)["urls"]
        self.port = yarl.URL(self.urls["api"]).port or 0

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 10)


class WireClient:
    """One user's calls over HTTP, and the control surface."""

    def __init__(self, emulator: Port, http: aiohttp.ClientSession, who: dict[str, Any] = BOT) -> None:
        self._emulator = emulator
        self._http = http
        self.who = who

    async def call(self, method: str, uri: str, body: Any = None) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        request_id = name()
        headers = {
            "Authorization": f"Bearer {token(self.who, int(time.time()), method, uri, data, request_id)}",
            "X-Request-Id": request_id,
        }
        url = yarl.URL(self._emulator.urls["api"] + uri, encoded=True)
        async with self._http.request(method, url, data=data, headers=headers) as response:
            if response.status not in {200, 202}:
                raise Refused({"code": response.status})
            assert response.headers["X-Request-Id"] == request_id
            told = await response.json()
        if "error" in told:
            raise Refused(told["error"])
        return told.get("data", {})

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        url = f"{self._emulator.urls['api']}/sandbox{path}"
        async with self._http.request(method, url, json=body) as response:
            told = await response.json()
        if "error" in told:
            raise Refused(told["error"])
        return told

    @contextlib.asynccontextmanager
    async def blaze(self) -> AsyncIterator["Line"]:
        bearer = token(self.who, int(time.time()), "GET", "/", b"", name())
        url = self._emulator.urls["blaze"]
        async with self._http.ws_connect(
            url, protocols=["Mixin-Blaze-1"], headers={"Authorization": f"Bearer {bearer}"}, max_msg_size=0
        ) as socket:
            yield Line(socket)


class Line:
    """A Blaze socket of a test."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, action: str, params: Any = None) -> str:
        frame = {"id": name(), "action": action} | ({"params": params} if params else {})
        await self.socket.send_bytes(pack_frame(frame))
        return str(frame["id"])

    async def hear(self, longest_s: float = 3) -> dict[str, Any]:
        return unpack_frame(await self.socket.receive_bytes(timeout=longest_s))

    async def hear_text(self, text: str) -> dict[str, Any]:
        """Return the next push whose message says this."""
        while True:
            frame = await self.hear()
            data = frame.get("data", {})
            if data.get("category") == "PLAIN_TEXT" and text_of(data) == text:
                return frame
