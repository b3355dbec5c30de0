"""Starting, watching and stopping a market maker by chat, told as the person lives it."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.fees import FeeKind, Rate, service_fee
from domain.ledger.model import Cause
from domain.market.runs import FillTotals, RunState
from domain.money import Coin
from tests.corpus import NASTY_AMOUNTS
from tests.handlers.world import Person, World


def market() -> tuple[World, Person]:
    world = World()
    world.trade(BTC_USDT="60000", ETH_USDT="3000")
    return world, world.person("alice", USDT="1000", BTC="0.02")


async def at_step(person: Person, *said: str) -> str:
    asked = ""
    for text in said:
        asked = await person.says(text)
    return asked


CHOSEN = ("/new", "BTC/USDT", "balanced")
KNOBS = ("6", "3", "4", "0", "5", "2", "2", "yes")

STEPS = {
    "pair": ("/new",),
    "preset": ("/new", "BTC/USDT"),
    "first knob": ("/new", "BTC/USDT", "own"),
    "amount knob": ("/new", "BTC/USDT", "own", *KNOBS[:3]),
    "last knob": ("/new", "BTC/USDT", "own", *KNOBS[:7]),
    "base": CHOSEN,
    "quote": (*CHOSEN, "0.01"),
    "confirm": (*CHOSEN, "0.01", "500"),
}


async def test_run_is_started_with_a_preset_by_tapping() -> None:
    world, alice = market()
    assert "BTC/USDT, ETH/USDT" in await alice.says("/new")
    told = await alice.taps("BTC/USDT")
    assert "balanced: 0.06% from the price, 3 orders a side" in told
    assert "How much BTC" in await alice.taps("balanced")
    assert "How much USDT" in await alice.taps("All of it")
    told = await alice.taps("All of it")
    assert "It works with: 0.02 BTC and 1,000 USDT" in told
    assert "Nearest orders: 0.06% from the price" in told
    assert "buy " in told
    assert "sell " in told
    assert "Market maker 1 on BTC/USDT has started" in await alice.taps("Confirm")
    [run] = world.runs.rows
    assert (run.preset, run.base_start, run.quote_start) == ("balanced", Decimal("0.02"), Decimal(1000))
    assert alice.place is None
    assert "0.02 in market makers" not in await alice.says("/balance")


async def test_run_is_started_with_own_settings_by_typing_in_chinese() -> None:
    world, alice = market()
    await alice.says("/语言 中文")
    told = await at_step(alice, "/新建", "btc-usdt", "自定义")
    assert "第 1 项，共 8 项" in told
    await at_step(alice, "12", "2", "默认", "0.001", "10", "默认", "默认")
    told = await alice.says("是")
    assert "可以使用多少 BTC" in told
    told = await at_step(alice, "0.01", "全部")
    assert "报价与市价的距离：0.12%" in told
    assert "已启动" in await alice.says("确认")
    [run] = world.runs.rows
    assert (run.preset, run.config["half_spread_bps"], run.config["order_amount"]) == ("", "12", "0.001")
    assert run.config["post_only"] == "yes"


async def test_every_parameter_is_asked_with_unit_bounds_and_default() -> None:
    _, alice = market()
    told = await at_step(alice, *STEPS["first knob"])
    assert "1 of 8: distance from the price (a whole number of basis points" in told
    assert "From 1 to 1,000" in told
    assert "“default” for 6" in told
    assert "Default: 6" in alice.buttons
    for _ in range(8):
        told = await alice.says("default")
    assert "How much BTC" in told


async def test_one_sided_run_is_possible() -> None:
    world, alice = market()
    await at_step(alice, *CHOSEN, "nothing", "600", "yes")
    [run] = world.runs.rows
    assert (run.base_start, run.quote_start) == (Decimal(0), Decimal(600))


WRONG = {
    "nonsense": "asdf qwer",
    "foreign text": "сколько это стоит",
    "emoji": "🤷",
    "blank": "   ",
    "a long text": "x" * 5_000,
    "a negative number": "-5",
    "an exponent": "1e999999",
}


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG.keys())
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())
async def test_wrong_answer_is_explained_and_keeps_the_place(step: tuple[str, ...], said: str) -> None:
    world, alice = market()
    asked = await at_step(alice, *step)
    before = alice.place
    told = await alice.says(said)
    assert before is not None
    assert alice.place is not None
    assert alice.place.state == before.state
    assert told.splitlines()[0] != asked.splitlines()[0]
    assert told.endswith(asked.splitlines()[-1])
    assert world.runs.rows == []


@pytest.mark.parametrize(
    ("step", "said", "explained"),
    [
        ("pair", "DOGE/USDT", "choose one of these: BTC/USDT, ETH/USDT"),
        ("preset", "reckless", "choose one of these: calm, balanced, tight, My own"),
        ("first knob", "0", "“distance from the price” must be between 1 and 1,000"),
        ("first knob", "1001", "must be between 1 and 1,000"),
        ("first knob", "6.5", "basis points"),
        ("first knob", " 6", "basis points"),
        ("amount knob", "9999999999999", "must be between 0 and"),
        ("last knob", "maybe", "yes or no"),
        ("base", "0.020000001", "at most 8 digits"),
        ("base", "0.03", "0.02 is available"),
        ("quote", "1000.1", "1,000 is available"),
        ("confirm", "perhaps", "yes or no"),
        ("confirm", "/confirm forged", "does not belong"),
    ],
)
async def test_too_much_and_too_little_are_explained(step: str, said: str, explained: str) -> None:
    world, alice = market()
    await at_step(alice, *STEPS[step])
    before = alice.place
    assert explained in await alice.says(said)
    assert before is not None
    assert alice.place is not None
    assert alice.place.state == before.state
    assert world.runs.rows == []


CORPUS = [NASTY_AMOUNTS[i : i + 25] for i in range(0, len(NASTY_AMOUNTS), 25)]


@pytest.mark.parametrize("step", ["amount knob", "base", "quote"])
@pytest.mark.parametrize("literals", CORPUS, ids=range(len(CORPUS)))
async def test_no_literal_of_the_corpus_is_taken_for_an_amount(step: str, literals: list[str]) -> None:
    world, alice = market()
    await at_step(alice, *STEPS[step])
    before = alice.place
    for said in literals:
        world.clock.advance(seconds=1)
        told = await alice.hears(world.message("alice", said))
        assert alice.place == before, (said[:40], told)


async def test_cancel_and_other_commands_work_at_every_step() -> None:
    for step in STEPS.values():
        _, alice = market()
        asked = await at_step(alice, *step)
        told = await alice.says("/balance")
        assert "1,000 available" in told
        assert told.endswith(asked.splitlines()[-1])
        assert "set-up of a market maker aside; nothing was changed" in await alice.says("/cancel")
        assert alice.place is None


@pytest.mark.parametrize(
    ("base", "quote", "explained", "asks"),
    [
        ("0.00000001", "0", "too little for an order: at least 0.00009 BTC", "How much USDT"),
        ("nothing", "4.99", "too little for an order: at least 5.6 USDT", "How much USDT"),
        ("nothing", "0", "too little for a single order", "How much BTC"),
    ],
)
async def test_too_little_for_an_order_leads_back_to_the_amounts(
    base: str, quote: str, explained: str, asks: str
) -> None:
    _, alice = market()
    told = await at_step(alice, *CHOSEN)
    told = await alice.says(base) + await alice.says(quote)
    assert explained in told
    assert asks in told.splitlines()[-1]


async def test_too_little_for_any_order_leads_to_a_deposit() -> None:
    world, _ = market()
    bob = world.person("bob", USDT="4.99")
    assert "too little for BTC/USDT" in await at_step(bob, "/new", "BTC/USDT")
    assert bob.place is None
    assert "pay in" in await bob.taps("Deposit")


async def test_second_tap_on_confirm_says_that_it_is_done() -> None:
    world, alice = market()
    await at_step(alice, *STEPS["confirm"])
    token = alice.buttons["Confirm"].removeprefix("input:")
    bob = world.person("bob")
    assert "does not belong to anything open" in await bob.says(token)
    assert "has started" in await alice.says(token)
    assert "done only once" in await alice.says(token)
    assert "does not belong to anything open" in await bob.says(token)
    assert len(world.runs.rows) == 1


async def test_foreign_choice_is_answered_in_the_words_of_the_buttons() -> None:
    _, alice = market()
    await alice.says("/语言 中文")
    told = await at_step(alice, "/new", "BTC/USDT", "随便")
    assert "稳健、平衡、紧密、自定义" in told


async def test_orders_below_the_venue_minimum_lead_back_to_the_settings() -> None:
    _, alice = market()
    told = await at_step(alice, *STEPS["amount knob"], "0.00002", *KNOBS[4:], "0.01", "500")
    assert "no order below" in told
    assert "My own" in told


async def test_exchange_without_enough_coins_leads_back_to_that_coin() -> None:
    world, alice = market()
    for coin, asks in (("USDT", "How much USDT"), ("BTC", "How much BTC")):
        for account in world.ledger.rows["total"]:
            if account.kind == "venue":
                world.ledger.rows["total"][account] = Decimal(0 if account.coin == coin else 10_000)
        told = await at_step(alice, *CHOSEN, "0.01", "500")
        assert "has only 0 " + coin in told
        assert asks in told.splitlines()[-1]


async def test_money_gone_meanwhile_leads_back_to_the_amount() -> None:
    world, alice = market()
    await at_step(alice, *STEPS["confirm"])
    world.ledger.give("alice", "USDT", "-900")
    told = await alice.taps("Confirm")
    assert told.count("100 is available") == 1
    assert "How much USDT" in told.splitlines()[-1]
    assert world.runs.rows == []


async def test_pair_gone_meanwhile_leads_back_to_the_pairs() -> None:
    world, alice = market()
    await at_step(alice, *CHOSEN)
    world.clock.advance(minutes=5)
    world.trade(ETH_USDT="3000")
    assert "I trade ETH/USDT" in await alice.says("0.01")
    world.clock.advance(minutes=5)
    assert "No pair can be traded" in await alice.says("ETH/USDT")
    assert alice.place is None


async def test_confirmation_works_once_and_for_five_minutes() -> None:
    world, alice = market()
    await at_step(alice, *STEPS["confirm"])
    confirm = alice.buttons["Confirm"].removeprefix("input:")
    world.clock.advance(minutes=6)
    world.trade(BTC_USDT="61000")
    assert "more than five minutes" in await alice.says(confirm)
    assert "has started" in await alice.taps("Confirm")
    assert "does not belong" in await alice.says(confirm)
    assert len(world.runs.rows) == 1


async def test_no_drops_it() -> None:
    world, alice = market()
    await at_step(alice, *STEPS["confirm"])
    assert "nothing was changed" in await alice.says("no")
    assert (alice.place, world.runs.rows) == (None, [])


async def test_too_many_runs_end_the_conversation() -> None:
    world, alice = market()
    await at_step(alice, *CHOSEN, "0.001", "10", "yes")
    world.runs.rows *= 20
    told = await at_step(alice, *CHOSEN, "0.001", "10")
    assert "20 market makers" in told
    assert alice.place is None


@pytest.mark.parametrize(
    ("most", "per_second", "said"),
    [
        (20, 10, "1 are left, and this would want up to 6. Fewer levels"),
        (200, 1, "only looks every 4 s or longer still fit"),
    ],
)
async def test_a_full_account_says_what_would_still_fit_and_asks_again(
    most: int, per_second: int, said: str
) -> None:
    world, alice = market()
    await at_step(alice, *CHOSEN, "0.001", "10", "yes")
    world.runs.rows *= 3
    rows = [replace(view, rules=replace(view.rules, max_open_orders=most)) for view in world.views.rows]
    world.views.rows, world.views.per_second = rows, per_second
    assert said in await at_step(alice, "/new", "BTC/USDT", "tight", "0.001", "10")
    assert alice.place is not None
    assert len(world.runs.rows) == 3


async def running() -> tuple[World, Person]:
    world, alice = market()
    await at_step(alice, *CHOSEN, "0.01", "500", "yes")
    await at_step(alice, *CHOSEN, "0.01", "500", "yes")
    return world, alice


async def test_runs_are_listed_and_looked_at() -> None:
    world, alice = await running()
    first = world.runs.rows[0]
    world.fills.rows[first.id] = FillTotals(3, Decimal(180), Decimal("0.002"), Decimal("0.001"))
    world.fills.open[first.id] = 6
    told = await alice.says("/runs")
    assert "1 · BTC/USDT · running · 3 fills · result 0 USDT" in told
    told = await alice.taps("Look at 1")
    assert "Market maker 1: BTC/USDT, running" in told
    assert "Begun: 1 Mar 2026" in told
    assert "Fills: 3, volume 180 USDT" in told
    assert "Open orders: 6" in told
    assert "Result: 0 USDT" in told
    world.runs.alter(1, trouble="venue_silent")
    assert "does not trade right now" in await alice.says("/run 1")


async def test_runs_without_any_say_how_to_begin() -> None:
    _, alice = market()
    assert "/new" in await alice.says("/runs")
    assert "nothing to stop" in await alice.says("/stop")
    assert "nothing to stop" in await alice.says("/stop all")


@pytest.mark.parametrize("said", ["/run", "/run x", "/run 0", "/run 1 2", "/run 1e3", "/run 99999999999"])
async def test_run_number_that_is_none_is_explained(said: str) -> None:
    _, alice = await running()
    assert "/run 1" in await alice.says(said)


async def test_run_is_stopped_once_and_told_by_the_use_case() -> None:
    world, alice = await running()
    assert "Which one" in await alice.says("/stop")
    assert "In which form" in await alice.taps("Stop 1")
    assert "Market maker 1 on BTC/USDT is stopping" in await alice.taps("As it lies")
    assert "is stopping already" in await alice.says("停止 1")
    world.runs.alter(1, state=RunState.STOPPED, stopped_at=world.clock.now())
    assert "is stopped already" in await alice.says("/stop 1")
    told = await alice.says("/run 1")
    assert "Stopped: 1 Mar 2026" in told
    params = {
        "number": "1",
        "pair": "BTC/USDT",
        "base": "0.011",
        "quote": "441",
        "fills": "3",
        "volume": "60",
    }
    await world.outbox.tell("alice", "run_stopped", "run_stopped:1", params)
    assert "0.011 BTC and 441 USDT are yours" in "\n".join(await alice.hears())


async def test_run_is_paused_and_resumed_by_taps_and_says_what_each_does() -> None:
    world, alice = await running()
    assert "/pause 1" in await alice.says("/pause")
    await alice.says("/run 1")
    told = await alice.taps("Pause 1")
    assert "Market maker 1 on BTC/USDT is paused" in told
    assert "/resume 1" in told
    assert world.runs.rows[0].state is RunState.PAUSED
    assert "is paused already" in await alice.says("/暂停 1")
    world.runs.alter(1, trouble="pair_not_traded")
    told = await alice.says("/run 1")
    assert "BTC/USDT, paused" in told
    assert "It was paused: the exchange does not trade this pair now" in told
    assert "goes on" in await alice.taps("Resume 1")
    assert "is at work" in await alice.says("/resume 1")
    world.clock.advance(minutes=1)  # nobody may say more than twenty things a minute
    await alice.says("/pause 1")
    await alice.says("/stop 1")
    assert "is not running any more" in await alice.says("/resume 1")


async def test_run_that_was_taken_over_is_not_spoken_of_as_if_it_were_at_work() -> None:
    world, alice = await running()
    world.fills.open[world.runs.rows[0].id] = 2
    world.runs.alter(1, state=RunState.HALTED)
    told = await alice.says("/run 1")
    assert "halted: everything of it comes off the book" in told
    assert "Orders whose end is not booked yet: 2" in told
    assert "Open orders" not in told
    assert "when the part of me that trades is at work" in await alice.says("/pause 1")
    assert "It stands aside meanwhile" in await alice.says("/change 1 levels 2")
    assert "takes them up when it goes on" in await alice.taps("Confirm")


async def test_run_that_waits_for_its_person_says_so_whatever_is_asked() -> None:
    world, alice = await running()
    world.runs.alter(1, state=RunState.AWAITING_USER, trouble="recovery_by_hand")
    told = await alice.says("/run 1")
    assert "It stands still and does not go on by itself: here each person decides for themselves" in told
    told = await alice.says("/pause 1")
    assert "stands still already and waits for your word" in told
    assert "being brought back" not in told
    assert world.runs.rows[0].state is RunState.AWAITING_USER
    assert "goes on" in await alice.taps("Resume 1")


async def test_pause_that_was_sent_while_the_bot_was_down_counts_and_a_late_resume_does_not() -> None:
    world, alice = await running()
    late = [world.message("alice", text) for text in ("/pause 1", "/resume 1")]
    world.clock.advance(minutes=11)
    told = await alice.hears(*late)
    assert world.runs.rows[0].state is RunState.PAUSED
    assert "11 minutes after" in told[-1]


async def test_all_runs_are_stopped_with_one_word() -> None:
    world, alice = await running()
    told = await alice.says("停止 全部")
    assert "Market maker 1" in told
    assert "Market maker 2" in told
    assert {run.state for run in world.runs.rows} == {RunState.STOPPING}
    assert "nothing to stop" in await alice.says("/stop all")


async def test_run_of_another_person_is_unknown() -> None:
    world, _ = await running()
    eve = world.person("eve")
    for said in ("/run 1", "/stop 1"):
        assert "no market maker with number 1" in await eve.says(said)
    assert {run.state for run in world.runs.rows} == {RunState.RUNNING}


async def test_stop_that_was_sent_while_the_bot_was_down_counts() -> None:
    """It lowers risk and frees a person's own money to themselves (ST4); a late start does nothing (MS3)."""
    world, alice = await running()
    late = [world.message("alice", text) for text in ("/stop all", "/new")]
    world.clock.advance(minutes=11)
    told = await alice.hears(*late)
    assert {run.state for run in world.runs.rows} == {RunState.STOPPING}
    assert "11 minutes after" in told[-1]


