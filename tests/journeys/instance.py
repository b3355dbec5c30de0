"""A whole instance as its own processes, and the people who talk to it."""

import asyncio
import json
import os
import re
import signal
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp
import asyncpg

ROOT = Path(__file__).resolve().parent.parent.parent

T = TypeVar("T")


class Instance:
    """``python -m sandbox`` with a state directory of its own."""

    MODULE = "sandbox"
    READY_WITHIN_S = 90
    PATIENCE = 1
    """By how much people wait longer for an answer than they usually do."""

    def __init__(self, state: Path, *arguments: str) -> None:
        """Remember where and how; nothing is started yet."""
        self._state = state
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self._output: asyncio.Task[None] | None = None
        self.lines: list[str] = []
        self.facts: dict[str, Any] = {}
        self.http = aiohttp.ClientSession()

    async def __aenter__(self) -> Self:
        """Start and wait until it is ready."""
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop and let go."""
        await self.stop()
        await self.http.close()

    async def start(self) -> float:
        """Start and return after how many seconds it was ready."""
        began = time.monotonic()
        ready = asyncio.Event()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self.MODULE, "--port", "0", "--state", str(self._state), *self._arguments,
            cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        self._output = asyncio.create_task(self._read(self._process, ready))
        waiting = [asyncio.create_task(ready.wait()), asyncio.create_task(self._process.wait())]
        await asyncio.wait(waiting, timeout=self.READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        assert ready.is_set(), "not ready:\n" + "\n".join(self.lines[-30:])
        self.facts = json.loads((self._state / "run.json").read_text())
        return time.monotonic() - began

    async def _read(self, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.lines.append(line.decode().rstrip())
            if "is ready" in self.lines[-1]:
                ready.set()

    async def stop(self) -> None:
        """Stop as Ctrl-C does."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(self._process.wait(), 60)
        if self._output is not None:
            await self._output

    def kill(self, name: str) -> None:
        """Kill one of its processes, as ``kill -9`` does."""
        facts = json.loads((self._state / "run.json").read_text())
        with suppress(ProcessLookupError, KeyError):
            os.kill(facts["pids"][name], signal.SIGKILL)

    async def call(self, url: str, method: str = "GET", **facts: Any) -> Any:
        """Call an address of the instance or its world and return the data; who was killed comes back."""

        async def once() -> Any:
            async with self.http.request(method, url, json=facts or None) as answer:
                said = await answer.json(content_type=None)
            assert answer.status < 300, said
            assert not (isinstance(said, dict) and said.get("error")), said
            return said.get("data", said) if isinstance(said, dict) else said

        return await patiently(once)

    async def mixin(self, path: str, method: str = "GET", **facts: Any) -> Any:
        """Call Mixin's control surface."""
        return await self.call(f"{self.facts['urls']['mixin_api']}/sandbox/{path}", method, **facts)

    async def venue(self, path: str, method: str = "GET", **facts: Any) -> Any:
        """Call the venue's control surface."""
        return await self.call(f"{self.facts['urls']['venue']['control']}/{path}", method, **facts)

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """Return rows of the instance's database."""

        async def once() -> list[dict[str, Any]]:
            connection = await asyncpg.connect(self.facts["urls"]["database"])
            try:
                return [dict(row) for row in await connection.fetch(sql, *args)]
            finally:
                connection.terminate()

        return await patiently(once)

    def person(self, name: str) -> "Person":
        """Return one of the people of this world."""
        return Person(self, name)


@dataclass
class Person:
    """Somebody in the chat: says things, sees answers, pays, and counts their money."""

    instance: Instance
    name: str
    _seen: int = field(default=0)

    async def says(self, text: str) -> None:
        """Send a text to the bot, once."""
        told = {"text": text, "message_id": str(uuid.uuid4())}
        await self.instance.mixin(f"people/{self.name}/say", "POST", **told)

    async def messages(self) -> list[dict[str, Any]]:
        """Return all messages of the conversation, oldest first."""
        listed: list[dict[str, Any]] = (await self.instance.mixin(f"people/{self.name}/messages?after=0"))[
            "messages"
        ]
        return listed

    async def sees(self, pattern: str, within_s: float = 20) -> str:
        """Wait for an answer that matches, newer than the last one seen; return its text."""
        deadline = time.monotonic() + within_s * self.instance.PATIENCE
        while time.monotonic() < deadline:
            messages = await self.messages()
            for position, message in enumerate(messages[self._seen :], self._seen):
                text = text_of(message)
                if not message["mine"] and re.search(pattern, text, re.IGNORECASE | re.DOTALL):
                    self._seen = position + 1
                    return text
            await asyncio.sleep(0.1)
        tail = "\n".join(text_of(message)[:300] for message in (await self.messages())[-6:])
        raise AssertionError(f"{self.name} never saw {pattern!r}; the last messages:\n{tail}")

    async def asks(self, text: str, pattern: str, within_s: float = 20) -> str:
        """Say something and wait for an answer that comes after it."""
        self._seen = len(await self.messages())
        await self.says(text)
        return await self.sees(pattern, within_s)

    async def action(self, pattern: str) -> str:
        """Return the newest button's action that matches."""
        for message in reversed(await self.messages()):
            for action in actions_of(message):
                if re.search(pattern, action):
                    return action
        raise AssertionError(f"no button does {pattern!r}")

    async def pays(self, link: str) -> str:
        """Open a pay link and confirm it; return what the sheet says."""
        said: str = (await self.instance.mixin(f"people/{self.name}/pay", "POST", link=link))["status"]
        return said

    async def wallet(self) -> dict[str, Decimal]:
        """Return what the person's own wallet holds, by asset id."""
        balances = (await self.instance.mixin(f"people/{self.name}/wallet"))["balances"]
        return {balance["asset_id"]: Decimal(balance["amount"]) for balance in balances}


def text_of(message: dict[str, Any]) -> str:
    """Return what a message shows, buttons and cards included."""
    parts = (message.get(name) for name in ("text", "buttons", "card"))
    return " ".join(
        part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts if part
    )


def actions_of(message: dict[str, Any]) -> Iterable[str]:
    """Return what the buttons of a message do."""
    buttons = message.get("buttons") or (message.get("card") or {}).get("actions") or []
    return [str(button["action"]) for button in buttons]


async def patiently(once: Callable[[], Awaitable[T]], within_s: float = 30) -> T:
    """Do something that may be repeated, again while whoever is asked has just been killed."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            return await once()
        except (aiohttp.ClientError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def until(true: Callable[[], Any], within_s: float, what: str) -> Any:
    """Wait until an async check gives something true, and return that."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if found := await true():
            return found
        await asyncio.sleep(0.2)
    raise AssertionError(f"waited {within_s} s in vain: {what}")
