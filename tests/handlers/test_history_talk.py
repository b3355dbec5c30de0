"""History by chat: what was bought and sold, page by page, in two languages; and nobody else's."""

from dataclasses import replace

import pytest

from domain.ids import UserId
from domain.services.confirmations import hash_of
from handlers.history import command_for, wanted_in
from tests.contracts.test_history import FEES, FILLS, ORDERS, fill
from tests.handlers.world import World


@pytest.fixture
def world() -> World:
    world = World()
    for whose, row in [*FILLS, *ORDERS, *FEES]:
        world.history.add(whose, row)
    return world


async def test_last_fills_are_shown_by_default(world: World) -> None:
    said = await world.person("alice").says("/history")
    assert said.startswith("Your fills, newest first:")
    assert "run 1 bought 0.1 BTC at 61,000 for 6,000 USDT" in said
    assert "run 2 sold 0.1 ETH at 60,000 for 6,000 USDT" in said
    assert "order 1 bought 0.1 BTC" in said, "a conversion is an order by hand"
    assert "fee of the exchange -0.25 BTC, corrected by the exchange" in said
    assert "fee of the exchange not known yet" in said
    assert len(said.splitlines()) == 7


async def test_orders_and_fees_are_a_tap_away(world: World) -> None:
    alice = world.person("alice")
    await alice.says("/history run 1")
    said = await alice.taps("Orders")
    assert "run 1 sells 0.2 BTC at 59,999.5 USDT, filled 0, open" in said
    assert "ETH" not in said, "the filter stays"
    assert "run 1, trading 0.1 BTC of 1 BTC" in await alice.taps("Fees")
    assert "payment, deposit 1 USDT of 100 USDT" in await alice.says("/history fees")


async def test_older_ones_are_a_tap_away(world: World) -> None:
    for seq in range(8, 28):
        world.history.add(UserId("alice"), replace(fill(seq, 0)[1], trade_id=f"t{seq}"))
    alice = world.person("alice")
    pages = [await alice.says("/history BTC/USDT buy")]
    while (older := alice.buttons.pop("Older", None)) is not None:
        pages.append(await alice.says(older.removeprefix("input:")))
    assert [len(page.splitlines()) - 1 for page in pages] == [8, 8, 7]


async def test_chinese_is_understood_and_spoken(world: World) -> None:
    alice = world.person("alice")
    await alice.says("/language 中文")
    said = await alice.says("/历史 成交 做市 1 买入 从 2026-11-01 到 2026-11-30")
    assert said.splitlines()[0] == "你的成交，最新的在前："
    assert "做市 1 以 61,000 买入 0.1 BTC" in said
    assert len(said.splitlines()) == 3
    assert "交易所已作废" in await alice.says("/记录 已作废")


async def test_no_slash_is_needed(world: World) -> None:
    assert "Orders of your runs" in await world.person("alice").says("history orders")


async def test_nothing_is_said_so(world: World) -> None:
    assert "nothing of that kind" in await world.person("carol").says("/history")
    told = await world.person("carol").says("/history fees")
    assert "This bot has charged you nothing here. What the exchange took stands beside each fill" in told


async def test_button_names_days_as_people_do(world: World) -> None:
    alice = world.person("alice")
    await alice.says("/history BTC/USDT from 2026-03-01 to 2026-03-31")
    assert alice.buttons["Orders"] == "input:/history orders BTC/USDT from 2026-03-01 to 2026-03-31"


async def test_of_others_nothing_is_shown(world: World) -> None:
    world.history.add(UserId("bob"), replace(fill(9, 1)[1], run=7, price=fill(1, 0)[1].price + 777))
    for said in ("/history", "/history run 7", "/history #7", "/history before 10"):
        assert "60,777" not in await world.person("alice").says(said)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("/history yesterday", "this word: yesterday"),
        ("/history run", "number of a run: ?"),
        ("/history run two", "number of a run: two"),
        ("/history from soon", "first day: soon"),
        ("/history open", "state: open"),
        ("/history fees buy", "side: buy"),
        ("/history orders fills", "this word: fills"),
        ("/history a/b/c", "pair: a/b/c"),
    ],
)
async def test_bad_words_are_explained(world: World, said: str, what: str) -> None:
    answer = await world.person("alice").says(said)
    assert what in answer
    assert "For example: /history orders run 2 from 2026-11-01" in answer


async def test_page_is_reached_by_a_link_for_its_person_alone(world: World) -> None:
    alice = world.person("alice")
    await alice.says("/history orders run 1")
    said = await alice.taps("Page and files")
    assert "Your orders as a page" in said
    [row] = world.links.rows.values()
    assert row.link.target == "/history?subject=orders&run=1"
    token = alice.buttons["History page"].removeprefix("https://pages.example/open/history/")
    assert row.link.token_hash == hash_of(token)
    assert row.link.user_id == "alice"


@pytest.mark.parametrize(
    "arguments",
    ["", "orders run 2 open", "btc/usdt sell from 2026-11-01 to 2026-11-30", "fees before 7", "#3 busted"],
)
def test_a_button_says_what_was_said(arguments: str) -> None:
    wanted, _ = wanted_in(arguments.split())
    assert wanted_in(command_for(wanted).lower().split()[1:]) == (wanted, False)
