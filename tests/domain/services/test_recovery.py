"""Runs whose account was taken over are brought back: compared first, each once, never against a word."""

import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from domain.errors import Unavailable
from domain.health.recovery import MOST_AN_HOUR, Ask, Automatic, Choice, Decision, HeldBack, Manual, Resume
from domain.ids import UserId
from domain.market.model import Side
from domain.market.orders import OrderState
from domain.market.runs import Run, RunState
from domain.ports.freezes import NEW
from domain.ports.recoveries import Attempt, Outcome
from domain.services.failed_rounds import TOLD_AT
from tests.domain.services.memory_trading import MemoryWorld
from tests.domain.services.trading_world import ALICE, BTC, OWNER, USDT
from tests.fakes.crash import Crashing, Fuse, SimulatedCrash
from tests.fakes.exchange import PAIR, FakeExchange

RUNS = int(os.environ.get("RECOVERY_RUNS", "20"))
PEOPLE = [ALICE, *(UserId(f"00000000-0000-4000-8000-{n:012}") for n in range(1000, 1000 + RUNS // 10))]
DEPOSIT = {BTC: "0.02", USDT: "1000"}


@dataclass
class Stage:
    """A worker that trades, is killed, and whose account is swept; then the next one comes."""

    choice: Choice = field(default_factory=Automatic)
    world: MemoryWorld = field(init=False)
    run: Run = field(init=False)

    async def trading(self, runs: int = 1) -> "Stage":
        self.world = world = MemoryWorld()
        world.choice = self.choice
        world.policy = replace(world.policy, orders_per_second=1_000)
        world.venue.rules = replace(world.venue.rules, max_open_orders=10 * max(20, runs))
        await self.world.person(BTC="0.02", USDT="1000")
        worker = self.world.worker()
        await self.world.rounds(worker, 2)
        for number in range(runs):
            self.world.user = PEOPLE[number // 10]
            if number % 10 == 0 and number:
                await self.world.person(BTC="0.02", USDT="1000")
            share = min(runs, 10)
            self.run = await self.world.start(f"{Decimal('0.02') / share:.5f}", str(1000 // share))
        self.world.user = ALICE
        await self.world.rounds(worker, 3)
        return self

    async def taken_over(self) -> "Stage":
        """Do what the Angel does: halt what runs, and take everything off."""
        for run in self.world.runs.rows:
            await self.world.runs.move(run.id, RunState.RUNNING, RunState.HALTED, self.world.time.now())
        angel = FakeExchange(self.world.venue, self.world.account, lambda: None)
        for order in self.world.venue.resting():
            await angel.cancel(order.pair, order.client_order_id)
        self.world.time.advance(20)
        return self

    async def state(self) -> RunState:
        return (await self.world.runs.get(self.run.id)).state

    async def check_back(self) -> None:
        """Assert that all runs trade again, each brought back once, and that all were told once."""
        assert {run.state for run in self.world.runs.rows} == {RunState.RUNNING}
        assert [row.outcome for row in self.world.recoveries.rows] == [Outcome.RESUMED] * len(
            self.world.runs.rows
        )
        assert self.told().count("run_recovered") == len(self.world.runs.rows)
        assert self.told(OWNER).count("recovery_done") == 1
        assert len(self.world.venue.sent) == len(set(self.world.venue.sent))

    def told(self, user: UserId = ALICE) -> list[str]:
        """Return what a person was told about recovery, in order."""
        kinds = [kind for person, kind, _ in self.world.outbox.rows if person == user]
        ours = ("run_recovered", "run_awaits", "recovery", "key_refused")
        return [kind for kind in kinds if kind.startswith(ours)]


def dying(fuse: Fuse) -> Callable[[Any], Any]:
    """Return what puts a fuse between a worker and its venue and store."""

    def wrap(port: Any) -> Any:
        made: Any = Crashing(port, fuse)
        if name := getattr(port, "account", None):
            made.account = name
        return made

    return wrap


async def test_it_goes_on_once_at_the_prices_of_now_and_everybody_is_told() -> None:
    stage = await (await Stage().trading()).taken_over()
    sent = len(stage.world.venue.sent)
    stage.world.venue.move(6_100_000, 6_100_100)
    await stage.world.rounds(stage.world.worker(), 4)
    assert await stage.state() is RunState.RUNNING
    assert (stage.told(), stage.told(OWNER)) == (["run_recovered"], ["recovery_began", "recovery_done"])
    assert len(stage.world.venue.sent) > sent
    bids = [order.price for order in stage.world.venue.resting() if order.side is Side.BUY]
    assert bids
    assert max(bids) > 60_500, "its prices are those of now"
    assert [row.outcome for row in stage.world.recoveries.rows] == [Outcome.RESUMED]
    await stage.world.desk_of_people.stop(ALICE, stage.run.number)
    await stage.world.until_stopped(stage.world.worker())
    await stage.world.check_ended(DEPOSIT)


@pytest.mark.parametrize(("deaths", "step"), [(1, 1), (3, 5)])
async def test_a_worker_that_dies_anywhere_while_it_brings_runs_back_does_it_once(
    deaths: int, step: int
) -> None:
    boundary, blown = 1, True
    while blown:
        stage = await (await Stage().trading(runs=2)).taken_over()
        for death in range(deaths):
            fuse = Fuse(boundary + death)
            with suppress(SimulatedCrash):
                await stage.world.rounds(stage.world.worker(dying(fuse)), 3)
            blown = fuse.passed >= fuse.blow_at
        await stage.world.rounds(stage.world.worker(), 3)
        await stage.check_back()
        boundary += step
    assert boundary > 15


async def test_many_runs_are_back_within_a_minute_each_once_though_workers_die_three_times() -> None:
    stage = await (await Stage().trading(runs=RUNS)).taken_over()
    stopped = list(stage.world.runs.rows)[::5]
    for run in stopped:
        await stage.world.desk_of_people.stop(run.user_id, run.number)
    began = stage.world.time.now()
    for boundary in (30, 60, 90):
        fuse = Fuse(boundary)
        with suppress(SimulatedCrash):
            await stage.world.rounds(stage.world.worker(dying(fuse)), 3)
    await stage.world.rounds(stage.world.worker(), 3)
    assert stage.world.time.now() - began <= timedelta(seconds=60)
    states = {run.id: run.state for run in stage.world.runs.rows}
    gone = {run.id for run in stopped}
    assert {states[run_id] for run_id in states.keys() - gone} == {RunState.RUNNING}
    assert {states[run_id] for run_id in gone} <= {RunState.STOPPING, RunState.STOPPED}, "none is resurrected"
    told = Counter(key[1] for key in stage.world.outbox.rows)
    assert (told["run_recovered"], told["run_awaits_you"]) == (RUNS - len(gone), 0)
    outcomes = Counter(row.attempt.run_id for row in stage.world.recoveries.rows)
    assert set(outcomes.values()) == {1}


async def test_by_hand_none_goes_on_and_each_person_is_asked() -> None:
    stage = await (await Stage(Manual()).trading(runs=RUNS)).taken_over()
    sent = len(stage.world.venue.sent)
    await stage.world.rounds(stage.world.worker(), 5)
    assert {run.state for run in stage.world.runs.rows} == {RunState.AWAITING_USER}
    assert len(stage.world.venue.sent) == sent
    asked = [params for (_, kind, _), params in stage.world.outbox.rows.items() if kind == "run_awaits_you"]
    assert len(asked) == RUNS
    assert {params["reason"] for params in asked} == {"recovery_by_hand"}
    assert await stage.world.pauses.resume(stage.run.user_id, stage.run.number)
    await stage.world.rounds(stage.world.worker(), 4)
    assert await stage.state() is RunState.RUNNING
    assert stage.world.venue.resting()


async def market_is_gone(stage: Stage) -> None:
    stage.world.venue.delisted.add(PAIR)


async def person_is_frozen(stage: Stage) -> None:
    await stage.world.freezes.freeze(f"user:{ALICE}", "by_hand", stage.world.time.now())


async def coin_is_frozen(stage: Stage) -> None:
    await stage.world.freezes.freeze("coin:BTC", "by_hand", stage.world.time.now())


async def nothing_new_begins(stage: Stage) -> None:
    await stage.world.freezes.freeze(NEW, "by_hand", stage.world.time.now())


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [
        (market_is_gone, "pair_not_traded"),
        (person_is_frozen, "user_frozen"),
        (coin_is_frozen, "coin_frozen"),
        (nothing_new_begins, "nothing_new_begins"),
    ],
)
async def test_what_could_not_begin_does_not_go_on_and_its_person_is_told_why(
    meanwhile: Any, reason: str
) -> None:
    stage = await (await Stage().trading()).taken_over()
    await meanwhile(stage)
    sent = len(stage.world.venue.sent)
    await stage.world.rounds(stage.world.worker(), 5)
    run = await stage.world.runs.get(stage.run.id)
    assert (run.state, run.trouble) == (RunState.AWAITING_USER, reason)
    assert stage.told() == ["run_awaits_you"]
    assert len(stage.world.venue.sent) == sent


async def test_what_rested_on_a_suspended_pair_comes_off_when_it_trades_again() -> None:
    """The venue says nothing of orders on such a pair: neither the Angel nor recovery could take them off."""
    stage = await Stage().trading()
    for run in stage.world.runs.rows:
        await stage.world.runs.move(run.id, RunState.RUNNING, RunState.HALTED, stage.world.time.now())
    stage.world.venue.delisted.add(PAIR)
    stage.world.time.advance(20)
    worker = stage.world.worker()
    await stage.world.rounds(worker, 5)
    assert await stage.state() is RunState.AWAITING_USER
    assert stage.world.venue.resting(), "it only stands still"
    stage.world.venue.delisted.discard(PAIR)
    await stage.world.rounds(worker, 5)
    assert stage.world.venue.resting() == []
    assert await stage.state() is RunState.AWAITING_USER


async def test_an_account_that_is_halted_keeps_its_runs_halted_and_shows_why() -> None:
    stage = await (await Stage().trading()).taken_over()
    await stage.world.accounts.halt(stage.run.account, "balance_short:venue:fake-1 USDT 5")
    await stage.world.rounds(stage.world.worker(), 10)
    run = await stage.world.runs.get(stage.run.id)
    assert (run.state, run.trouble) == (RunState.HALTED, "balance_short:venue:fake-1 USDT 5")
    assert stage.world.recoveries.rows == []
    assert "run_trouble" in {key[1] for key in stage.world.outbox.rows}
    stage.world.accounts.rows[stage.run.account] = replace(
        stage.world.accounts.rows[stage.run.account], halted=""
    )
    await stage.world.rounds(stage.world.worker(), 4)
    assert await stage.state() is RunState.RUNNING


async def test_a_key_that_was_revoked_brings_nothing_back_and_people_hear_of_it() -> None:
    stage = await (await Stage().trading()).taken_over()

    class Revoked:
        def __init__(self, port: Any) -> None:
            self._port = port

        def __getattr__(self, name: str) -> Any:
            if name in ("open_orders", "fills_since", "balances", "place", "cancel"):
                return self._refuse
            return getattr(self._port, name)

        async def _refuse(self, *_: Any) -> None:
            raise Unavailable("venue_key_refused")

    worker = stage.world.worker(lambda port: Revoked(port) if hasattr(port, "fills_since") else port)
    for _ in range(6):
        await worker.round()
    run = await stage.world.runs.get(stage.run.id)
    assert (run.state, run.trouble) == (RunState.HALTED, "venue_key_refused")
    assert stage.told(OWNER) == ["key_refused"], "who can make another one, and what to do"
    await stage.world.rounds(stage.world.worker(), 4)
    assert await stage.state() is RunState.RUNNING


async def test_what_a_person_stopped_while_it_was_halted_stays_stopped() -> None:
    stage = await (await Stage().trading()).taken_over()
    assert await stage.world.desk_of_people.stop(ALICE, stage.run.number) is RunState.STOPPING
    await stage.world.until_stopped(stage.world.worker())
    assert await stage.state() is RunState.STOPPED
    assert stage.told() == []
    await stage.world.check_ended(DEPOSIT)


async def test_a_stop_that_comes_while_it_is_being_brought_back_is_faster() -> None:
    stage = await (await Stage().trading(runs=2)).taken_over()
    await stage.world.runs.move(stage.run.id, RunState.HALTED, RunState.RECOVERING, stage.world.time.now())
    at = Attempt(stage.run.id, stage.run.account, 1, stage.world.time.now() - timedelta(seconds=5))
    await stage.world.recoveries.begin([at])
    await stage.world.desk_of_people.stop(ALICE, stage.run.number)
    await stage.world.rounds(stage.world.worker(), 4)
    assert [row.outcome for row in stage.world.recoveries.rows] == [Outcome.STOPPED, Outcome.RESUMED]
    assert await stage.state() in (RunState.STOPPING, RunState.STOPPED)
    done = [p for (_, kind, _), p in stage.world.outbox.rows.items() if kind == "recovery_done"]
    assert [(params["resumed"], params["stopped"]) for params in done] == [("0", "1"), ("1", "0")]


async def test_a_fill_during_the_take_over_is_booked_before_it_goes_on() -> None:
    stage = await Stage().trading()
    resting = next(each for each in stage.world.venue.orders if each.order in stage.world.venue.resting())
    stage.world.venue.fill(resting, resting.order.quantity)
    await stage.taken_over()
    await stage.world.rounds(stage.world.worker(), 4)
    assert (await stage.world.desk_of_people.get(ALICE, stage.run.number)).fills == 1
    assert await stage.state() is RunState.RUNNING
    await stage.world.desk_of_people.stop(ALICE, stage.run.number)
    await stage.world.until_stopped(stage.world.worker())
    await stage.world.check_ended(DEPOSIT)


async def test_an_order_without_a_last_word_keeps_its_run_from_going_on_and_that_is_told() -> None:
    stage = await (await Stage().trading()).taken_over()
    intent = next(iter(stage.world.orders.rows.values()))
    lost = replace(intent, state=OrderState.UNKNOWN, client_order_id="mmkneverarrived000", settled=False)
    stage.world.orders.rows[intent.id] = lost
    stage.world.policy = replace(stage.world.policy, unknown_lookup_window_s=90)
    worker = stage.world.worker()
    await stage.world.rounds(worker, 3)
    assert await stage.state() is RunState.RECOVERING
    stage.world.time.advance(61)
    await stage.world.rounds(worker, 2)
    assert (await stage.world.runs.get(stage.run.id)).trouble == "orders_unresolved"
    stage.world.time.advance(60)
    await stage.world.rounds(worker, 4)
    assert await stage.state() is RunState.RUNNING


async def test_what_falls_again_and_again_is_let_be_until_an_hour_has_passed_or_the_owner_says_so() -> None:
    stage = await Stage().trading()
    for _ in range(MOST_AN_HOUR):
        await stage.taken_over()
        await stage.world.rounds(stage.world.worker(), 4)
        assert await stage.state() is RunState.RUNNING
    await stage.taken_over()
    await stage.world.rounds(stage.world.worker(), 4)
    run = await stage.world.runs.get(stage.run.id)
    assert (run.state, run.trouble) == (RunState.AWAITING_USER, "recovered_too_often")
    await stage.world.recoveries.forgive([run.id])
    await stage.world.runs.move(run.id, run.state, RunState.HALTED, stage.world.time.now())
    await stage.world.rounds(stage.world.worker(), 4)
    assert await stage.state() is RunState.RUNNING
    for _ in range(MOST_AN_HOUR):
        stage.world.time.advance(3_600)
        await stage.taken_over()
        await stage.world.rounds(stage.world.worker(), 4)
        assert await stage.state() is RunState.RUNNING


async def test_rounds_that_fail_leave_what_its_person_was_asked_as_it_was_asked() -> None:
    stage = await Stage().trading(runs=2)
    paused = stage.run
    assert await stage.world.pauses.pause(ALICE, paused.number)
    for _ in range(MOST_AN_HOUR + 1):
        await stage.taken_over()
        worker = stage.world.worker()
        await stage.world.rounds(worker, 4)
    stage.world.venue.mischief = replace(stage.world.venue.mischief, silent_read=1.0)
    for _ in range(12):
        await worker.round()
        stage.world.time.advance(2)
    assert worker.failed.count >= TOLD_AT
    states = [(run.state, run.trouble) for run in stage.world.runs.rows]
    assert states == [(RunState.AWAITING_USER, "recovered_too_often"), (RunState.PAUSED, "")]
    assert "run_trouble" not in {kind for _, kind, _ in stage.world.outbox.rows}


class Odd:
    """A choice of an owner's that fails for some, and asks for others."""

    def decide(self, held: HeldBack) -> Decision:
        if held.mid is None or held.base + held.quote <= 0:
            raise KeyError(held.run.id)
        return Resume() if held.run.number == 1 else Ask("too_far_from_its_start")


async def test_the_owners_own_choice_decides_and_its_failure_is_its_own() -> None:
    stage = await (await Stage(Odd()).trading(runs=2)).taken_over()
    await stage.world.rounds(stage.world.worker(), 3)
    assert [run.state for run in stage.world.runs.rows] == [RunState.RUNNING, RunState.AWAITING_USER]
    assert stage.world.runs.rows[1].trouble == "too_far_from_its_start"
    await stage.taken_over()
    stage.world.venue.bid = stage.world.venue.ask + 1
    await stage.world.rounds(stage.world.worker(), 3)
    assert stage.world.runs.rows[0].trouble == "recovery_failed:KeyError"


class Careless:
    """A choice of an owner's that answers what is no decision."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    def decide(self, held: HeldBack) -> Decision:
        answer: Decision = self._answer()
        return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda: None,
        lambda: True,
        lambda: "resume",
        lambda: Resume,
        lambda: Ask(""),
        lambda: Ask("a\0b"),
        lambda: Ask("x" * 101),
        lambda: Ask(cast("str", None)),
    ],
)
async def test_who_forgot_to_decide_has_not_said_yes(answer: Callable[[], Any]) -> None:
    stage = await (await Stage(Careless(answer)).trading()).taken_over()
    sent = len(stage.world.venue.sent)
    await stage.world.rounds(stage.world.worker(), 4)
    run = await stage.world.runs.get(stage.run.id)
    assert run.state is RunState.AWAITING_USER
    assert run.trouble in ("recovery_failed:TypeError", "recovery_failed:ValueError")
    assert stage.told() == ["run_awaits_you"]
    assert len(stage.world.venue.sent) == sent


async def test_an_owners_choice_does_not_bring_back_more_often_than_anybody() -> None:
    stage = await Stage(Careless(Resume)).trading()
    for _ in range(MOST_AN_HOUR + 1):
        await stage.taken_over()
        await stage.world.rounds(stage.world.worker(), 4)
    assert (await stage.world.runs.get(stage.run.id)).trouble == "recovered_too_often"
