"""The chain as pure arithmetic: whatever is bent shows, and shows where."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from domain.ledger.chain import (
    START,
    Break,
    Entry,
    Fault,
    Link,
    Posted,
    breaks_after,
    links_after,
    seal,
)
from domain.ledger.model import Cause

AT = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
Read = list[tuple[Link, Posted | None]]


def posted(number: int, amount: str = "1.50") -> Posted:
    entries = (
        Entry(1, "mixin:asset:USDT", "available:alice:USDT", Decimal(amount)),
        Entry(2, "available:alice:USDT", "run:run-1:fake-1:USDT", Decimal("0.1")),
    )
    return Posted(number, Cause("deposit", f"output-{number}"), "ab" * 32, AT, entries)


def chain(many: int = 5) -> Read:
    transfers = [posted(number) for number in range(1, many + 1)]
    return list(zip(links_after(START, transfers), transfers, strict=True))


def test_text_is_written_in_one_way() -> None:
    assert posted(7).text == (
        '[7,"deposit","output-7","' + "ab" * 32 + '","2026-03-01T09:30:00.123456+00:00",'
        '[[1,"mixin:asset:USDT","available:alice:USDT","1.5"],'
        '[2,"available:alice:USDT","run:run-1:fake-1:USDT","0.1"]]]'
    )


def test_same_facts_in_another_dress_have_the_same_text() -> None:
    there = AT.astimezone(timezone(timedelta(hours=8)))
    dressed = replace(posted(7, "1.500"), posted_at=there, entries=tuple(reversed(posted(7).entries)))
    assert dressed.text == posted(7).text


def test_hash_is_a_known_one() -> None:
    """Whoever verifies with another program must come to the same: this may never change."""
    assert seal(START.hash, posted(1)) == "944ac45c31432b607a28a1f1697d505d57df291b555941409ff3193c85be1831"


def test_links_follow_each_other() -> None:
    links = [link for link, _ in chain(3)]
    assert [link.number for link in links] == [1, 2, 3]
    assert [link.previous for link in links] == [START.hash, links[0].hash, links[1].hash]
    assert str(links[2].head) == f"3:{links[2].hash}"
    assert links_after(links[1].head, [posted(3)]) == [links[2]]
    assert links_after(START, []) == []


def test_whole_chain_has_no_break_and_neither_has_its_rest() -> None:
    read = chain()
    assert breaks_after(START, read) == []
    assert breaks_after(read[1][0].head, read[2:]) == []
    assert breaks_after(START, []) == []


def without_an_entry(read: Read) -> None:
    link, transfer = read[2]
    assert transfer
    read[2] = (link, replace(transfer, entries=transfer.entries[:1]))


def with_a_field(**changes: object) -> Callable[[Read], None]:
    def bend(read: Read) -> None:
        link, transfer = read[2]
        assert transfer
        read[2] = (link, replace(transfer, **changes))  # type: ignore[arg-type]  # fields by name

    return bend


def with_an_entry_field(**changes: object) -> Callable[[Read], None]:
    def bend(read: Read) -> None:
        link, transfer = read[2]
        assert transfer
        entry = replace(transfer.entries[0], **changes)  # type: ignore[arg-type]  # fields by name
        read[2] = (link, replace(transfer, entries=(entry, *transfer.entries[1:])))

    return bend


def swapped(read: Read) -> None:
    """Two transfers in each other's place, links left as they were."""
    (third, one), (fourth, other) = read[2], read[3]
    read[2] = (replace(third, transfer_id=fourth.transfer_id), other)
    read[3] = (replace(fourth, transfer_id=third.transfer_id), one)


def resealed(read: Read) -> None:
    """An altered transfer with a link that fits it: the next one does not follow any more."""
    link, transfer = read[2]
    assert transfer
    bent = replace(transfer, fingerprint="cd" * 32)
    read[2] = (replace(link, hash=seal(link.previous, bent)), bent)


@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        (with_an_entry_field(amount=Decimal("1.51")), [Break(Fault.TRANSFER_ALTERED, 3, 3)]),
        (with_an_entry_field(destination="available:mallory:USDT"), [Break(Fault.TRANSFER_ALTERED, 3, 3)]),
        (with_an_entry_field(source="venue:fake-1:USDT"), [Break(Fault.TRANSFER_ALTERED, 3, 3)]),
        (with_an_entry_field(number=3), [Break(Fault.TRANSFER_ALTERED, 3, 3)]),
        (without_an_entry, [Break(Fault.TRANSFER_ALTERED, 3, 3)]),
        (with_a_field(cause=Cause("deposit", "other")), [Break(Fault.TRANSFER_ALTERED, 3, 3)]),
        (with_a_field(cause=Cause("gift", "output-3")), [Break(Fault.TRANSFER_ALTERED, 3, 3)]),
        (with_a_field(fingerprint="cd" * 32), [Break(Fault.TRANSFER_ALTERED, 3, 3)]),
        (with_a_field(posted_at=AT + timedelta(microseconds=1)), [Break(Fault.TRANSFER_ALTERED, 3, 3)]),
        (swapped, [Break(Fault.TRANSFER_ALTERED, 3, 4), Break(Fault.TRANSFER_ALTERED, 4, 3)]),
        (resealed, [Break(Fault.LINK_MISPLACED, 4, 4)]),
        (lambda read: read.pop(2), [Break(Fault.LINK_MISSING, 3)]),
        (lambda read: read.pop(0), [Break(Fault.LINK_MISSING, 1)]),
        (lambda read: read.__setitem__(2, (read[2][0], None)), [Break(Fault.TRANSFER_MISSING, 3, 3)]),
    ],
)
def test_whatever_is_bent_shows_where_it_was_bent(
    bend: Callable[[Read], object], expected: list[Break]
) -> None:
    read = chain()
    bend(read)
    assert breaks_after(START, read) == expected


def test_a_break_is_said_in_a_few_words() -> None:
    assert str(Break(Fault.LINK_MISSING, 3)) == "link_missing at link 3"
    assert str(Break(Fault.TRANSFER_UNCHAINED, 0, 7)) == "transfer_unchained at no link, transfer 7"
