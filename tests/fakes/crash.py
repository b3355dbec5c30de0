"""A process that dies at the n-th boundary between us and a port (safety §2.0, §5)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any


class SimulatedCrash(BaseException):
    """The process is gone; no handler of ours may catch this."""


class Fuse:
    """Counts boundaries and blows at one of them; zero never."""

    def __init__(self, blow_at: int = 0) -> None:
        self.blow_at = blow_at
        self.passed = 0
        self.where = ""

    def step(self, where: str) -> None:
        """Pass a boundary, or die there."""
        self.passed += 1
        self.where = where
        if self.passed == self.blow_at:
            raise SimulatedCrash(where)


class Crashing:
    """A port whose every call has a boundary before it and one after it.

    A death after a call that reached the far side is both "sent, not answered" and "answered, not
    recorded": to what is stored on our side they are the same.
    """

    def __init__(self, port: object, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:  # the wrapped port's own types hold where it is used
        call = getattr(self._port, name)
        if not callable(call):
            return call
        label = f"{type(self._port).__name__}.{name}"
        if not callable(call):
            return call
        if name == "transaction":
            return lambda: self._transaction(call, label)
        return self._guarded(call, label)

    def _guarded(self, call: Callable[..., Awaitable[Any]], label: str) -> Callable[..., Awaitable[Any]]:
        async def guarded(*args: Any, **kwargs: Any) -> Any:
            self._fuse.step(f"before {label}")
            answer = await call(*args, **kwargs)
            self._fuse.step(f"after {label}")
            return answer

        return guarded

    @asynccontextmanager
    async def _transaction(
        self, begin: Callable[[], AbstractAsyncContextManager[None]], label: str
    ) -> AsyncIterator[None]:
        self._fuse.step(f"before {label}")
        async with begin():
            yield
            self._fuse.step(f"before commit of {label}")
        self._fuse.step(f"after commit of {label}")
