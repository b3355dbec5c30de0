"""Depositing and withdrawing by chat, told as the person lives it."""

from decimal import Decimal

import pytest

from tests.corpus import NASTY_AMOUNTS
from tests.handlers.world import BTC, USDT, Person, World


async def test_stranger_is_greeted_whatever_they_say_first() -> None:
    world = World()
    assert "Welcome to MrMarket" in await world.person("alice").says("Hi")
    assert "/deposit" in await world.person("bob").says("/start")
    assert "only commands" in await world.person("carol").says("asdf")


async def test_first_words_in_chinese_are_answered_in_chinese() -> None:
    world = World()
    alice = world.person("alice")
    assert "欢迎" in await alice.says("你好")
    assert "充值" in await alice.says("帮助")
    assert "所有者" not in await alice.says("帮助")
    assert "还没有资产" in await alice.says("余额")


async def test_language_is_changed_by_word_and_kept() -> None:
    world = World()
    alice = world.person("alice")
    assert "/language" in await alice.says("/language")
    assert "中文" in await alice.taps("中文")
    assert "你的资产" not in await alice.says("/balance")
    assert "只能理解命令" in await alice.says("what?")
    assert "English" in await alice.says("/语言 english")
    assert "English and Chinese" in await alice.says("/language klingon")
    assert "only commands" in await alice.says("什么")


async def test_balance_lists_what_is_there() -> None:
    world = World()
    alice = world.person("alice", USDT="1234.5", BTC="0.00000001")
    told = await alice.says("/balance")
    assert "USDT: 1,234.5 available" in told
    assert "BTC: 0.00000001 available" in told


async def test_deposit_leads_from_coin_to_amount_to_a_pay_button() -> None:
    world = World()
    alice = world.person("alice")
    assert "BTC, USDT" in await alice.says("/deposit")
    assert "At least 1" in await alice.taps("USDT")
    assert "pay 1,000 USDT" in await alice.says("1000")
    [intent] = world.intents.rows
    assert (intent.user_id, intent.token, intent.amount) == ("alice", USDT, Decimal(1000))
    assert alice.buttons["Pay now"] == intent.pay_link
    assert alice.place is None


async def test_credited_deposit_is_told_by_the_outbox() -> None:
    world = World()
    alice = world.person("alice")
    await alice.says("/language zh")
    params = {"coin": "USDT", "amount": "1000", "network": "Ethereum"}
    await world.outbox.tell("alice", "deposit_credited", "output-1", params)
    await world.outbox.tell("alice", "deposit_credited", "output-1", params)
    assert await alice.hears() == ["1,000 USDT（Ethereum）已到账，可以使用了。"]


async def test_withdrawal_is_summed_up_and_confirmed_by_a_tap() -> None:
    world = World()
    alice = world.person("alice", USDT="1000", BTC="0.02")
    assert "USDT: 1,000" in await alice.says("/withdraw")
    assert "You have 1,000" in await alice.says("usdt")
    told = await alice.says("250.5")
    assert "Taken from your balance: 250.5 USDT" in told
    assert "Fee: 0.2505 USDT" in told
    assert "You receive: 250.2495 USDT (Ethereum)" in told
    assert "250.2495 USDT is on its way" in await alice.taps("Confirm")
    [payout] = world.payouts.rows
    assert (payout.receiver, payout.amount, payout.fee) == ("alice", Decimal("250.5"), Decimal("0.2505"))
    assert "749.5 available, 250.5 on its way out" in await alice.says("/balance")


async def test_withdrawal_of_everything_by_typing_alone() -> None:
    world = World(fee_bps=0)
    alice = world.person("alice", BTC="0.02")
    for said in ("/提现", "btc", "全部", "是"):
        await alice.says(said)
    [payout] = world.payouts.rows
    assert (payout.token, payout.amount, payout.fee) == (BTC, Decimal("0.02"), Decimal(0))


async def test_withdrawal_of_nothing_ends_at_once() -> None:
    world = World()
    alice = world.person("alice")
    assert "nothing that could be taken out" in await alice.says("/withdraw")
    assert alice.place is None


