"""The one unit of truth: a transaction in the store that every use case can join."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Store(Protocol):
    """Transactions."""

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """Return a context in which all store calls of this task succeed or fail together.

        Inside another transaction of the same task it joins that one as a savepoint. No port that
        leaves the building may be called while a transaction is open (PG6), and no task may be
        started inside.

        Raises:
            Unavailable: the store did not begin.
            OutcomeUnknown: the connection broke while committing; every write carries its own key,
                so the caller repeats the whole step.
        """
        ...
