"""The harness can fail: bugs of the kind it is for, planted into the product, are soon found."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.db.deposits import PostgresDeposits
from adapters.mixin.blaze import Blaze
from adapters.mixin.inbound import as_event, id_of
from domain.errors import OutcomeUnknown
from domain.ledger.model import Cause
from domain.market.orders import OrderState
from domain.payouts.model import Payout
from domain.services import deposits, incoming
from domain.services.order_sending import OrderSending
from domain.services.payouts import PayoutService
from tests.simulation.conftest import Simulate
from tests.simulation.simulation import Plan

SEEDS = 10

Plant = Callable[[pytest.MonkeyPatch], None]


def credits_what_it_sees(patch: pytest.MonkeyPatch) -> None:
    """Book every output that is listed, known or not, under a fresh cause: no unique key anywhere (DP2)."""
    numbers, book = itertools.count(1), incoming.booking

    async def unknown(self: Any, output_ids: Any) -> dict[str, str]:
        return {}

    async def stored(self: Any, classified: Any, at: Any) -> bool:
        await real(self, classified, at)
        return True

    def booked(*args: Any) -> Any:
        transfer = book(*args)
        return transfer and replace(transfer, cause=Cause("deposit", f"planted-{next(numbers)}"))

    real = PostgresDeposits.add_output
    patch.setattr(PostgresDeposits, "hashes", unknown)
    patch.setattr(PostgresDeposits, "add_output", stored)
    patch.setattr(deposits, "booking", booked)


def pays_under_a_new_name(patch: pytest.MonkeyPatch) -> None:
    """Give every attempt of a payout another request id, and never look one up (WD2)."""
    numbers = itertools.count(1)

    async def never(self: Any, payout: Any) -> None:
        return None

    patch.setattr(
        Payout, "request_id", property(lambda self: f"00000000-0000-3000-8000-{next(numbers):012x}")
    )
    patch.setattr(PayoutService, "_accepted", never)


def settles_without_booking(patch: pytest.MonkeyPatch) -> None:
    """Take the promise back instead of posting what was paid (I7, I8)."""

    async def forgetful(self: Any, payout: Any) -> str:
        async with self._store.transaction():
            said: str = await self._move(payout, type(payout.state).DONE)
            await self._ledger.release(payout.cause)
        return said

    patch.setattr(PayoutService, "_settle", forgetful)
    real_init = PayoutService.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        real_init(self, *args, **kwargs)
        self._steps[next(state for state in self._steps if state == "sent")] = self._settle

    patch.setattr(PayoutService, "__init__", init)


def sends_again_after_silence(patch: pytest.MonkeyPatch) -> None:
    """Take silence for a no, and send the order again under another id (OR3)."""
    real = OrderSending._place

    async def impatient(self: Any, intent: Any) -> Any:
        try:
            await self._desk.exchange.place(intent.order, intent.not_after)
        except OutcomeUnknown:
            again = replace(intent.order, client_order_id=self._desk.ids.client_order_id())
            await self._desk.exchange.place(again, intent.not_after)
            return replace(intent, state=OrderState.REJECTED), "planted"
        return await real(self, intent)

    patch.setattr(OrderSending, "_place", impatient)


def keeps_what_orders_held(patch: pytest.MonkeyPatch) -> None:
    """Never give the hold of an order back (I5, ST5)."""
    patch.setattr("domain.services.desk._ended", lambda intents: [])


def acknowledges_before_it_keeps(patch: pytest.MonkeyPatch) -> None:
    """Tell Mixin that a message is read, and store it after that (MS4)."""

    async def hasty(self: Any, batch: Any) -> None:
        acks = [{"message_id": id_of(data, "message_id"), "status": "READ"} for data in batch]
        await self.http.ask("/acknowledgements", acks)
        now = self.clock.now()
        await self.receive([event for data in batch if (event := as_event(data, now))])

    patch.setattr(Blaze, "_keep_batch", hasty)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("plant", "scenario"),
    [
        (credits_what_it_sees, "paying_in"),
        (pays_under_a_new_name, "taking_out"),
        (settles_without_booking, "taking_out"),
        (sends_again_after_silence, "making_a_market"),
        (keeps_what_orders_held, "making_a_market"),
        (acknowledges_before_it_keeps, "paying_in"),
    ],
    ids=lambda given: getattr(given, "__name__", str(given)),
)
def test_a_planted_bug_is_found(
    play: Simulate, monkeypatch: pytest.MonkeyPatch, plant: Plant, scenario: str
) -> None:
    plant(monkeypatch)
    for seed in range(1, SEEDS + 1):
        deaths = {
            "bot": frozenset({40 + 9 * seed, 90 + 11 * seed}),
            "workers": frozenset({60 + 7 * seed, 150 + 13 * seed}),
        }
        if play(Plan(seed, scenario, deaths, "swarm")).violations:
            return
    raise AssertionError(f"{SEEDS} seeds did not notice")