async def test_a_setting_is_changed_in_two_steps() -> None:
    world, alice = await running()
    told = await alice.says("/edit 1 half_spread_bps 20 levels 2")
    assert "→" in told
    assert "has its new settings" in await alice.taps("Confirm")
    assert world.runs.rows[0].config["half_spread_bps"] == "20"
    assert world.runs.rows[0].config_version == 2
    await alice.taps("Confirm")
    assert world.runs.rows[0].config_version == 2


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("/change", "half_spread_bps"),
        ("/change 1", "half_spread_bps"),
        ("/change 1 levels", "half_spread_bps"),
        ("/change x levels 2", "half_spread_bps"),
        ("/change 7 levels 2", "no market maker"),
        ("/change 1 luck 2", "luck"),
        ("/change 1 levels 99", "10"),
        ("/change 1 levels 3", "already"),
        ("/change 1 levels 2 no-such-token", "changed nothing"),
    ],
)
async def test_what_cannot_be_changed_is_explained(said: str, answer: str) -> None:
    world, alice = await running()
    assert answer in await alice.says(said)
    assert world.runs.rows[0].config_version == 1


# Our fee: before anything is confirmed, and as it is paid


def with_fee(bps: int) -> tuple[World, Person]:
    world, alice = market()
    [first] = world.fees.rows.schedules
    world.fees.rows.schedules[:] = [replace(first, trading_bps=bps)]
    return world, alice


