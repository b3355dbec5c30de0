"""What the judge of the simulated day is for is found when it is planted."""

from typing import Any

import pytest

from domain.services.desk import ExecutionPolicy
from domain.services.fill_accounting import FillAccounting
from domain.services.order_sending import OrderSending
from tests.simulation.day import instance
from tests.simulation.day.day import Size, live
from tests.simulation.day.faults import Fault, venue_is_away, venue_loses, worker_freezes_at_the_socket


def minutes(fault: Fault) -> Size:
    """Return a short day on which only one thing goes wrong, often."""
    return Size(
        60,
        people=2,
        runs=8,
        workers=2,
        fault_every_s=5,
        refresh_s=(3,),
        market_every_s=2,
        faults=((fault, 1),),
    )


def test_a_trade_that_is_not_booked_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgets(*_: object) -> None:
        return None

    monkeypatch.setattr(FillAccounting, "_post", forgets)
    found = live(minutes(venue_is_away)).violations
    assert any("is halted" in each or "is booked" in each for each in found)


def test_an_order_that_is_sent_again_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = OrderSending._place

    async def insists(self: OrderSending, intent: Any) -> Any:
        outcome, code = await real(self, intent)
        return await real(self, intent) if outcome.state == "unknown" else (outcome, code)

    monkeypatch.setattr(OrderSending, "_place", insists)
    assert any("sent more than once" in each for each in live(minutes(venue_loses)).violations)


def test_an_order_of_one_who_lost_the_account_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance, "POLICY", ExecutionPolicy(send_window_s=600))
    found = live(minutes(worker_freezes_at_the_socket)).violations
    assert any("was accepted in epoch" in each for each in found)
