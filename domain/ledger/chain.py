"""The hash chain: each transfer sealed behind the one before, so no past is rewritten quietly (I10).

A link's hash covers the previous link's hash and a canonical text of its transfer. Whoever changes, removes
or swaps what is linked would have to recompute every later link, and then the head differs from the one that
was noted elsewhere.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from domain.ledger.model import Cause
from domain.money import plain


@dataclass(frozen=True, slots=True)
class Entry:
    """One posting as the books hold it; accounts as text."""

    number: int
    source: str
    destination: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Posted:
    """One transfer as the books hold it."""

    id: int
    cause: Cause
    fingerprint: str
    posted_at: datetime
    entries: tuple[Entry, ...]

    @property
    def text(self) -> str:
        """Return everything about it in one way only: JSON without spaces, entries by number, time in UTC."""
        entries = [
            [e.number, e.source, e.destination, plain(e.amount)]
            for e in sorted(self.entries, key=lambda entry: entry.number)
        ]
        at = self.posted_at.astimezone(UTC).isoformat(timespec="microseconds")
        facts = [self.id, self.cause.kind, self.cause.id, self.fingerprint, at, entries]
        return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain goes, and the hash that stands for everything up to there."""

    number: int
    hash: str

    def __str__(self) -> str:
        """Return ``number:hash``, the form in which it is noted elsewhere."""
        return f"{self.number}:{self.hash}"


START = Head(0, "0" * 64)
"""What the first link is linked to."""


@dataclass(frozen=True, slots=True)
class Link:
    """One place in the chain."""

    number: int
    transfer_id: int
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        """Return the chain's head as it was with this link."""
        return Head(self.number, self.hash)


class Fault(StrEnum):
    """What can be wrong with a chain."""

    LINK_MISSING = "link_missing"
    LINK_MISPLACED = "link_misplaced"
    TRANSFER_MISSING = "transfer_missing"
    TRANSFER_ALTERED = "transfer_altered"
    TRANSFER_UNCHAINED = "transfer_unchained"
    CHAIN_REWRITTEN = "chain_rewritten"
    CHAIN_HELD_UP = "chain_held_up"


@dataclass(frozen=True, slots=True)
class Break:
    """One fault, with the number of the link and the transfer where there is one."""

    fault: Fault
    number: int
    transfer_id: int | None = None

    def __str__(self) -> str:
        """Return it in a few words."""
        where = f"link {self.number}" if self.number else "no link"
        return f"{self.fault} at {where}" + (f", transfer {self.transfer_id}" if self.transfer_id else "")


def seal(previous: str, posted: Posted) -> str:
    """Return the hash of a transfer behind a previous hash."""
    return hashlib.sha256(f"{previous}\n{posted.text}".encode()).hexdigest()


def links_after(head: Head, transfers: Iterable[Posted]) -> list[Link]:
    """Return links for transfers, in the order given, behind a head."""
    links = []
    for posted in transfers:
        link = Link(head.number + 1, posted.id, head.hash, seal(head.hash, posted))
        links.append(link)
        head = link.head
    return links


def breaks_after(head: Head, read: Sequence[tuple[Link, Posted | None]]) -> list[Break]:
    """Return what is wrong with links that follow a head, and the transfers they stand for.

    Each link is judged by what it says it follows, so one fault is not repeated by all links behind it.
    """
    found = []
    for link, posted in read:
        if link.number != head.number + 1:
            found.append(Break(Fault.LINK_MISSING, head.number + 1))
        elif link.previous != head.hash:
            found.append(Break(Fault.LINK_MISPLACED, link.number, link.transfer_id))
        if posted is None:
            found.append(Break(Fault.TRANSFER_MISSING, link.number, link.transfer_id))
        elif link.hash != seal(link.previous, posted):
            found.append(Break(Fault.TRANSFER_ALTERED, link.number, link.transfer_id))
        head = link.head
    return found
