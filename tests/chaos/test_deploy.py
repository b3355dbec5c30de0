"""A deploy is no death: processes end in order and others begin, and the Angel takes nothing over (AN13)."""

import signal
from pathlib import Path

import pytest

from tests.assurance import Assure
from tests.chaos.fleet import WORKERS
from tests.chaos.shop import open_trading
from tests.chaos.test_fleet import Fleet, open_fleet
from tests.journeys.instance import until
from tests.journeys.steps import deposit, fills, start_run

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]


async def restart(fleet: Fleet, *names: str) -> None:
    """End processes in order, and wait until others have come in their places."""
    before = {name: fleet.pid(name) for name in names}
    for name in names:
        fleet.signal(name, signal.SIGTERM)

    async def replaced() -> bool:
        return all(fleet.pid(name) not in (None, before[name]) for name in names)

    await until(replaced, 60, f"others in the places of {', '.join(names)}")


async def test_a_rolling_restart_and_one_of_all_at_once_take_nothing_over(
    tmp_path: Path, assure: Assure
) -> None:
    async with open_fleet(tmp_path / "state") as fleet:
        alice = fleet.person("Alice")
        await open_trading(alice)
        await deposit(alice, "USDT", "500")
        await start_run(alice, "ETH/USDT", "tight", "nothing", "500")
        await until(fleet.shared, 60, "each worker has an account")
        angel = fleet.pid("angel")
        for names in ((WORKERS[0],), (WORKERS[1],), WORKERS, ("bot",), ("webapp",)):
            await restart(fleet, *names)
            await until(fleet.shared, 90, "each worker has an account again")
        had = await fills(fleet)

        async def more() -> bool:
            return await fills(fleet) > had

        await until(more, 180, "trading goes on")
        assert fleet.pid("angel") == angel
        assert await fleet.rows("SELECT kind, scope, facts FROM angel_entries") == []
        states = {row["state"] for row in await fleet.rows("SELECT state FROM runs WHERE kind = 'strategy'")}
        assert states == {"running"}
    assure("AN13 deploys", 5, 0)
