"""Mixin, seen or answered a little differently by a test."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any


class Meanwhile:
    """Mixin, behind which something else happens once while it is asked."""

    def __init__(self, wallet: Any, call: str, happens: Callable[[], Awaitable[object]]) -> None:
        self._wallet, self._call, self._happens = wallet, call, [happens]

    def __getattr__(self, name: str) -> Any:
        return self._asked if name == self._call else getattr(self._wallet, name)

    async def _asked(self, *args: Any) -> Any:
        answer = await getattr(self._wallet, self._call)(*args)
        if self._happens:
            await self._happens.pop()()
        return answer


class Noted:
    """Mixin, with a note of everything it is asked, and other answers where a test has them."""

    def __init__(self, wallet: Any, answers: Mapping[str, object] | None = None) -> None:
        self._wallet, self._answers = wallet, answers or {}
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        async def asked(*args: Any) -> Any:
            self.asked.append((name, *args))
            answer = await getattr(self._wallet, name)(*args)
            return self._answers.get(name, answer)

        return asked
