"""The wallet beside the books: nothing under way alarms, and one unit that is missing stops its coin."""

from decimal import Decimal

import pytest

from domain.errors import Refused
from domain.ledger.model import Cause, Posting, Transfer, available, mixin
from domain.money import Coin
from domain.ports.freezes import WALLET as EVERYTHING
from domain.reconciliation.model import InFlight, Outcome
from domain.services.reckoning import EVERY_S
from domain.services.wallet_comparing import WalletComparing
from tests.domain.services.money_world import ALICE, BOB, BTC, IN_MEMORY, ON_POSTGRES, OWNER, USDT, MoneyWorld
from tests.fakes.crash import Fuse, SimulatedCrash
from tests.fakes.reconciliation import Rows
from tests.fakes.wallet import BOT, Fault

UNIT = "0.00000001"


async def looks(world: MoneyWorld, comparing: WalletComparing, count: int = 1) -> list[str]:
    """Do rounds a minute apart."""
    said = []
    for _ in range(count):
        said.append(await comparing.round())
        world.clock.advance(EVERY_S)
        world.wallet.at = world.clock.now()
    return said


async def frozen(world: MoneyWorld) -> list[str]:
    return [freeze.scope for freeze in await world.books.freezes.open()]


async def steal(world: MoneyWorld, amount: str = UNIT, index: int = 0) -> None:
    """Let somebody have taken so much from an output, and the rest come back as if it were our change."""
    output = world.wallet.outputs[index]
    world.wallet.steal(output.output_id)
    world.wallet.pay_in(BOT, output.asset_id, str(output.amount - Decimal(amount)))
    await world.process().deposits.collect()


async def test_nothing_alarms_at_any_moment_of_paying_in_and_out(world: MoneyWorld) -> None:
    comparing, world.wallet.at = world.process().comparing, world.clock.now()
    await world.give(ALICE, "100")
    world.wallet.pay_in(BOB, USDT.asset_id, "30")  # there, and not booked yet
    assert "wallet is good" in (await looks(world, comparing))[0]
    withdrawal = await world.request(ALICE, "40")
    process, seen = world.process(), set()
    for _ in range(20):
        await process.payouts.advance(withdrawal)
        seen.add((await world.books.payouts.get(withdrawal)).state)
        assert "wallet is good" in (await looks(world, comparing))[0]
        if "done" in seen:
            break
    assert seen >= {"reserved", "built", "signed", "sent", "done"}
    await process.deposits.collect()
    assert "wallet is good" in (await looks(world, comparing))[0]
    assert await frozen(world) == []
    assert await world.notices(OWNER) == []


async def test_one_unit_that_is_missing_is_told_at_once_and_stops_its_coin_at_the_second_look(
    world: MoneyWorld,
) -> None:
    await world.give(ALICE, "100")
    await world.give(BOB, "0.5", BTC)
    comparing = world.process().comparing
    await looks(world, comparing)
    await steal(world)
    assert (await looks(world, comparing))[0].startswith("wallet is short: USDT -0.00000001")
    assert (await world.notices(OWNER), await frozen(world)) == (["difference_short"], [])
    await looks(world, comparing)
    assert (await world.notices(OWNER))[1:] == ["payouts_frozen"]
    assert await frozen(world) == [USDT.asset_id], "and BTC is paid as ever"
    await looks(world, comparing, 3)
    assert len(await world.notices(OWNER)) == 2, "once is enough"
    with pytest.raises(Refused, match="difference_stands"):
        await world.process().freezes.ask(OWNER, USDT.asset_id)


