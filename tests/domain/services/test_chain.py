"""The chain over a real database: it grows in order, and what a hand bends is found (I10, PG8)."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.auth import PostgresRoles
from adapters.db.chain import PostgresChain
from adapters.db.freezes import PostgresFreezes
from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, Unavailable
from domain.ids import AssetId, UserId
from domain.ledger.chain import START, Link, breaks_after, links_after
from domain.ledger.model import Cause, Posting, Transfer, available, mixin
from domain.money import Coin, Token
from domain.services import chain as chaining
from domain.services.chain import PASS_EVERY, ChainService
from tests.fakes.clock import FakeClock
from tests.fakes.crash import Crashing, Fuse, SimulatedCrash
from tests.fakes.notices import TableNotices
from tests.fakes.roles import make_owner

USDT = Coin("USDT")
DOLLARS = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), USDT, "Ethereum")
OWNER = UserId("owner")
HOUR = PASS_EVERY.total_seconds()


def deposit(number: int) -> Transfer:
    posting = Posting(mixin(DOLLARS), available(UserId(f"person-{number % 3}"), USDT), Decimal("1.5"))
    return Transfer(Cause("deposit", str(number)), (posting, posting))


class World:
    """A ledger and whoever chains it."""

    def __init__(self, store: PostgresStore) -> None:
        self.store, self.clock = store, FakeClock()
        self.chain, self.ledger = PostgresChain(store), PostgresLedger(store)
        self.notices, self.freezes = TableNotices(store), PostgresFreezes(store)
        self.posted = 0

    def service(self, fuse: Fuse | None = None) -> ChainService:
        """Return a chainer as a fresh process has it, which dies when the fuse blows."""
        ports: list[Any] = [self.store, self.chain, self.freezes, self.notices]
        store, chain, freezes, notices = (Crashing(port, fuse) if fuse else port for port in ports)
        return ChainService(store, chain, freezes, notices, self.clock, PostgresRoles(self.store))

    async def post(self, many: int) -> None:
        await self.ledger.post_all([deposit(self.posted + number) for number in range(1, many + 1)])
        self.posted += many

    async def links(self) -> list[Link]:
        return [link for link, _ in await self.chain.read(0, 10_000)]

    async def check(self) -> None:
        """Hold that every transfer has its place and the chain is whole."""
        read = await self.chain.read(0, 10_000)
        assert breaks_after(START, read) == []
        assert len({link.transfer_id for link, _ in read}) == len(read) == self.posted


@pytest.fixture
async def world(store: PostgresStore) -> World:
    await make_owner(store, OWNER)
    return World(store)


@pytest.fixture
async def hand(admin: Any) -> Any:
    """Give a connection that bends history: no trigger looks at what it does."""
    await admin.execute("SET session_replication_role = replica")
    return admin


async def test_every_transfer_gets_its_place_once(world: World) -> None:
    service = world.service()
    assert await service.round() == "nothing to link"
    await world.post(3)
    assert (await service.round()).startswith("linked 3 transfers: ")
    await world.post(2)
    assert (await world.service().round()).startswith("linked 2 transfers: ")
    assert await service.round() == "nothing to link"
    assert [link.number for link in await world.links()] == [1, 2, 3, 4, 5]
    head = (await world.links())[-1].head
    assert await service.head() == head
    await world.post(1)
    said = await service.round()
    assert said == f"linked 1 transfers: {await service.head()}", "the log keeps heads"
    await world.check()


async def test_transfers_that_commit_out_of_order_are_all_linked(world: World) -> None:
    begun, enough = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with world.store.transaction():
            await world.ledger.post(deposit(100))
            begun.set()
            await enough.wait()

    task = asyncio.create_task(slow())
    await begun.wait()
    lender = mixin(Token(AssetId("other"), USDT, "Tron"))
    later = Transfer(Cause("deposit", "101"), (Posting(lender, available(UserId("b"), USDT), Decimal(1)),))
    await world.ledger.post(later)
    service = world.service()
    assert (await service.round()).startswith("linked 1 transfers: ")
    enough.set()
    await task
    assert (await service.round()).startswith("linked 1 transfers: ")
    first, second = [link.transfer_id for link in await world.links()]
    assert first > second
    world.posted = 2
    await world.check()


async def test_two_chainers_at_once_make_one_chain(world: World) -> None:
    await world.post(20)

    async def round_until_done(service: ChainService) -> None:
        for _ in range(5):
            await service.round()

    await asyncio.gather(*(round_until_done(world.service()) for _ in range(4)))
    await world.check()


async def test_while_one_links_another_waits_for_the_next_round(world: World, admin: Any) -> None:
    await world.post(1)
    service = world.service()
    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock(hashtextextended('chain', 0))")
        assert await service.round() == "somebody else links"
    assert (await service.round()).startswith("linked 1 transfers: ")


async def test_whoever_keeps_everybody_from_linking_for_long_is_told(world: World, admin: Any) -> None:
    await world.post(1)
    service = world.service()
    async with admin.transaction():
        await admin.execute("SELECT pg_advisory_xact_lock(hashtextextended('chain', 0))")
        world.clock.advance(599)
        assert await service.round() == "somebody else links"
        world.clock.advance(1)
        assert await service.round() == "the chain is broken: chain_held_up at no link"
    assert await world.notices.kinds(OWNER) == ["chain_broken"]


async def test_a_long_backlog_is_linked_in_rounds_that_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chaining, "PAGE", 2)
    monkeypatch.setattr(chaining, "PAGES", 2)
    await world.post(7)
    service = world.service()
    said = [(await service.round()).partition(":")[0] for _ in range(3)]
    assert said == ["linked 4 transfers", "linked 3 transfers", "nothing to link"]
    await world.check()


async def test_a_crash_at_any_boundary_leaves_a_whole_chain(world: World) -> None:
    await world.post(1)
    blown = 0
    for boundary in range(1, 100):
        fuse = Fuse(boundary)
        with suppress(SimulatedCrash):
            await world.service(fuse).round()
            break
        blown += 1
        await world.post(1)
    assert blown >= 10
    await world.service().round()
    await world.check()


BENT = {
    "an amount altered": (
        "UPDATE postings SET amount = 2 WHERE transfer_id = 3 AND number = 1",
        "transfer_altered",
    ),
    "a posting deleted": ("DELETE FROM postings WHERE transfer_id = 3 AND number = 2", "transfer_altered"),
    "a posting added": (
        "INSERT INTO postings SELECT 3, 3, source_id, destination_id, 1 FROM postings LIMIT 1",
        "transfer_altered",
    ),
    "a posting redirected": (
        (
            "UPDATE postings SET destination_id = (SELECT min(destination_id) FROM postings "
            "WHERE transfer_id = 4) WHERE transfer_id = 3"
        ),
        "transfer_altered",
    ),
    "an account renamed": (
        "UPDATE accounts SET owner = 'mallory' WHERE owner = 'person-0'",
        "transfer_altered",
    ),
    "a cause altered": ("UPDATE transfers SET cause = 'other' WHERE id = 3", "transfer_altered"),
    "a kind altered": ("UPDATE transfers SET kind = 'gift' WHERE id = 3", "transfer_altered"),
    "a time altered": (
        "UPDATE transfers SET posted_at = posted_at - interval '1 day' WHERE id = 3",
        "transfer_altered",
    ),
    "a transfer deleted": ("DELETE FROM transfers WHERE id = 3", "transfer_missing"),
    "two swapped": (
        (
            "UPDATE chain_links SET transfer_id = 7 - transfer_id + 100 WHERE number IN (3, 4); "
            "UPDATE chain_links SET transfer_id = transfer_id - 100 WHERE number IN (3, 4)"
        ),
        "transfer_altered",
    ),
    "a link deleted": ("DELETE FROM chain_links WHERE number = 3", "link_missing"),
    "a hash altered": ("UPDATE chain_links SET hash = repeat('a', 64) WHERE number = 3", "transfer_altered"),
    "a transfer slipped in": (
        (
            "INSERT INTO transfers (id, kind, cause, fingerprint, postings, posted_at) "
            "OVERRIDING SYSTEM VALUE "
            "VALUES (-200000, 'gift', '1', repeat('0', 64), 1, now() - interval '2 minutes')"
        ),
        "transfer_unchained",
    ),
}


@pytest.mark.parametrize("bent", sorted(BENT))
async def test_what_a_hand_bends_is_found_and_stops_payouts(world: World, hand: Any, bent: str) -> None:
    await world.post(6)
    service = world.service()
    await service.round()
    sql, fault = BENT[bent]
    await hand.execute(sql)
    world.clock.advance(HOUR)
    said = await service.round()
    assert said.startswith(f"the chain is broken: {fault} at ")
    assert (await world.freezes.frozen(DOLLARS.asset_id)).startswith(f"chain_broken:{fault} at ")
    assert await world.notices.kinds(OWNER) == ["chain_broken"]
    world.clock.advance(HOUR)
    await service.round()
    assert await world.notices.kinds(OWNER) == ["chain_broken"]


async def test_an_end_that_was_rewritten_is_found_by_who_saw_it(world: World, hand: Any) -> None:
    """A consistent chain over a forged end: only the head that was noted betrays it."""
    await world.post(4)
    service = world.service()
    await service.round()
    await hand.execute(
        "DELETE FROM chain_links WHERE number = 4; UPDATE transfers SET cause = 'x' WHERE id = 4"
    )
    assert (await service.round()).startswith("the chain is broken: chain_rewritten at link 4")
    assert await world.freezes.frozen(DOLLARS.asset_id)
    assert (await service.round()).startswith("linked 1 transfers: ")


class UnheardOnce(PostgresFreezes):
    """Freezes that cannot be written the first time."""

    unheard = True

    async def freeze(self, scope: str, reason: str, at: datetime) -> bool:
        if self.unheard:
            self.unheard = False
            raise Unavailable("store_unavailable")
        return await super().freeze(scope, reason, at)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM chain_links WHERE number = 4", "UPDATE transfers SET cause = 'x' WHERE id = 2"]
)
async def test_an_alarm_that_could_not_be_given_is_given_again(world: World, hand: Any, sql: str) -> None:
    world.freezes = UnheardOnce(world.store)
    await world.post(4)
    service = world.service()
    await service.round()
    await hand.execute(sql)
    world.clock.advance(HOUR)
    with pytest.raises(Unavailable):
        await service.round()
    assert (await service.round()).startswith("the chain is broken")
    assert await world.notices.kinds(OWNER) == ["chain_broken"]


async def test_who_was_overtaken_by_many_is_found_by_looking_further_back(
    world: World, monkeypatch: pytest.MonkeyPatch, hand: Any
) -> None:
    monkeypatch.setattr(chaining, "NEAR", 1)
    await world.post(4)
    await hand.execute("SELECT setval(pg_get_serial_sequence('transfers', 'id'), 100)")
    await world.post(1)
    service = world.service()
    assert (await service.round()).startswith("linked 5 transfers: ")
    await hand.execute(
        "INSERT INTO transfers (id, kind, cause, fingerprint, postings) OVERRIDING SYSTEM VALUE "
        "VALUES (50, 'late', '1', repeat('0', 64), 1)"
    )
    assert await service.round() == "nothing to link"
    world.clock.advance(15)
    assert (await service.round()).startswith("linked 1 transfers: ")


async def test_a_look_through_everything_goes_page_by_page_and_once_an_hour(
    world: World, hand: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.post(5)
    await world.service().round()
    await hand.execute("UPDATE transfers SET cause = 'x' WHERE id = 5")
    monkeypatch.setattr(chaining, "PAGE", 2)
    service = world.service()
    said = [await service.round() for _ in range(3)]
    assert said[:2] == ["nothing to link"] * 2
    assert said[2].startswith("the chain is broken: transfer_altered at link 5")
    assert await service.round() == "nothing to link"
    world.clock.advance(HOUR - 1)
    assert [await service.round() for _ in range(3)] == ["nothing to link"] * 3
    world.clock.advance(1)
    assert [await service.round() for _ in range(3)][2].startswith("the chain is broken")


@pytest.mark.parametrize("bend", [{"number": 4}, {"number": 2}, {"previous": "0" * 64}, {"transfer_id": 99}])
async def test_a_link_that_does_not_follow_is_refused(world: World, bend: dict[str, Any]) -> None:
    await world.post(2)
    await world.service().round()
    await world.post(1)
    [right] = links_after(await world.chain.head(), await world.chain.unlinked(1, 100))
    with pytest.raises(InvariantBroken, match="link_misplaced"):
        await world.chain.add([replace(right, **bend)])
    await world.chain.add([right])
    await world.check()


async def test_a_transfer_has_one_place(world: World) -> None:
    await world.post(1)
    await world.service().round()
    link = (await world.links())[0]
    with pytest.raises(InvariantBroken, match="chain_links_transfer"):
        await world.chain.add([Link(2, link.transfer_id, link.hash, "a" * 64)])
