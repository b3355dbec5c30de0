"""The chain of links over the ledger's transfers, as the domain sees it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from domain.ledger.chain import Head, Link, Posted


class Chain(Protocol):
    """Links and what they stand for; each call joins the ambient transaction or is one of its own."""

    async def lock(self) -> bool:
        """Become the one who adds links until the ambient transaction ends; ``False``: somebody else is."""
        ...

    async def head(self) -> Head:
        """Return the newest link's number and hash, or the start."""
        ...

    async def hash_at(self, number: int) -> str | None:
        """Return a link's hash, or nothing when there is no such link."""
        ...

    async def unlinked(self, limit: int, back: int) -> list[Posted]:
        """Return committed transfers without a link, by id; at most so far behind the newest linked one."""
        ...

    async def add(self, links: Sequence[Link]) -> None:
        """Append links.

        Raises:
            InvariantBroken: they do not follow the newest one without a gap.
        """
        ...

    async def read(self, after: int, limit: int) -> list[tuple[Link, Posted | None]]:
        """Return the links after a number, in order, each with its transfer if it still exists."""
        ...

    async def forgotten(self, age: timedelta, limit: int) -> list[int]:
        """Return the ids of transfers at least so old by the store's clock that have no link."""
        ...
