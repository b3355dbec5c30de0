"""A person is forgotten at their word once nothing of theirs is here; the books stay whole (WI7)."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from adapters.cli.chain import verify
from adapters.db.chain import PostgresChain
from adapters.db.chat import PostgresConversations, PostgresInbox
from adapters.db.erasure import PostgresErasure
from adapters.db.grants import NOBODYS, TABLES
from adapters.db.pages import PostgresPageLinks
from adapters.db.runs import PostgresRuns
from bot.conversation import Place
from bot.events import Message
from domain.errors import Refused
from domain.ids import UserId
from domain.ports.pages import PageLink, Purpose
from domain.ports.users import User
from domain.services.chain import ChainService
from domain.services.confirmations import ConfirmationService
from domain.services.forgetting import ForgettingService
from tests.domain.services.money_world import ALICE, BOB, OWNER, USDT, MoneyWorld, money_world

pytestmark = pytest.mark.database

CANARY = "my name is Alice and I live in Zug"


@pytest.fixture
async def world(migrated_url: str, admin_url: str) -> AsyncIterator[MoneyWorld]:
    async with money_world(migrated_url, admin_url) as made:
        yield made


def forgetting(world: MoneyWorld) -> ForgettingService:
    """Return the use case."""
    books, process = world.books, world.process()
    confirming = ConfirmationService(books.store, books.confirmations, world.clock, world.ids)
    return ForgettingService(
        books.store,
        process.balances,
        PostgresRuns(books.store),
        books.payouts,
        books.kept,
        books.roles,
        PostgresErasure(books.store),
        books.notices,
        confirming,
        world.clock,
    )


def word(text: str, message_id: str, world: MoneyWorld, ago_s: float = 0) -> Message:
    """Return something that Alice said a while ago."""
    return Message(
        text=text,
        sender_id=ALICE,
        conversation_id="room",
        message_id=message_id,
        representative_id="",
        sent_at=world.clock.now() - timedelta(seconds=ago_s),
    )


async def live(world: MoneyWorld) -> PostgresInbox:
    """Let Alice write, pay in, take all out again, and be in the middle of something."""
    inbox, now = PostgresInbox(world.store), world.clock.now()
    await world.process().users.ensure(ALICE, "你好")
    await world.process().users.ensure(BOB, "hi")
    await inbox.add([word(CANARY, "m1", world, 60)], now)
    [row] = await inbox.heads(1, now, ())
    await inbox.finish(row, now)
    await world.books.notices.tell(ALICE, "apology", "m1", {"said": CANARY})
    place = Place("deposit", "amount", {"said": CANARY}, now)
    await PostgresConversations(world.store).keep(ALICE, place)
    await world.process().deposits.open(ALICE, USDT.asset_id, Decimal(3))
    link = PageLink("0" * 64, ALICE, Purpose.RUN, "/runs/1", now, now)
    await PostgresPageLinks(world.store).add(link, now)
    await world.give(ALICE, "100")
    await world.request(ALICE, None)
    await world.settle()
    return inbox


async def forget(world: MoneyWorld, user_id: UserId = ALICE) -> None:
    """Let a person be forgotten in both steps."""
    service = forgetting(world)
    await service.forget(user_id, await service.ask(user_id))


async def kept_of(world: MoneyWorld, user_id: UserId) -> dict[str, list[Any]]:
    """Return the rows of a person in every table, by the rules that say whose they are."""
    connection = await asyncpg.connect(world.admin_url)
    async with connection.transaction():
        await connection.execute("SELECT set_config('mrmarket.user_id', $1, true)", user_id)
        found = {
            name: [json.loads(row[0]) for row in await connection.fetch(
                f"SELECT to_jsonb({name})::text FROM {name} WHERE {table.whose}"  # noqa: S608 - names of ours
            )]
            for name, table in TABLES.items()
            if table.whose != NOBODYS
        }  # fmt: skip
    await connection.close()
    return found


async def test_what_is_personal_is_gone_and_the_books_and_their_seal_stay(world: MoneyWorld) -> None:
    inbox = await live(world)
    chain = ChainService(
        world.store, PostgresChain(world.store), world.books.freezes, world.books.notices, world.clock,
        world.books.roles,
    )  # fmt: skip
    await chain.round()
    head = await chain.head()
    assert head.number > 0
    before = await kept_of(world, ALICE)
    assert CANARY in json.dumps(before)
    await inbox.add([word("/forget", "m2", world), word(CANARY, "m3", world)], world.clock.now())
    await forget(world)
    after = await kept_of(world, ALICE)
    assert CANARY not in json.dumps(after), "in no table"
    for gone in ("conversations", "confirmations", "deposit_intents", "page_links"):
        assert (bool(before[gone]), after[gone]) == (True, []), gone
    assert {row["body"] for row in after["inbox"]} == {""}
    assert [row["state"] for row in after["inbox"]] == ["done", "pending", "done"], (
        "the word itself is answered"
    )
    assert [row["params"] for row in after["outbox"] if row["params"]] == []
    assert after["users"][0]["language"] == "en"
    for stays in ("accounts", "transfers", "postings", "payouts", "outputs", "service_fees"):
        assert after[stays] == before[stays], stays
    assert await verify(PostgresChain(world.store), head) == 0, "as `mrmarket chain verify` says"
    await world.check()


async def test_who_writes_again_is_new_and_old_words_do_not_bring_them_back(world: MoneyWorld) -> None:
    inbox = await live(world)
    await forget(world)
    users = world.process().users
    late = word(CANARY, "m9", world, ago_s=5)
    await inbox.add([late], world.clock.now())
    assert await users.ensure(ALICE, late.text, late.sent_at) is None
    [row] = await inbox.heads(1, world.clock.now(), ())
    await inbox.finish(row, world.clock.now())
    assert CANARY not in json.dumps(await kept_of(world, ALICE)), "nor is it kept"
    assert await world.books.users.find(ALICE) is None
    world.clock.advance(1)
    assert await users.ensure(ALICE, "您好", world.clock.now()) == User(ALICE, "zh")
    assert await world.books.users.find(ALICE) == User(ALICE, "zh")


async def test_what_is_paid_in_afterwards_is_theirs_and_can_be_taken_out(world: MoneyWorld) -> None:
    await live(world)
    await forget(world)
    await world.give(ALICE, "7")
    assert await world.funds(ALICE) == ("7", "0")
    with pytest.raises(Refused, match="forget_has_balance"):
        await forgetting(world).ask(ALICE)
    await world.request(ALICE, None)
    await world.settle()
    await world.check()
    await forget(world)
    assert await world.funds(ALICE) == ("0", "0")


async def test_nobody_is_forgotten_whose_money_is_here(world: MoneyWorld) -> None:
    await live(world)
    service = forgetting(world)
    token = await service.ask(ALICE)
    await world.give(ALICE, "2")
    with pytest.raises(Refused, match="forget_has_balance") as refused:
        await service.forget(ALICE, token)
    assert refused.value.facts["coins"] == "2 USDT"
    with pytest.raises(Refused, match="still_here"):
        await PostgresErasure(world.store).forget(ALICE, world.clock.now())
    await world.request(ALICE, None)
    with pytest.raises(Refused, match="forget_has_payouts"):
        await service.ask(ALICE)
    with pytest.raises(Refused, match="forget_has_role"):
        await service.ask(OWNER)
    world.wallet.pay_in(BOB, USDT.asset_id, "0.5")
    await world.process().deposits.collect()
    with pytest.raises(Refused, match="forget_has_kept"):
        await service.ask(BOB)


async def test_the_owner_hears_once_a_day_who_asks_for_their_data(world: MoneyWorld) -> None:
    for _ in range(2):
        assert await forgetting(world).ask_for_data(ALICE)
    assert [(told.kind, told.params) for told in await world.told(OWNER)] == [
        ("data_asked_for", {"who": ALICE})
    ]
