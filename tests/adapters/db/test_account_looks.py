"""The newest look at each account, as the workers note it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.db.account_looks import PostgresAccountLooks
from adapters.db.store import PostgresStore
from domain.ids import VenueAccountName
from domain.ports.account_looks import AccountLook, DeadManState, KeyPower

pytestmark = pytest.mark.database

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LOOK = AccountLook(VenueAccountName("main"), "okx", NOW)


async def test_a_look_takes_the_place_of_the_one_before(store: PostgresStore) -> None:
    looks = PostgresAccountLooks(store)
    whole = replace(
        LOOK,
        powers=frozenset(KeyPower),
        apart_ms=-12,
        open_orders=3,
        refusal="no_trades",
    )
    whole = replace(whole, dead_man=DeadManState.PROVEN)
    other = replace(LOOK, account=VenueAccountName("alpha"), powers=frozenset())
    for look in (LOOK, other, whole):
        async with store.transaction():
            await looks.note(look)
    assert await looks.list() == [other, whole]
