"""The two things of the world that every part of the bot may ask for."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

Json = str | int | bool | list["Json"] | dict[str, "Json"] | None


class Clock(Protocol):
    """Time that can be simulated."""

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds of this clock."""
        ...


class Transactions(Protocol):
    """The store's one unit of truth."""

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Return a context in which all store calls of this task succeed or fail together.

        Inside another transaction of the same task it is a savepoint of that one.
        """
        ...
