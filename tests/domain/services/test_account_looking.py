"""A worker looks at its account once a minute, and asks what the key may do once an hour."""

from types import SimpleNamespace
from typing import Any

import pytest

from domain.ports.account_looks import KeyPower, Watching
from domain.services.account_looking import AccountLooking
from domain.services.dead_man import DeadMan
from tests.fakes.account_looks import FakeAccountLooks, FakeKeyTeller
from tests.fakes.clock import FakeClock


class _Orders:
    async def unsettled(self, account: str) -> list[Any]:
        del account
        return []


class _Transaction:
    def __init__(self, pairs: Any) -> None:
        del pairs

    async def __aenter__(self) -> None: ...
    async def __aexit__(self, *_: object) -> None: ...


@pytest.mark.parametrize("silent", [False, True])
async def test_looks_are_noted_and_a_silent_venue_keeps_nothing_back(silent: bool) -> None:
    clock, looks = FakeClock(), FakeAccountLooks()
    keys = FakeKeyTeller(frozenset({KeyPower.TRADE}), silent)
    desk: Any = SimpleNamespace(
        clock=clock,
        watching=Watching(looks, keys),
        account="main",
        venue="okx",
        orders=_Orders(),
        transaction=_Transaction,
    )
    measured: Any = SimpleNamespace(apart_s=-0.0124)
    looking = AccountLooking(desk, measured, DeadMan(desk, SimpleNamespace()))  # type: ignore[arg-type]  # no orders
    for _ in range(61):
        await looking.look_if_due()
        clock.advance(60)
    [look] = await looks.list()
    assert (look.venue, look.apart_ms, look.open_orders) == ("okx", -12, 0)
    assert look.powers == (None if silent else frozenset({KeyPower.TRADE}))
    assert keys.asked == (13 if silent else 2)