async def test_both_fees_are_shown_before_anything_is_confirmed() -> None:
    world, alice = with_fee(5)
    told = await at_step(alice, *STEPS["confirm"])
    assert "Nearest orders: 0.08% from the price" in told  # 0.01 and 0.05 are paid, and 0.02 are left
    assert "after the exchange's fee of 0.01% and ours of 0.05% each fill keeps about 0.02%" in told
    assert "Our fee is 0.05% of what each fill brings in, before the exchange's own fee" in told
    assert "the fees would leave too little, so I keep 0.08%" in told
    await alice.says("yes")
    [run] = world.runs.rows
    assert (run.fee_version, run.fee_bps) == (1, 5)


async def test_where_we_charge_nothing_no_fee_of_ours_is_explained() -> None:
    _, alice = with_fee(0)
    told = await at_step(alice, *STEPS["confirm"])
    assert "and ours of 0% each fill keeps about 0.05%" in told
    assert "Our fee" not in told


async def test_a_fee_that_changed_since_the_summary_is_shown_before_it_holds() -> None:
    world, alice = with_fee(5)
    await at_step(alice, *STEPS["confirm"])
    old = alice.buttons["Confirm"]
    await world.fees.add(replace(world.fees.rows.schedules[0], version=2, trading_bps=20))
    told = await alice.says("yes")
    assert "The fee has changed meanwhile" in told
    assert "and ours of 0.2% each" in told
    assert world.runs.rows == []
    assert "does not belong" in await alice.says(old.removeprefix("input:"))
    assert world.runs.rows == []
    await alice.taps("Confirm")
    assert [(run.fee_version, run.fee_bps) for run in world.runs.rows] == [(2, 20)]


async def test_what_a_run_has_paid_us_is_told_with_its_result() -> None:
    world, alice = with_fee(5)
    await at_step(alice, *CHOSEN, "0.01", "500", "yes")
    assert "Paid to us: nothing yet; 0.05% of what each fill brings in" in await alice.says("/run 1")
    [run] = world.runs.rows
    for number, (coin, basis) in enumerate((("USDT", "60.000000000000001"), ("BTC", "0.0002"))):
        cause = Cause("fill", str(number))
        paid = service_fee(
            FeeKind.TRADING, cause, Rate(1, 5), run.user_id, Coin(coin), Decimal(basis), run.id
        )
        await world.fees.note(paid)
    told = await alice.says("/run 1")
    assert "Paid to us: 0.0000001 BTC, 0.030000000000000001 USDT, 0.05% of what its fills brought in" in told
    assert "after all fees" in told
    await alice.says("/语言 中文")
    assert "已付给我们：0.0000001 BTC、0.030000000000000001 USDT，为成交所得的 0.05%" in await alice.says(
        "/run 1"
    )
