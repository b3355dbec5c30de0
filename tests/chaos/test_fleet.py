"""Two real workers that share the accounts: one is killed or told to end, the other acts for all (§2.9)."""

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.assurance import Assure
from tests.chaos.fleet import WORKERS
from tests.chaos.shop import SEED_NOW, Shop, open_trading, size
from tests.journeys.books import assert_books_agree
from tests.journeys.instance import until
from tests.journeys.steps import deposit, fills, start_run, stop_run

pytestmark = [pytest.mark.journey, pytest.mark.timeout(3600)]

DEATHS = size("CHAOS_FLEET_DEATHS", 1)
"""So often one of them is killed, and so often one is told to end."""

LEASE_S = 10.0
TAKEN_WITHIN_S = LEASE_S + 2
HANDED_OVER_WITHIN_S = 2.0

_LIVE = """
    SELECT scope, split_part(holder, ':', 2) AS pid FROM leases
    WHERE scope LIKE 'venue:%' AND state = 'held' AND expires_at > lease_clock()
"""


class Fleet(Shop):
    """An instance with two exchanges and two workers."""

    MODULE = "tests.chaos.fleet"

    async def held(self) -> dict[str, str]:
        """Return which worker holds which account now."""
        names = {str(self.pid(name)): name for name in WORKERS}
        return {row["scope"]: names.get(row["pid"], "") for row in await self.rows(_LIVE)}

    async def shared(self) -> bool:
        """Tell whether each worker holds one of the two accounts."""
        return sorted((await self.held()).values()) == sorted(WORKERS)

    async def all_held_by(self, name: str) -> bool:
        """Tell whether one of them holds both."""
        return list((await self.held()).values()) == [name, name]

    async def trades(self) -> Counter[tuple[str, str]]:
        """Return every trade that the exchanges know of us, by account and id."""
        accounts = {row["name"] for row in await self.rows("SELECT name FROM venue_accounts")}
        found: Counter[tuple[str, str]] = Counter()
        for part in ("venue", "gate"):
            books: Any = await self.call(f"{self.facts['urls'][part]['control']}/books")
            found.update((each["account"], str(each["id"])) for each in books["trades"])
        return Counter({key: n for key, n in found.items() if key[0] in accounts})


@asynccontextmanager
async def open_fleet(state: Path) -> AsyncIterator[Fleet]:
    async with Fleet(state, "--venues", "both") as fleet:
        try:
            yield fleet
        except BaseException as error:
            error.add_note(f"two workers: CHAOS_SEED={SEED_NOW}, logs in {state / 'logs'}")
            raise


async def end(fleet: Fleet, name: str, how: signal.Signals) -> float:
    """End a worker; return how many seconds after its death, or its word, the other held both accounts."""
    [other] = set(WORKERS) - {name}
    fleet.keep_down(name)
    fleet.signal(name, how)
    began_s = time.monotonic()
    while how is signal.SIGTERM and name in (await fleet.held()).values():
        began_s = time.monotonic()
    await until(lambda: fleet.all_held_by(other), TAKEN_WITHIN_S + 5, f"{other} holds both accounts")
    took_s = time.monotonic() - began_s
    fleet.keep_down()
    await until(fleet.shared, 60, "each worker has an account again")
    return took_s


async def test_two_workers_share_and_one_that_dies_or_ends_is_followed_in_time(
    tmp_path: Path, assure: Assure
) -> None:
    dice, taken, handed = random.Random(SEED_NOW), list[float](), list[float]()
    async with open_fleet(tmp_path / "state") as fleet:
        alice = fleet.person("Alice")
        await open_trading(alice)
        await deposit(alice, "USDT", "500")
        await start_run(alice, "ETH/USDT", "tight", "nothing", "500")
        await until(fleet.shared, 60, "each worker has an account")
        for _ in range(DEATHS):
            await asyncio.sleep(dice.uniform(1, 4))
            taken.append(await end(fleet, dice.choice(WORKERS), signal.SIGKILL))
            await asyncio.sleep(dice.uniform(1, 4))
            handed.append(await end(fleet, dice.choice(WORKERS), signal.SIGTERM))
        had = await fills(fleet)
        await until(lambda: _more_fills(fleet, had), 180, "trading goes on")
        for number in (1, 2):
            await stop_run(alice, number, within_s=180)
        await assert_books_agree(fleet, 90)
        ours = await fleet.rows("SELECT account, trade_id FROM fills")
        assert Counter((row["account"], row["trade_id"]) for row in ours) == await fleet.trades()
        assert await fleet.rows("SELECT FROM holds WHERE ended_at IS NULL") == []
    slowest = {"taken_ms": int(max(taken) * 1000), "handed_over_ms": int(max(handed) * 1000)}
    assure("REAL fleet", 2 * DEATHS, 0, **slowest)
    assert max(taken) <= TAKEN_WITHIN_S, slowest
    assert max(handed) <= HANDED_OVER_WITHIN_S, slowest


async def _more_fills(fleet: Fleet, had: int) -> bool:
    return await fills(fleet) > had
