"""Workers killed, the Angel clears the book, workers come back: the market maker goes on (T9, AN12)."""

import signal
import time
from pathlib import Path

import pytest

from tests.assurance import Assure
from tests.chaos.judge import assert_nothing_lost_or_doubled
from tests.chaos.shop import Shop, open_shop, open_trading
from tests.journeys.instance import Person, until
from tests.journeys.steps import stop_run

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

BACK_WITHIN_S = 60.0
"""After its worker is back, so long may a market maker take to go on (T9)."""

_STATE = "SELECT state FROM runs WHERE number = 1"
_GIVEN_BACK = "SELECT state = 'released' AS back FROM leases WHERE scope = 'venue:main'"
_TAKES = "SELECT count(*) AS n FROM angel_entries WHERE kind = 'safe'"
_PLACED = """
    SELECT count(*) AS n FROM order_intents
    WHERE epoch = (SELECT epoch FROM leases WHERE scope = 'venue:main')
"""


async def state(shop: Shop) -> str:
    return str((await shop.rows(_STATE))[0]["state"])


async def taken_over(shop: Shop, before: int) -> None:
    """Kill the workers, keep them down, and wait until the Angel has made the account safe."""
    shop.keep_down("workers")
    shop.signal("workers", signal.SIGKILL)

    async def safe() -> bool:
        return bool((await shop.rows(_TAKES))[0]["n"] > before and (await shop.rows(_GIVEN_BACK))[0]["back"])

    await until(safe, 120, "the Angel makes the account safe")
    assert await state(shop) == "halted"


async def back(shop: Shop, wanted: str) -> float:
    """Let the workers come back; return how long after that the market maker took to be as wanted."""
    shop.keep_down()
    await until(lambda: _holds(shop), 120, "a worker holds the account")
    began_s = time.monotonic()

    async def there() -> bool:
        return await state(shop) == wanted

    await until(there, 120, f"the market maker is {wanted}")
    return time.monotonic() - began_s


async def _holds(shop: Shop) -> bool:
    return not (await shop.rows(_GIVEN_BACK))[0]["back"]


async def places_again(shop: Shop) -> None:
    async def placed() -> bool:
        return bool((await shop.rows(_PLACED))[0]["n"])

    await until(placed, 60, "it has orders on the book again")


async def test_it_goes_on_three_times_within_an_hour_and_then_at_the_owners_word(
    tmp_path: Path, assure: Assure
) -> None:
    took: list[float] = []
    async with open_shop(tmp_path / "state", "taken over and brought back") as shop:
        alice: Person = shop.person("Alice")
        await open_trading(alice)
        for times in range(3):
            await taken_over(shop, times)
            took.append(await back(shop, "running"))
            await alice.sees("is at work again", 60)
            await places_again(shop)
        await taken_over(shop, 3)
        await back(shop, "awaiting_user")
        await alice.sees("three times within an hour", 60)
        plan = await shop.command("recover", "--dry-run")
        assert (plan.code, "is brought back by mrmarket recover" in plan.text) == (0, True), plan.text
        done = await shop.command("recover")
        assert (done.code, "All of them trade again" in done.text) == (0, True), done.text
        await places_again(shop)
        await stop_run(alice, within_s=180)
        await assert_nothing_lost_or_doubled(shop)
    assure("T9 real", 4, 0, slowest_back_ms=int(max(took) * 1000))
    assert max(took) <= BACK_WITHIN_S, f"back after {took} s"
