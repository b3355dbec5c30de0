"""The transaction a task is in, for those who join it and those who must not be called inside one."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from domain.errors import InvariantBroken


@dataclass(slots=True)
class Ambient:
    """An open transaction: whose store, which connection, which task began it, whether it is lost."""

    store: object
    connection: Any  # asyncpg has no types
    task: object
    failed: bool = False

    def assert_whole(self) -> None:
        """Refuse to commit what failed: COMMIT would undo it all and call that a success.

        Raises:
            InvariantBroken: ``transaction_failed``.
        """
        if self.failed:
            raise InvariantBroken("transaction_failed")


AMBIENT: ContextVar[Ambient | None] = ContextVar("ambient_transaction", default=None)


def ambient_of(store: object) -> Ambient | None:
    """Return the open transaction of a store in this task, if any.

    Raises:
        InvariantBroken: a task was started inside a transaction and now uses it, or one transaction is
            open and another store is asked: what it wrote would vanish or stay on its own.
    """
    ambient = AMBIENT.get()
    if ambient is None:
        return None
    if ambient.task is not asyncio.current_task():
        raise InvariantBroken("task_started_inside_transaction")
    if ambient.store is not store:
        raise InvariantBroken("two_stores_in_one_transaction")
    return ambient


def assert_outside_transaction() -> None:
    """Refuse to go on while a transaction is open (PG6): for calls that leave the building.

    Raises:
        InvariantBroken: ``inside_transaction``.
    """
    if AMBIENT.get() is not None:
        raise InvariantBroken("inside_transaction")
