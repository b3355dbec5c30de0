"""Converting, trading by hand and leaving a run in one coin, told as the person lives it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from conversations import convert, leave, trade
from conversations.convert import ConvertConversation
from conversations.trade import BuyConversation, SellConversation
from domain.conversions.model import Conversion, ConversionState, Ending
from domain.ledger.model import run as run_account
from domain.market.model import Side
from domain.market.runs import RunKind, RunState
from domain.money import Coin
from handlers.wiring import flows_of
from tests.corpus import NASTY_AMOUNTS
from tests.fakes.runs import ACCOUNT
from tests.handlers.world import Person, World

NONSENSE = (
    "",
    "bananas",
    "-1",
    "0",
    "1e9",
    "100 USDT",
    "是什么",
    "/",
    "100 USDT to USDT",
    "1 2 3",
    "1 BTC at x",
)


def market() -> tuple[World, Person]:
    world = World()
    world.trade(BTC_USDT="60000", ETH_USDT="3000")
    return world, world.person("alice", USDT="1000", BTC="0.1")


def only(world: World) -> Conversion:
    [conversion] = world.exchanged.rows.values()
    return conversion


async def running(world: World, alice: Person) -> None:
    for said in ("/new", "BTC/USDT", "calm", "0.01", "500", "yes"):
        await alice.says(said)
    [run] = world.runs.rows
    assert world.ledger.rows["total"][run_account(run.id, ACCOUNT, Coin("BTC"))] == Decimal("0.01")


async def test_a_conversion_is_asked_for_step_by_step_and_shown_before_it_begins() -> None:
    world, alice = market()
    told = await alice.says("/convert")
    assert "USDT: 1,000" in told
    assert "BTC" in await alice.taps("USDT")
    assert "1,000 available" in await alice.taps("BTC")
    told = await alice.says("600")
    for part in (
        "600 USDT",
        "about 0.00998",
        "60,600",
        "0.1%",
        "two minutes",
        "smallest order, 5.4540009 USDT",
    ):
        assert part in told, part
    assert world.exchanged.rows == {}
    assert "Order 1: I am converting 600 USDT to BTC" in await alice.taps("Confirm")
    conversion = only(world)
    assert (conversion.side, conversion.amount, conversion.resting) == (Side.BUY, Decimal(600), False)
    [carrier] = world.runs.rows
    assert (carrier.id, carrier.kind, carrier.state) == (conversion.id, RunKind.CONVERSION, RunState.RUNNING)
    assert alice.place is None


@pytest.mark.parametrize(
    ("said", "side", "amount", "worst"),
    [
        ("/convert 100 USDT to BTC", Side.BUY, "100", "60600.01"),
        ("/convert 0.01 BTC to USDT", Side.SELL, "0.01", "59400"),
        ("/convert all btc into usdt", Side.SELL, "0.1", "59400"),
        ("/兑换 0.01 BTC 换 USDT", Side.SELL, "0.01", "59400"),
        ("/sell 0.01 BTC", Side.SELL, "0.01", "59400"),
        ("/sell 0.01 BTC/USDT at 61000.005", Side.SELL, "0.01", "61000.01"),
        ("/buy 0.01 BTC at 59000", Side.BUY, "590", "59000"),
        ("/buy 0.01 BTC", Side.BUY, "606.0001", "60600.01"),
        ("/买入 0.01 BTC 价 59000", Side.BUY, "590", "59000"),
    ],
)
async def test_it_can_be_said_all_at_once(said: str, side: Side, amount: str, worst: str) -> None:
    world, alice = market()
    assert await alice.says(said)
    assert world.exchanged.rows == {}
    await alice.says("yes")
    conversion = only(world)
    assert (conversion.side, conversion.amount) == (side, Decimal(amount))
    assert abs(conversion.worst - Decimal(worst)) <= Decimal("0.01")
    assert conversion.resting == (" at " in said or " 价 " in said)


async def test_an_order_is_asked_for_step_by_step() -> None:
    world, alice = market()
    assert "What do you want to sell" in await alice.says("/sell")
    assert "How much BTC" in await alice.taps("BTC/USDT")
    assert "what price in USDT" in await alice.says("0.02")
    assert "sell 0.02 BTC at 62,000 USDT or better" in await alice.says("62000")
    assert "rests until it is filled" in await alice.taps("Confirm")
    assert only(world).resting
    assert "sell at 62,000 or better · open" in await alice.says("/orders")
    assert "taking back order 1" in await alice.taps("Take back 1")
    assert only(world).state is ConversionState.FINISHING
    assert "is over already" in await alice.says("/orders cancel 1")


async def test_a_run_is_left_in_the_coin_that_is_chosen() -> None:
    world, alice = market()
    await running(world, alice)
    await alice.says("/run 1")
    assert "In which form" in await alice.taps("Stop 1")
    told = await alice.taps("All in USDT")
    for part in ("market maker 1", "0.01 BTC now", "about 599", "59,400", "0.1%"):
        assert part in told, part
    assert [run.state for run in world.runs.rows] == [RunState.RUNNING]
    await alice.says("/leave 1")
    assert "0.01 BTC now" in await alice.says("all in USDT"), "what a button reads can be typed"
    assert "is stopping" in await alice.taps("Confirm")
    assert [run.state for run in world.runs.rows] == [RunState.STOPPING]
    conversion = only(world)
    assert (conversion.state, conversion.leaves) == (ConversionState.WAITING, world.runs.rows[0].id)
    assert "waits for the market maker to stop" in await alice.says("/orders")


async def test_button_of_a_run_that_has_ended_says_so_and_asks_nothing() -> None:
    world, alice = market()
    await running(world, alice)
    await alice.says("/run 1")
    tap = alice.buttons["Stop 1"].removeprefix("input:")
    await alice.says("/stop 1")
    assert await alice.says(tap) == "Market maker 1 (BTC/USDT) is stopping already."
    assert alice.place is None
    assert await alice.says(f"{tap} USDT") == "Market maker 1 (BTC/USDT) is stopping already."
    world.runs.alter(1, state=RunState.STOPPED)
    assert await alice.says(tap) == "Market maker 1 (BTC/USDT) is stopped already."
    assert await alice.says("/leave 7") == "There is nothing to stop: no market maker of yours is running."


@pytest.mark.parametrize("said", ["/leave 1 USDT", "/leave #1 btc", "/离开 1 USDT"])
async def test_leaving_can_be_said_all_at_once(said: str) -> None:
    world, alice = market()
    await running(world, alice)
    assert "Please check: market maker 1" in await alice.says(said)
    await alice.says("no")
    assert world.exchanged.rows == {}
    assert world.runs.rows[0].state is RunState.RUNNING


@pytest.mark.parametrize("steps", [(), ("1",), ("1", "USDT")])
async def test_every_step_of_leaving_answers_nonsense_and_stays(steps: tuple[str, ...]) -> None:
    world, alice = market()
    await running(world, alice)
    for said in ("/leave", *steps):
        await alice.says(said)
    await answers_nonsense(world, alice)


@pytest.mark.parametrize("steps", [(), ("USDT",), ("USDT", "BTC"), ("USDT", "BTC", "100")])
async def test_every_step_of_converting_answers_nonsense_and_stays(steps: tuple[str, ...]) -> None:
    world, alice = market()
    for said in ("/convert", *steps):
        await alice.says(said)
    await answers_nonsense(world, alice)


@pytest.mark.parametrize("steps", [(), ("BTC/USDT",), ("BTC/USDT", "0.01"), ("BTC/USDT", "0.01", "market")])
@pytest.mark.parametrize("command", ["/buy", "/sell"])
async def test_every_step_of_trading_answers_nonsense_and_stays(command: str, steps: tuple[str, ...]) -> None:
    world, alice = market()
    for said in (command, *steps):
        await alice.says(said)
    await answers_nonsense(world, alice)


async def answers_nonsense(world: World, alice: Person) -> None:
    """Say what makes no sense here: there is a word for it, and nothing moves."""
    place = alice.place
    assert place is not None
    before = dict(world.ledger.rows["total"])
    for nonsense in NONSENSE:
        world.clock.advance(seconds=5)
        world.trade(BTC_USDT="60000", ETH_USDT="3000")
        assert await alice.says(nonsense), nonsense
        assert alice.place is not None, nonsense
        assert alice.place.state == place.state, nonsense
    assert world.exchanged.rows == {}
    assert dict(world.ledger.rows["total"]) == before


ENTRIES = [
    (ConvertConversation, "coin", "{} USDT to BTC", {}),
    (ConvertConversation, "amount", "{}", {"coin": "USDT", "into": "BTC"}),
    (BuyConversation, "pair", "{} BTC at 60000", {}),
    (SellConversation, "pair", "0.01 BTC at {}", {}),
    (BuyConversation, "quantity", "{}", {"pair": "BTC/USDT"}),
    (SellConversation, "price", "{}", {"pair": "BTC/USDT", "quantity": "0.01"}),
]


@pytest.mark.parametrize(("flow", "state", "text", "draft"), ENTRIES)
async def test_no_literal_of_the_corpus_is_taken_for_an_amount_or_a_price(
    flow: type[Any], state: str, text: str, draft: dict[str, str]
) -> None:
    """T14: wherever a person may type a number."""
    world, _ = market()
    services = world.services()
    for literal in NASTY_AMOUNTS:
        conversation = flows_of(services)[flow.flow]("alice")
        conversation.state, conversation.draft = state, flow.draft_type(**draft)
        assert not await conversation.hear(text.format(literal)), literal
        assert conversation.state == state, literal


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("/convert 5000 USDT to BTC", "1,000 is available"),
        ("/convert 1 USDT to BTC", "no order below 5"),
        ("/convert 100 USDT to DOGE", "No exchange here trades USDT for DOGE"),
        ("/convert 0.01 BTC to ETH", "No exchange here trades BTC for ETH"),
        ("/buy 0.01 DOGE", "BTC/USDT"),
        ("/buy 0.01 BTC at 6000", "too far from the market"),
        ("/buy 0.01 BTC at banana", "amount"),
        ("/leave 7", "nothing to stop"),
        ("/orders cancel 7", "no order with number 7"),
    ],
)
async def test_what_cannot_be_is_explained(said: str, told: str) -> None:
    world, alice = market()
    assert told in await alice.says(said)
    assert world.exchanged.rows == {}


async def test_what_lies_in_the_wallet_only_is_said_plainly() -> None:
    world, alice = market()
    for account in list(world.ledger.rows["total"]):
        if account.kind == "venue":
            world.ledger.rows["total"][account] = Decimal(50)
    told = await alice.says("/convert 100 USDT to BTC")
    assert "Only 50 USDT lies at the exchange" in told
    assert "smaller amount" in told


async def test_a_confirmation_is_one_persons_and_works_once() -> None:
    world, alice = market()
    await alice.says("/convert 100 USDT to BTC")
    confirm = alice.buttons["Confirm"].removeprefix("input:")
    eve = world.person("eve", USDT="1000")
    await eve.says("/convert 50 USDT to BTC")
    assert "does not belong" in await eve.says(confirm) or world.exchanged.rows == {}
    assert world.exchanged.rows == {}
    await alice.says(confirm)
    await alice.says(confirm)
    assert only(world).user_id == "alice"


async def test_a_quote_that_the_market_left_behind_is_shown_anew() -> None:
    world, alice = market()
    await alice.says("/sell 0.01 BTC")
    world.trade(BTC_USDT="50000")
    told = await alice.taps("Confirm")
    assert "The market has moved" in told
    assert "49,500" in told
    assert world.exchanged.rows == {}
    await alice.taps("Confirm")
    assert only(world).worst == Decimal(49500)


async def test_a_book_nobody_has_seen_gives_no_quote() -> None:
    world, alice = market()
    world.clock.advance(seconds=31)
    assert "no coin that I can convert" in await alice.says("/convert")


async def test_another_persons_orders_and_runs_are_unknown() -> None:
    world, alice = market()
    await running(world, alice)
    await alice.says("/convert 100 USDT to BTC")
    await alice.says("yes")
    eve = world.person("eve", USDT="1000")
    assert "no order with number 1" in await eve.says("/orders cancel 1")
    assert "nothing to stop" in await eve.says("/leave 1 USDT")
    assert "You have no orders" in await eve.says("/orders")
    assert only(world).state is ConversionState.CONVERTING


async def test_what_became_of_orders_is_listed() -> None:
    world, alice = market()
    await alice.says("/convert 100 USDT to BTC")
    await alice.says("yes")
    done = replace(
        only(world),
        state=ConversionState.DONE,
        reason=Ending.CAP,
        spent=Decimal(60),
        received=Decimal("0.001"),
    )
    world.exchanged.rows[done.id] = done
    told = await alice.says("/orders")
    assert "60 USDT became 0.001 BTC" in told
    assert "worst price" in told
    world.exchanged.rows[done.id] = replace(done, received=Decimal(0))
    assert "没有成交" in await alice.says("/language zh") + await alice.says("/订单")


@pytest.mark.parametrize("flow", [convert, trade, leave])
def test_tables_name_states_that_there_are(flow: object) -> None:
    rows = flow.TRANSITIONS  # type: ignore[attr-defined]  # a module
    assert {row[1] for row in rows} | {row[2] for row in rows} == flow.STATES  # type: ignore[attr-defined]


async def test_a_pair_is_named_by_its_base_asset_only_where_there_is_one() -> None:
    world, alice = market()
    world.trade(BTC_USDT="60000", BTC_USDC="60000")
    assert "BTC/USDC, BTC/USDT" in await alice.says("/buy 0.01 BTC")
    assert "Please check" in await alice.says("0.01 BTC/USDT")