@IN_MEMORY
async def test_a_freeze_is_lifted_after_a_good_look_or_by_an_explicit_word(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    comparing, freezes = world.process().comparing, world.process().freezes
    await steal(world)
    await looks(world, comparing, 2)
    freeze, token = await freezes.ask(OWNER, USDT.asset_id, anyway=True)
    with pytest.raises(Refused, match="confirmation_unknown"):
        await freezes.lift(OWNER, USDT.asset_id, "x" * 32, "m1")
    await freezes.lift(OWNER, USDT.asset_id, token, "m1")
    assert freeze.reason == "balance_short:wallet USDT 0.00000001 since 2026-03-01T09:30:00Z"
    await looks(world, comparing, 3)
    assert await frozen(world) == [], "what was looked at stops nothing again"
    await steal(world, "1", index=-1)
    await looks(world, comparing, 2)
    assert await frozen(world) == [USDT.asset_id], "but more is another thing"
    world.wallet.pay_in(BOT, USDT.asset_id, "1.00000001")  # somebody brings it back
    await world.process().deposits.collect()
    await looks(world, comparing)
    assert (await world.notices(OWNER))[-1] == "difference_gone"
    assert await frozen(world) == [USDT.asset_id], "a person lifts it, nothing else does"
    _, token = await freezes.ask(OWNER, USDT.asset_id)
    await freezes.lift(OWNER, USDT.asset_id, token, "m2")
    assert await frozen(world) == []
    assert [act.action for act in await world.books.audit.latest(9)] == ["freezes.lift"] * 2
    await steal(world, "1", index=-1)
    await looks(world, comparing, 2)
    assert await frozen(world) == [USDT.asset_id], "as much once more is another shortfall"


@IN_MEMORY
async def test_a_shortfall_that_passes_stops_nothing(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    comparing = world.process().comparing
    await steal(world, "5")
    await looks(world, comparing)
    world.wallet.pay_in(BOT, USDT.asset_id, "5")
    await world.process().deposits.collect()
    await looks(world, comparing, 3)
    assert await frozen(world) == []
    assert await world.notices(OWNER) == ["difference_short", "difference_gone"]


@IN_MEMORY
async def test_more_than_the_books_say_is_a_ticket_and_is_never_booked(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    comparing = world.process().comparing
    world.wallet.pay_in(BOT, USDT.asset_id, "7")  # looks like our own change, and is nobody's
    await world.process().deposits.collect()
    said = await looks(world, comparing, 4)
    assert all(each.startswith("wallet is surplus: USDT 7") for each in said)
    assert (await world.notices(OWNER), await frozen(world)) == (["difference_surplus"], [])
    assert (await world.balance(mixin(USDT))).total == 100


@ON_POSTGRES
async def test_a_payment_that_is_on_its_way_between_places_is_explained(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    comparing = world.process().comparing
    await steal(world, "5")
    five = InFlight("transfer 1", USDT.coin, Decimal(-5), Decimal(0), USDT.asset_id)
    world.on_the_way.open["wallet"] = [five]  # type: ignore[index]  # a scope
    assert "wallet is good" in (await looks(world, comparing))[0]
    world.on_the_way.open.clear()
    assert "wallet is short: USDT -5" in (await looks(world, comparing))[0]


@IN_MEMORY
async def test_mixin_that_does_not_answer_is_no_shortfall(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    world.wallet.faults["unspent_outputs"].append(Fault.DOWN)
    comparing = world.process().comparing
    with pytest.raises(Exception, match="mixin_down"):
        await comparing.round()
    assert world.books.rounds.rounds == []


@IN_MEMORY
async def test_what_moves_at_every_look_is_said_to_move_and_nothing_else(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    comparing = world.process().comparing
    await steal(world, "5")

    class Busy:
        async def at(self, scope: str) -> list[InFlight]:
            self.count = getattr(self, "count", 0) + 1
            return [InFlight(str(self.count), Coin("USDT"), Decimal(0), Decimal(0))]

    object.__setattr__(comparing.reckoning, "moving", Busy())
    await looks(world, comparing, 3)
    assert {found.outcome for found in world.books.rounds.rounds} == {Outcome.MOVING}
    assert (await world.notices(OWNER), await frozen(world)) == ([], [])


@IN_MEMORY
async def test_a_word_of_a_person_brings_a_look_at_once(world: MoneyWorld) -> None:
    comparing = world.process().comparing
    await comparing.round()
    world.clock.advance(3)
    assert await comparing.round() == "nothing due"
    await world.books.rounds.ask(OWNER)
    world.clock.advance(3)
    assert "wallet is good" in await comparing.round()
    world.clock.advance(3)
    assert await comparing.round() == "nothing due", "it is answered"


@IN_MEMORY
async def test_a_ledger_that_contradicts_itself_stops_all_payouts(world: MoneyWorld) -> None:
    world.books.rounds.faults.append("I4 available:a:USDT: 1, 2")
    said = await world.process().comparing.round()
    assert "the ledger contradicts itself: I4" in said
    assert await frozen(world) == [EVERYTHING]
    assert await world.notices(OWNER) == ["ledger_contradicts"]


async def _seen(world: MoneyWorld) -> tuple[int, int, int]:
    rounds = world.books.rounds.rounds
    return len(rounds), len(await frozen(world)), len(await world.notices(OWNER))


@IN_MEMORY
@pytest.mark.parametrize("short", [False, True], ids=["good", "short"])
async def test_a_round_that_dies_anywhere_changes_nothing_and_no_freeze_is_lost(
    world: MoneyWorld, short: bool
) -> None:
    """A death at each boundary of the round that freezes: the next process freezes, once, and tells once."""
    await world.give(ALICE, "100")
    booked = (await world.balance(available(ALICE, USDT.coin))).total
    if short:
        await steal(world)
    await looks(world, world.process().comparing)
    whole = world.process(fuse := Fuse())
    await looks(world, whole.comparing)
    boundaries, after = fuse.passed, await _seen(world)
    assert boundaries > 10
    for point in range(1, boundaries + 1):
        await _undo(world)
        before = await _seen(world)
        with pytest.raises(SimulatedCrash):
            await world.process(Fuse(point)).comparing.round()
        seen = await _seen(world)
        assert seen in (before, after), f"half of it at {point}"
        world.clock.advance(1)
        if seen == before:
            await world.process().comparing.round()
        assert (await _seen(world))[1:] == after[1:]
        assert (await world.balance(available(ALICE, USDT.coin))).total == booked


async def _undo(world: MoneyWorld) -> None:
    """Let the second round not have been."""
    books = world.books
    books.rounds.rows = Rows(books.rounds.rounds[:1])
    books.freezes.rows = []
    for key in [key for key in books.notices.rows if key[1] == "payouts_frozen"]:
        del books.notices.rows[key]


@IN_MEMORY
async def test_what_the_ledger_lost_is_found_as_well(world: MoneyWorld) -> None:
    await world.give(ALICE, "100")
    lost = Transfer(Cause("test", "lost"), (Posting(available(ALICE, USDT.coin), mixin(USDT), Decimal(3)),))
    await world.books.ledger.post(lost)
    assert "wallet is surplus: USDT 3" in (await looks(world, world.process().comparing))[0]
