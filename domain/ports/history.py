"""What a person's runs did, as stored; nothing of it is ever deleted."""

from collections.abc import Sequence
from typing import Protocol

from domain.ids import UserId
from domain.market.history import Row, Wanted


class HistoryStore(Protocol):
    """Reads what the workers wrote."""

    async def page(self, user_id: UserId, wanted: Wanted, most: int) -> Sequence[Row]:
        """Return so many of a person's own rows, the newest first; all are of the class of the subject.

        A row's ``seq`` is its place in the order, and never changes: ``wanted.before`` it, older ones follow.
        """
        ...
