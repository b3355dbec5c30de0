"""A venue of few words on a local server: it answers what it is told to, and notes all that arrives."""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.test_utils import TestServer

Answers = Sequence[tuple[str, Any]]
"""Method and address as a pattern, and what is answered there; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it arrived; ``asked`` are its query and its body in one."""

    method: str
    path: str
    headers: Mapping[str, str]
    asked: Any

    def at(self, place: str) -> Any:
        """Return what stands at a dotted place of it, or nothing."""
        found = self.asked
        for step in place.split("."):
            if isinstance(found, list):
                found = found[int(step)] if int(step) < len(found) else None
            else:
                found = found.get(step) if isinstance(found, Mapping) else None
        return found


@dataclass(slots=True)
class FarVenue:
    """One venue; ``$ID`` in its words is the id of the last order it was sent, ``$MS`` and ``$S`` are now."""

    answers: Answers
    id_at: str
    create: str
    now_ms: int
    silent: bool = False  # it takes an order, and its answer is lost
    lost: str = ""  # what it is asked in these words reaches it, and its answer is lost
    order_id: str = "$ID"
    seen: list[Call] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer, and note what was asked."""
        call = await _call(request)
        self.seen.append(call)
        line = f"{call.method} {call.path}"
        if re.fullmatch(self.create, line) and (named := call.at(self.id_at)):
            self.order_id = named
            if self.silent:
                return web.Response(status=504, text="upstream timed out")
        if self.lost and re.fullmatch(self.lost, line):
            return web.Response(status=504, text="upstream timed out")
        for pattern, words in self.answers:
            if re.fullmatch(pattern, f"{line} {call.at('type')}" if line == "POST /info" else line):
                return web.json_response(text=self._spelled(words))
        self.unknown.append(line)
        return web.json_response({"code": 404, "message": "no such thing"}, status=404)

    def _spelled(self, words: Any) -> str:
        text = json.dumps(words)
        for name, value in (("$ID", self.order_id), ("$MS", self.now_ms), ("$S", self.now_ms // 1000)):
            text = text.replace(f'"{name}"', json.dumps(value))
        return text

    def written(self) -> list[Call]:
        """Return what was meant to change something, in order."""
        return [call for call in self.seen if call.method != "GET" and "/info" not in call.path]


@asynccontextmanager
async def serving(venue: FarVenue) -> AsyncIterator[str]:
    """Serve a venue, and give its address."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", venue.answer)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}"


async def _call(request: web.Request) -> Call:
    text = await request.text()
    asked: Any = dict(request.query)
    if text.startswith("["):
        asked = json.loads(text)
    elif text.startswith("{"):
        asked |= json.loads(text)
    elif text:
        asked |= dict(parse_qsl(text))
    return Call(request.method, request.path, dict(request.headers), asked)
