"""PG5: a new or restored database at a wallet that was used before waits for the owner's word."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.marker import MarkerFile
from domain.errors import Unavailable
from domain.ids import UserId
from domain.leases import Scope
from domain.ledger.chain import START, Head
from domain.ledger.model import AccountKind, available, mixin
from domain.ports.freezes import INSTANCE
from domain.reconciliation.signs import Birth, Marker
from domain.services.incoming import OLDER_THAN_BOOKS, Known
from domain.services.safe_boot import SafeBoot
from tests.domain.services.money_world import (
    ALICE,
    BOB,
    IN_MEMORY,
    OWNER,
    TOKENS,
    USDT,
    MoneyWorld,
    money_world,
)
from tests.fakes.crash import Crashing, Fuse, SimulatedCrash
from tests.fakes.wallet import BOT, Fault
from workers.deposits import DepositWorker

pytestmark = [IN_MEMORY]


@dataclass
class Books:
    """What a database says of itself, and of its chain."""

    database: str = "database-1"
    taken: int = 1
    head_now: Head = START
    hashes: dict[int, str] = field(default_factory=dict)
    paid: set[str] = field(default_factory=set)

    async def birth(self) -> Birth:
        raise NotImplementedError

    async def epoch(self, scope: Scope) -> int:
        return self.taken

    async def payments(self, transaction_hashes: Sequence[str]) -> set[str]:
        return self.paid & set(transaction_hashes)

    async def head(self) -> Head:
        return self.head_now

    async def hash_at(self, number: int) -> str | None:
        return self.hashes.get(number)


def boot(world: MoneyWorld, file: Path, books: Books | None = None) -> SafeBoot:
    """Return what a process that starts looks with; its books began now, unless it is the same database."""
    books, told = books or Books(), world.books
    return SafeBoot(
        store=told.store,
        birth=Birth(books.database, world.clock.now()),
        births=books,
        marker=MarkerFile(file),
        chain=cast("Any", books),
        wallet=world.wallet,
        deposits=told.deposits,
        freezes=told.freezes,
        notices=told.notices,
        roles=told.roles,
        clock=world.clock,
        bot=BOT,
    )


async def used_before(world: MoneyWorld) -> None:
    """Let the wallet have worked with other books: Alice paid in, and was paid out a part."""
    world.wallet.at = world.clock.now() - timedelta(days=30)
    await world.give(ALICE, "100")
    await world.request(ALICE, "40")
    await world.settle()


async def test_a_new_database_at_a_used_wallet_credits_pays_and_keeps_nothing(
    world: MoneyWorld, tmp_path: Path
) -> None:
    await used_before(world)
    async with money_world("") as fresh:
        fresh.wallet, fresh.wallet.guard = world.wallet, fresh.books.outside
        safe = boot(fresh, tmp_path / "marker")
        worker = DepositWorker(fresh.process().deposits, safe)
        assert await worker.round() == "safe boot: nothing is credited until the owner says so"
        [freeze] = await fresh.books.freezes.open()
        assert freeze.scope == INSTANCE
        assert freeze.reason.startswith("safe_boot:older_outputs:output-1000 ")
        assert await fresh.notices(OWNER) == ["booted_safe"]
        assert (await fresh.balance(available(ALICE, USDT.coin))).total == 0
        assert "surplus" in await fresh.process().comparing.round(), "and the differences can be seen"
        assert await safe.note() == "nothing to note"
        assert not (tmp_path / "marker").exists()


async def test_after_the_owners_word_old_payments_are_kept_aside_and_new_ones_credited(
    world: MoneyWorld, tmp_path: Path
) -> None:
    await used_before(world)
    async with money_world("") as fresh:
        fresh.wallet, fresh.wallet.guard = world.wallet, fresh.books.outside
        safe, process = boot(fresh, tmp_path / "marker"), fresh.process()
        await safe.look()
        process.deposits._known = Known(BOT, TOKENS, safe.birth.since)
        _, token = await process.freezes.ask(OWNER, INSTANCE)
        await process.freezes.lift(OWNER, INSTANCE, token, "m1")
        assert not await safe.holds()
        fresh.wallet.at = fresh.clock.now()
        fresh.wallet.pay_in(BOB, USDT.asset_id, "7")
        await DepositWorker(process.deposits, safe).round()
        held = {name: (await fresh.balance(available(name, USDT.coin))).total for name in (ALICE, BOB)}
        assert held == {ALICE: 0, BOB: 7}
        there = fresh.wallet.unspent(USDT.asset_id)
        assert (await fresh.balance(mixin(USDT))).total == there
        assert await fresh.own(AccountKind.SUSPENSE) == there - 7
        kept = await fresh.books.kept.all(9)
        assert {group.reason for group in kept} == {OLDER_THAN_BOOKS}
        assert await fresh.notices(ALICE) == [], "nobody hears of what others may have settled long ago"
        assert "good" in await process.comparing.round()
        again = boot(fresh, tmp_path / "marker")
        assert "newest" in await again.look(), "and another start finds no sign"


async def test_a_new_instance_with_the_owners_float_begins(world: MoneyWorld, tmp_path: Path) -> None:
    world.wallet.at = world.clock.now() - timedelta(days=1)
    world.wallet.pay_in(OWNER, USDT.asset_id, "5000", "float")
    safe = boot(world, tmp_path / "marker")
    process = world.process()
    process.deposits._known = Known(BOT, TOKENS, safe.birth.since)
    assert "booked 1 outputs" in await DepositWorker(process.deposits, safe).round()
    assert await world.own(AccountKind.INVENTORY) == 5000


async def test_a_restored_database_is_known_by_what_this_machine_noted(
    world: MoneyWorld, tmp_path: Path
) -> None:
    file, head = tmp_path / "marker", Head(9, "a" * 64)
    ahead = Books(head_now=head, hashes={9: head.hash}, taken=4)
    assert await boot(world, file, ahead).note() == f"noted {head}"
    assert MarkerFile(file).read() == Marker("database-1", head, 4)
    assert "newest" in await boot(world, file, ahead).look()
    restored = Books(head_now=Head(5, "b" * 64), hashes={5: "b" * 64}, taken=4)
    assert await boot(world, file, restored).look() == "safe_boot:books_went_back:9"
    assert MarkerFile(file).read() == Marker("database-1", head, 4), "noted no more"
    process = world.process()
    _, token = await process.freezes.ask(OWNER, INSTANCE)
    await process.freezes.lift(OWNER, INSTANCE, token, "m1")
    released = boot(world, file, restored)
    assert "let go on" in await released.look()
    assert await released.note() == f"noted {restored.head_now}"
    assert "newest" in await boot(world, file, restored).look()


async def test_a_restored_database_without_a_note_is_known_by_what_the_wallet_has_paid_since(
    world: MoneyWorld, tmp_path: Path
) -> None:
    world.wallet.at = world.clock.now()
    await world.give(ALICE, "100")
    world.wallet.steal(world.wallet.outputs[0].output_id)  # a payout that the back-up does not have
    world.wallet.pay_in(BOT, USDT.asset_id, "60")
    said = await boot(world, tmp_path / "marker").look()
    assert said.startswith("safe_boot:strange_change:output-")


async def test_nothing_is_paid_while_it_lasts(world: MoneyWorld, tmp_path: Path) -> None:
    await world.give(ALICE, "100")
    withdrawal = await world.request(ALICE, "40")
    file = tmp_path / "marker"
    MarkerFile(file).write(Marker("another", START, 1))
    assert await boot(world, file).holds()
    for _ in range(5):
        await world.process().payouts.drive(withdrawal)
        world.clock.advance(31)
    assert world.wallet.sent_bytes == {}
    assert (await world.books.payouts.get(withdrawal)).state == "requested"


async def test_without_an_answer_nothing_begins(world: MoneyWorld, tmp_path: Path) -> None:
    world.wallet.faults["outputs_from"].append(Fault.DOWN)
    safe = boot(world, tmp_path / "marker")
    with pytest.raises(Unavailable):
        await DepositWorker(world.process().deposits, safe).round()
    assert await safe.holds() is False, "the next one looks again"


async def test_a_note_that_cannot_be_read_or_written_is_said(world: MoneyWorld, tmp_path: Path) -> None:
    (tmp_path / "marker").write_text("{")
    with pytest.raises(Unavailable, match="marker_unreadable"):
        await boot(world, tmp_path / "marker").look()
    with pytest.raises(Unavailable, match="marker_unwritable"):
        MarkerFile(tmp_path / "nowhere" / "marker").write(Marker("d", START, 1))
    whole = Marker("d", Head(3, "c" * 64), 2)
    MarkerFile(tmp_path / "marker").write(whole)
    assert MarkerFile(tmp_path / "marker").read() == whole


async def test_a_death_while_it_looks_leaves_a_stop_or_none_and_the_next_start_finds_the_same(
    world: MoneyWorld, tmp_path: Path
) -> None:
    file = tmp_path / "marker"
    MarkerFile(file).write(Marker("another", START, 1))

    safe = boot(world, file)
    safe.notices = Crashing(world.books.notices, Fuse(1))  # a port with a fuse
    with pytest.raises(SimulatedCrash):
        await safe.look()
    assert await world.books.freezes.open() == [], "in one commit with who is told"
    assert await boot(world, file).holds()
    assert await world.notices(OWNER) == ["booted_safe"]
    assert (await world.balance(available(UserId(ALICE), USDT.coin))).total == Decimal(0)
