"""PG5: what shows that books are new, or older than the wallet they point at, and what does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.ids import UserId
from domain.ledger.chain import START, Head
from domain.reconciliation.signs import SKEW, Birth, Marker, Sign, Unrecorded, of_marker, of_outputs

BORN = datetime(2026, 3, 1, tzinfo=UTC)
BIRTH = Birth("database-1", BORN)
BOT, ALICE = UserId("bot"), UserId("alice")
HEAD = Head(7, "a" * 64)
SEEN = Marker("database-1", HEAD, 3)
PAID = Unrecorded("o1", "h1", ALICE, False, False, BORN)


@pytest.mark.parametrize(
    ("marker", "there", "epoch", "signs"),
    [
        (SEEN, HEAD.hash, 3, []),
        (SEEN, HEAD.hash, 9, []),
        (Marker("database-1", START, 0), None, 0, []),
        (SEEN, None, 3, [Sign.BOOKS_WENT_BACK]),
        (SEEN, "b" * 64, 3, [Sign.BOOKS_WENT_BACK]),
        (SEEN, HEAD.hash, 2, [Sign.LEASES_WENT_BACK]),
        (SEEN, None, 0, [Sign.BOOKS_WENT_BACK, Sign.LEASES_WENT_BACK]),
        (replace(SEEN, database="database-0"), HEAD.hash, 3, [Sign.ANOTHER_DATABASE]),
    ],
)
def test_what_a_machine_remembers(marker: Marker, there: str | None, epoch: int, signs: list[Sign]) -> None:
    assert [said.partition(":")[0] for said in of_marker(marker, BIRTH, there, epoch)] == signs


OLD = BORN - SKEW - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("output", "signs"),
    [
        (PAID, []),
        (replace(PAID, created_at=BORN - SKEW), []),
        (replace(PAID, created_at=OLD), [Sign.OLDER_OUTPUTS]),
        (replace(PAID, created_at=OLD, floats=True), []),
        (replace(PAID, created_at=OLD, floats=True, spent=True), [Sign.OLDER_OUTPUTS, Sign.SPENT_UNSEEN]),
        (replace(PAID, spent=True), [Sign.SPENT_UNSEEN]),
        (replace(PAID, sender=BOT), [Sign.STRANGE_CHANGE]),
        (replace(PAID, sender=BOT, transaction_hash="ours"), []),
        (replace(PAID, sender=BOT, transaction_hash="ours", spent=True), []),
        (replace(PAID, sender=None), []),
    ],
)
def test_what_the_wallet_shows(output: Unrecorded, signs: list[Sign]) -> None:
    found = of_outputs([PAID, output], BIRTH, BOT, {"ours"})
    assert [said.partition(":")[0] for said in found] == signs
    assert all(said.endswith(":o1") for said in found)
