"""The same journey on real input: a recorded market, twice, with equal decisions."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.books import assert_books_agree, assert_nothing_is_open
from tests.journeys.instance import Instance, until
from tests.journeys.steps import deposit, start_run, stop_run, withdraw

pytestmark = [pytest.mark.journey, pytest.mark.timeout(400)]

NAME = "binance_btcusdt_20240808.txt.gz"


def recording(root: Path) -> Path:
    """Return the shared recording, looked for beside the checkout."""
    for parent in root.parents[:2]:
        if (found := parent / "shared" / "data" / "market" / NAME).exists():
            return found
    pytest.skip(f"the recording shared/data/market/{NAME} is not beside this checkout")


async def play(state: Path, file: Path) -> dict[str, Any]:
    """Play the whole journey on a recording; return what was decided and what was filled."""
    arguments = ("--replay", str(file), "--pace", "lockstep", "--fees", "zero")
    async with Instance(state, *arguments) as instance:
        alice = instance.person("Alice")
        await alice.asks("Hi", "deposit")
        await deposit(alice, "USDT", "2000")
        await deposit(alice, "BTC", "0.03")
        await start_run(alice, "BTC/USDT", "own", *OWN_SETTINGS, "0.03", "2000")
        await until(lambda: _ended(instance), 240, "the recording's end")
        await stop_run(alice)
        await withdraw(alice, "USDT")
        await withdraw(alice, "BTC")
        await assert_nothing_is_open(instance)
        await assert_books_agree(instance)
        books = await instance.venue("books")
        decided = await instance.rows(
            "SELECT side, price, quantity, filled, state FROM order_intents ORDER BY seq"
        )
        return {
            "decided": [tuple(row.values()) for row in decided],
            "fills": [(t["side"], t["price"], t["quantity"], t["time"]) for t in books["trades"]],
        }


OWN_SETTINGS = ("2", "2", "2", "default", "5", "1", "0", "yes")
"""Half spread 2 bps, two levels 2 bps apart, looked after every five seconds, no minimum edge."""


async def _ended(instance: Instance) -> bool:
    return bool((await instance.venue("replay"))["ended"])


async def test_recorded_trades_fill_us_exactly_and_two_runs_decide_alike(tmp_path: Path, root: Path) -> None:
    file = recording(root)
    first = await play(tmp_path / "first", file)
    second = await play(tmp_path / "second", file)
    assert len(first["fills"]) >= 1
    assert sum(Decimal(str(fill[2])) for fill in first["fills"]) > 0
    assert first == second
