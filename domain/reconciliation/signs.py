"""Signs that a database is new, or older than what it points at, which was used before (PG5)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.ids import UserId
from domain.ledger.chain import Head

SKEW = timedelta(minutes=5)
"""How far Mixin's clock may be from the database's when the first payments of an instance are told."""


class Sign(StrEnum):
    """Why books are not trusted to be the newest ones."""

    ANOTHER_DATABASE = "another_database"  # this machine has worked with another one
    BOOKS_WENT_BACK = "books_went_back"  # they lack, or have otherwise, what this machine has seen in them
    LEASES_WENT_BACK = "leases_went_back"  # a take-over that this machine has seen never was
    OLDER_OUTPUTS = "older_outputs"  # somebody was paid before there were books
    STRANGE_CHANGE = "strange_change"  # the wallet has paid, and no payout of ours did it
    SPENT_UNSEEN = "spent_unseen"  # the wallet has spent what the books never saw


@dataclass(frozen=True, slots=True)
class Marker:
    """What a machine has seen of its database: which it is, how far the books were, the wallet's epoch."""

    database: str
    head: Head
    epoch: int


@dataclass(frozen=True, slots=True)
class Birth:
    """Which database this is, and since when there are books in it; a back-up keeps both."""

    database: str
    born_at: datetime

    @property
    def since(self) -> datetime:
        """Return from when on payments belong to these books."""
        return self.born_at - SKEW


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """An output that the wallet lists and the books do not know."""

    output_id: str
    transaction_hash: str
    sender: UserId | None
    spent: bool
    floats: bool  # the owner's own float
    created_at: datetime


def of_marker(marker: Marker, birth: Birth, hash_there: str | None, epoch: int) -> list[str]:
    """Return the signs that a machine's own memory gives.

    ``hash_there`` is what the books have at the number of the head it saw; ``epoch`` is the wallet's now.
    """
    if marker.database != birth.database:
        return [f"{Sign.ANOTHER_DATABASE}:{marker.database[:8]}"]
    found = []
    if marker.head.number and hash_there != marker.head.hash:
        found.append(f"{Sign.BOOKS_WENT_BACK}:{marker.head.number}")
    if epoch < marker.epoch:
        found.append(f"{Sign.LEASES_WENT_BACK}:{marker.epoch}")
    return found


def of_outputs(
    unrecorded: Sequence[Unrecorded], birth: Birth, bot: UserId, ours: Collection[str]
) -> list[str]:
    """Return the signs that the wallet's own list gives, each with the first output that shows it.

    ``ours`` are the hashes of payments that the books know. Coins that the owner left for people to be paid
    from are none, as long as they lie there: that is how an instance begins.
    """
    found: dict[Sign, str] = {}
    for output in unrecorded:
        mine = output.transaction_hash in ours
        if output.sender == bot and not mine:
            found.setdefault(Sign.STRANGE_CHANGE, output.output_id)
        if output.spent and not mine:
            found.setdefault(Sign.SPENT_UNSEEN, output.output_id)
        if output.created_at < birth.since and not (output.floats and not output.spent):
            found.setdefault(Sign.OLDER_OUTPUTS, output.output_id)
    return [f"{sign}:{output_id}" for sign, output_id in sorted(found.items())]