async def at_step(person: Person, *said: str) -> str:
    """Bring a person to a step of a conversation; return what they are asked there."""
    asked = ""
    for text in said:
        asked = await person.says(text)
    return asked


STEPS = {
    "deposit coin": ("/deposit",),
    "deposit amount": ("/deposit", "USDT"),
    "withdraw coin": ("/withdraw",),
    "withdraw amount": ("/withdraw", "USDT"),
    "withdraw confirm": ("/withdraw", "USDT", "10"),
}

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
    world = World()
    alice = world.person("alice", USDT="1000")
    asked = await at_step(alice, *step)
    before = alice.place
    assert before is not None
    told = await alice.says(said)
    assert alice.place is not None
    assert alice.place.state == before.state
    assert told.splitlines()[0] != asked.splitlines()[0]
    assert told.endswith(asked.splitlines()[-1])
    assert (world.intents.rows, world.payouts.rows) == ([], [])


@pytest.mark.parametrize(
    ("step", "said", "explained"),
    [
        ("deposit amount", "0.5", "the least is 1"),
        ("deposit amount", "0", "more than zero"),
        ("deposit amount", "1.123456789", "at most 8 digits"),
        ("withdraw amount", "1000.00000001", "1,000 is available"),
        ("withdraw amount", "999999999999999999", "1,000 is available"),
        ("withdraw amount", "0.00000001", "the least is 0.00000002"),
        ("withdraw amount", "0", "more than zero"),
        ("withdraw coin", "DOGE", "choose one of these: USDT"),
        ("deposit coin", "DOGE", "choose one of these: BTC, USDT"),
        ("withdraw confirm", "maybe", "yes or no"),
        ("withdraw confirm", "/confirm forged", "does not belong"),
    ],
)
async def test_too_much_and_too_little_are_explained(step: str, said: str, explained: str) -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, *STEPS[step])
    before = alice.place
    assert explained in await alice.says(said)
    assert alice.place is not None
    assert before is not None
    assert alice.place.state == before.state
    assert (world.intents.rows, world.payouts.rows) == ([], [])


CORPUS = [NASTY_AMOUNTS[i : i + 25] for i in range(0, len(NASTY_AMOUNTS), 25)]


@pytest.mark.parametrize("flow", ["/deposit", "/withdraw"])
@pytest.mark.parametrize("literals", CORPUS, ids=range(len(CORPUS)))
async def test_no_literal_of_the_corpus_is_taken_for_an_amount(flow: str, literals: list[str]) -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, flow, "USDT")
    before = alice.place
    for said in literals:
        world.clock.advance(seconds=1)
        told = await alice.hears(world.message("alice", said))
        assert alice.place == before, (said[:40], told)
    assert (world.intents.rows, world.payouts.rows) == ([], [])


async def test_silence_keeps_the_place() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, "/withdraw", "USDT")
    world.clock.advance(hours=20)
    assert "Taken from your balance: 10 USDT" in await alice.says("10")
    world.clock.advance(minutes=6)
    told = await alice.taps("Confirm")
    assert "more than five minutes" in told
    assert "Taken from your balance: 10 USDT" in told
    assert world.payouts.rows == []
    assert "on its way" in await alice.taps("Confirm")
    assert len(world.payouts.rows) == 1


async def test_silence_of_days_closes_the_conversation_with_a_word() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, "/withdraw", "USDT", "10")
    world.clock.advance(days=2)
    told = await alice.says("yes")
    assert "more than a day" in told
    assert world.payouts.rows == []


async def test_cancel_works_at_every_step() -> None:
    for step in STEPS.values():
        world = World()
        alice = world.person("alice", USDT="1000")
        await at_step(alice, *step)
        assert "nothing was changed" in await alice.says("/cancel")
        assert alice.place is None
        assert "nothing to cancel" in await alice.says("取消")


async def test_no_drops_the_withdrawal() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, *STEPS["withdraw confirm"])
    assert "nothing was changed" in await alice.says("no")
    assert (alice.place, world.payouts.rows) == (None, [])


