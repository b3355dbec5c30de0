"""T4: three of ten answers are lost; nothing is done twice, no promise stays behind, silence resolves itself.

``LOST_ANSWERS`` says how many orders and payouts there are: 2,000 on every push, 10,000 in ``make chaos``.
"""

import contextlib
import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, OutcomeUnknown, Unavailable
from domain.ids import UserId
from domain.ledger.model import mixin
from domain.market.orders import TERMINAL, OrderState
from domain.money import plain
from tests.assurance import Assure
from tests.domain.services.money_world import USDT, MoneyWorld, Process
from tests.domain.services.test_crashes import DEPOSIT, wander
from tests.domain.services.trading_world import Worker, World
from tests.fakes.exchange import Duplicates, FakeExchange, Mischief
from tests.simulation.test_planted import sends_again_after_silence

LOST = 0.3
TIMES = max(1, int(os.environ.get("LOST_ANSWERS", "2000")) // 2000)
ORDERS, PAYOUTS = 350, 150
"""How many a case sends; four cases of each kind make 2,000."""

VENUES = {
    "refuses duplicates": (Duplicates.REFUSE, 0.0),
    "replays duplicates": (Duplicates.REPLAY, 0.0),
    "takes duplicates": (Duplicates.ACCEPT, 0.0),
    "lists late": (Duplicates.ACCEPT, 4.0),
}


@dataclass
class Losing:
    """A port that does what it is told, and three times of ten says nothing."""

    port: Any
    dice: random.Random
    writes: Sequence[str]
    reads: Sequence[str] = ()
    lost: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)  # calls, as they were made

    def __getattr__(self, name: str) -> Any:
        there = getattr(self.port, name)
        if name in self.writes:
            return self._deaf(there, OutcomeUnknown)
        return self._deaf(there, Unavailable) if name in self.reads else there

    def _deaf(self, call: Callable[..., Any], silence: type[Exception]) -> Callable[..., Any]:
        async def deaf(*args: Any) -> Any:
            answer = await call(*args)
            if self.dice.random() < LOST:
                self.lost.append((call.__name__, args))
                raise silence("answer_lost")
            return answer

        return deaf


async def _trade(world: World, venue: str, orders: int) -> tuple[Losing, Worker]:
    """Trade until so many orders have been sent, stop, and wait until all is settled."""
    dice = random.Random(f"{venue} {world.seed}")
    world.venue.duplicates, hide_s = VENUES[venue]
    await world.person(BTC="0.02", USDT="1000")
    deaf = Losing(None, dice, ["place", "cancel"])

    def losing(port: Any) -> Any:
        if isinstance(port, FakeExchange):
            deaf.port = port
            return deaf
        return port

    worker = world.worker(losing)
    await world.rounds(worker, 2)
    run = await world.start(levels="8", tolerance_bps="0", refresh_s="8")
    world.venue.mischief = Mischief(dice, hide_s=hide_s, late_fills_s=1.5, repeat_fills=True)
    while len(world.venue.sent) < orders:
        await worker.round()
        wander(world, dice)
    await world.desk_of_people.stop(world.user, run.number)
    await world.until_stopped(worker, most=600)
    return deaf, worker


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(TIMES))
@pytest.mark.parametrize("venue", VENUES)
async def test_orders_whose_answers_are_lost_are_sent_once_and_found(
    store: PostgresStore, assure: Assure, venue: str, seed: int
) -> None:
    world = World(store, seed=seed)
    deaf, worker = await _trade(world, venue, ORDERS)
    sent = set(world.venue.sent)
    intents = await world.orders.find_by_client_ids(worker.desk.account, sorted(sent))
    lost = {args[0].client_order_id for call, args in deaf.lost if call == "place"}
    resolved = [i for i in intents.values() if i.client_order_id in lost and i.settled]
    assure("T4", len(sent), len(world.venue.sent) - len(sent), lost=len(lost), resolved=len(resolved))
    assert len(lost) > ORDERS // 5
    assert len(resolved) == len(lost)  # 99 of 100 would do
    await world.check_ended(DEPOSIT)
    for order in (resting.order for resting in world.venue.orders):
        known = intents[order.client_order_id]
        assert known.state in TERMINAL - {OrderState.ABANDONED, OrderState.REJECTED}
        assert known.filled == order.filled
    assert len(world.venue.orders) == len(sent)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(4 * TIMES))
async def test_payouts_whose_answers_are_lost_pay_once(
    store: PostgresStore, assure: Assure, seed: int
) -> None:
    world, dice = MoneyWorld(store), random.Random(seed)
    people = [UserId(f"0c2f7b6e-0000-4000-8000-{number:012x}") for number in range(1, 7)]
    gone: dict[UserId, Decimal] = dict.fromkeys(people, Decimal(0))
    for number in range(PAYOUTS):
        world.wallet.pay_in(people[number % len(people)], USDT.asset_id, "10")
    await world.process().deposits.collect()
    deaf = Losing(world.wallet, dice, ["submit"], ["outputs_from", "find", "build", "sign"])
    process = world.process(wallet=deaf)
    for number in range(PAYOUTS):
        amount, person = Decimal(dice.randrange(100, 1000)) / 100, people[number % len(people)]
        await world.request(person, plain(amount), process=process)
        gone[person] += amount
    await _until_paid(world, process)
    executed = set(world.wallet.executed)
    lost = {args[0] for call, args in deaf.lost if call == "submit"}
    resolved = await world.store.fetch(
        "SELECT FROM payouts WHERE state = 'done' AND request_id = ANY ($1::text[])", sorted(lost)
    )
    assure("T4", PAYOUTS, len(world.wallet.executed) - len(executed), lost=len(lost), resolved=len(resolved))
    assert len(lost) > PAYOUTS // 5
    assert len(resolved) == len(lost)
    assert len(executed) == PAYOUTS
    await world.check()
    for person in people:
        paid_in = 10 * Decimal(PAYOUTS // len(people))
        assert await world.funds(person) == (plain(paid_in - gone[person]), "0")
        assert (await world.notices(person)).count("withdrawal_sent") == PAYOUTS // len(people)


async def _until_paid(world: MoneyWorld, process: Process) -> None:
    """Do rounds, as the worker does; a round whose list was lost is followed by the next."""
    for _ in range(400):
        with contextlib.suppress(Unavailable):
            await world.round(process)
        if set(await world.states()) == {"done"} and world.wallet.unspent(USDT.asset_id) == await _booked(
            world
        ):
            return
        world.clock.advance(5)
    raise AssertionError(f"still not paid: {Counter(await world.states())}")


async def _booked(world: MoneyWorld) -> Decimal:
    return (await PostgresLedger(world.store).balance(mixin(USDT))).total


async def test_an_order_sent_again_under_another_name_is_noticed(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(store)
    sends_again_after_silence(monkeypatch)
    with pytest.raises((AssertionError, InvariantBroken)):  # the database notices first
        await _trade(world, "takes duplicates", 100)
