"""Faults that a test or a curious owner switches on: the network is not always kind."""

import asyncio
import itertools
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from aiohttp import web

KINDS = frozenset({"drop_reply", "delay", "500", "502", "429", "duplicate_push"})
_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong ``times`` times for requests like ``match`` ("POST /messages", a regex).

    ``drop_reply`` executes and closes the connection without an answer; ``delay`` waits ``ms`` before
    executing; the statuses refuse, and with ``executed`` they do so after the work was done.
    """

    kind: str
    match: str = ""
    times: int = 1
    ms: int = 0
    executed: bool = False
    number: int = field(default_factory=lambda: next(_numbers))


class Faults:
    """The faults that are switched on now; they are gone after a restart."""

    def __init__(self) -> None:
        self._on: list[Fault] = []

    def switch_on(self, facts: dict[str, Any]) -> Fault:
        """Add a fault from a control request.

        Raises:
            ValueError: the kind is unknown or a value is of the wrong type.
        """
        if facts.get("kind") not in KINDS:
            raise ValueError(f"kind is one of {', '.join(sorted(KINDS))}")
        try:
            fault = Fault(**{name: facts[name] for name in facts if name != "number"})
            re.compile(fault.match)
        except (TypeError, re.error) as e:
            raise ValueError(str(e)) from e
        self._on.append(fault)
        return fault

    def clear(self) -> None:
        self._on.clear()

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self._on]

    def strike(self, line: str, *kinds: str) -> Fault | None:
        """Return the first fault for this request line and use it up by one."""
        for at, fault in enumerate(self._on):
            if fault.kind in kinds and re.search(fault.match, line):
                left = replace(fault, times=fault.times - 1)
                self._on[at : at + 1] = [left] if left.times > 0 else []
                return fault
        return None

    async def wait(self, line: str) -> None:
        """Hold a request back while a delay says so."""
        fault = self.strike(line, "delay")
        if fault:
            await asyncio.sleep(fault.ms / 1000)


def refusal(fault: Fault) -> web.Response:
    """Return the answer of a server, or of a proxy, that fails."""
    if fault.kind == "502":
        return web.Response(status=502, text=_BAD_GATEWAY, content_type="text/html")
    code, text = (429, "Too Many Requests.") if fault.kind == "429" else (500, "Internal Server Error.")
    status = 500 if code == 500 else 429
    return web.json_response({"error": {"status": status, "code": code, "description": text}}, status=status)