async def test_other_commands_are_answered_from_everywhere_and_the_place_is_kept() -> None:
    for step in STEPS.values():
        world = World()
        alice = world.person("alice", USDT="1000")
        asked = await at_step(alice, *step)
        for command, answer in (
            ("/balance", "1,000 available"),
            ("/help", "/cancel"),
            ("/nix", "no such command"),
        ):
            told = await alice.says(command)
            assert answer in told
            assert "still open" in told
            assert told.endswith(asked.splitlines()[-1])


async def test_another_flow_takes_the_place_with_a_word() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, *STEPS["withdraw confirm"])
    told = await alice.says("/deposit")
    assert "put the withdrawal aside" in told
    assert "Which coin" in told
    assert "does not belong" in await alice.taps("Confirm")
    assert world.payouts.rows == []


async def test_confirmation_works_once_however_often_it_is_tapped() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, *STEPS["withdraw confirm"])
    confirm = alice.buttons["Confirm"].removeprefix("input:")
    for n in range(100):
        world.clock.advance(seconds=1)
        told = await alice.says(confirm)
        assert ("on its way" in told) == (n == 0)
    assert len(world.payouts.rows) == 1


async def test_confirmation_of_one_person_does_nothing_for_another() -> None:
    world = World()
    alice, eve = world.person("alice", USDT="1000"), world.person("eve", USDT="1000")
    await at_step(alice, *STEPS["withdraw confirm"])
    confirm = alice.buttons["Confirm"].removeprefix("input:")
    assert "does not belong" in await eve.says(confirm)
    await at_step(eve, *STEPS["withdraw confirm"])
    assert "does not belong" in await eve.says(confirm)
    assert world.payouts.rows == []
    assert "on its way" in await alice.says(confirm)


async def test_confirmation_of_other_parameters_is_refused_and_the_summary_is_shown_again() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, *STEPS["withdraw confirm"])
    confirm = alice.buttons["Confirm"].removeprefix("input:")
    await at_step(alice, "/withdraw", "USDT", "999")
    told = await alice.says(confirm)
    assert "does not belong" in told
    assert "Taken from your balance: 999 USDT" in told
    assert world.payouts.rows == []


async def test_money_gone_meanwhile_leads_back_to_the_amount() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, "/withdraw", "USDT", "all")
    world.ledger.give("alice", "USDT", "-400")
    told = await alice.taps("Confirm")
    assert "600 is available" in told
    assert "How much USDT" in told
    assert world.payouts.rows == []
    await at_step(alice, "all", "yes")
    assert [payout.amount for payout in world.payouts.rows] == [Decimal(600)]


async def test_coin_gone_meanwhile_leads_back_to_the_coin_or_out() -> None:
    world = World()
    alice = world.person("alice", USDT="1000", BTC="1")
    await at_step(alice, "/withdraw", "USDT")
    world.ledger.give("alice", "USDT", "-1000")
    assert "Which coin" in await alice.says("10")
    world.ledger.give("alice", "BTC", "-1")
    assert "nothing that could be taken out" in await alice.says("BTC")
    assert alice.place is None


async def test_old_messages_move_no_money() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    await at_step(alice, *STEPS["withdraw confirm"])
    late = world.message("alice", "yes")
    command = world.message("alice", "/withdraw")
    world.clock.advance(minutes=12)
    told = "\n".join(await alice.hears(late))
    assert "12 minutes after" in told
    assert "Taken from your balance: 10 USDT" in told
    assert "12 minutes after" in "\n".join(await alice.hears(command))
    assert world.payouts.rows == []


async def test_conversation_survives_a_restart_at_every_step() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    for said in ("/withdraw", "USDT", "10", "yes"):
        await alice.says(said)
        world.restart()
    assert [payout.amount for payout in world.payouts.rows] == [Decimal(10)]


async def test_nobody_speaks_for_another_person_and_groups_are_not_answered() -> None:
    world = World()
    alice = world.person("alice", USDT="1000")
    assert "from people themselves" in await alice.says("/balance", representative_id="eve")
    assert await alice.says("/balance", conversation_id="a group") == ""
