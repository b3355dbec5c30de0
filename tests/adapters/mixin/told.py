"""Mixin's HTTP client, with the answer that each path gets."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.mixin.outcomes import Silence, answer_of
from domain.errors import OutcomeUnknown, Unavailable

Answer = tuple[int, bytes]


@dataclass
class Told:
    """What the wallet calls of the client; ``None`` is an answer that got lost."""

    answers: Mapping[str, Answer | None]
    app_id: str

    async def read(self, path: str, *_: object, **__: object) -> Any:
        return self._answer(path, Unavailable)

    async def ask(self, path: str, *_: object, **__: object) -> Any:
        return self._answer(path, Unavailable)

    async def write(self, path: str, _: object, gate: Callable[[], None]) -> Any:
        gate()
        return self._answer(path, OutcomeUnknown)

    def _answer(self, path: str, silence: Silence) -> Any:
        if (answer := self.answers[path]) is None:
            raise silence("mixin_silent", path=path)
        return answer_of(*answer, path, silence)


def clear(data: Any) -> Answer:
    """Return an answer that reads well, whatever it says."""
    return 200, json.dumps({"data": data}).encode()


def missing() -> Answer:
    """Return the answer that there is no such thing."""
    return 202, json.dumps({"error": {"status": 202, "code": 404, "description": "not found"}}).encode()
