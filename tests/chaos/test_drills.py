"""T32: what an owner does on a bad day, timed by the exchange's own record (docs/operations.md)."""

import asyncio
import json
import secrets
import signal
import time
from pathlib import Path

import pytest

from sandbox.world import write_private
from tests.assurance import Assure
from tests.chaos.judge import assert_nothing_lost_or_doubled
from tests.chaos.shop import Shop, open_shop, open_trading
from tests.journeys.instance import Person, until
from tests.journeys.steps import fills

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]

HALTED_WITHIN_S = 10.0
ROTATED_WITHIN_S = 300.0

QUIET_S = 10.0
"""So long after the halt nothing new may reach the exchange: its runs would have quoted several times."""


async def test_an_owner_replaces_a_leaked_key_and_halts_everything(tmp_path: Path, assure: Assure) -> None:
    async with open_shop(tmp_path / "state", "incident drills") as shop:
        await open_trading(shop.person("Alice"))
        await until(lambda: fills(shop), 180, "trading has begun")
        rotated_s = await replace_leaked_key(shop, tmp_path / "new_key.json")
        await until(lambda: resting(shop), 120, "orders rest at the exchange")
        halted_s = await halt_everything(shop, shop.person("Owner"))
        await assert_nothing_lost_or_doubled(shop)
    assure("T32", 2, 0, rotated_ms=int(rotated_s * 1000), halted_ms=int(halted_s * 1000))
    assert rotated_s <= ROTATED_WITHIN_S
    assert halted_s <= HALTED_WITHIN_S


async def resting(shop: Shop) -> int:
    """Return how many orders rest, by the exchange's own record."""
    return len((await shop.venue("books"))["open_orders"])


async def newest_order_ms(shop: Shop) -> int:
    """Return when the exchange took the newest order, by its own clock."""
    return int((await shop.venue("books"))["newest_order_ms"])


async def replace_leaked_key(shop: Shop, file: Path) -> float:
    """Replace the key of the account that trades; return after how many seconds it trades with another.

    The leaked one is worth nothing at the exchange from the first of these seconds on.
    """
    [traded] = await shop.rows("SELECT DISTINCT account FROM order_intents")
    name, began_s = traded["account"], time.monotonic()
    write_private(file, another_key_at_the_exchange(shop, name))
    old = shop.pid("venue")
    shop.signal("venue", signal.SIGKILL)
    await until(lambda: _is_another(shop, "venue", old), 60, "the exchange knows the new key alone")
    await say_so(shop, "keys", "replace", "venue", name, "--file", str(file))
    old = shop.pid("workers")
    shop.signal("workers", signal.SIGTERM)
    await until(lambda: _is_another(shop, "workers", old), 120, "other workers")
    had_ms = (await shop.venue("books"))["now_ms"]
    await until(lambda: _newer_order(shop, had_ms), 240, "trading goes on with the new key")
    took_s = time.monotonic() - began_s
    await say_so(shop, "keys", "revoke", "venue", name, "1")
    listed = await say_so(shop, "keys", "list")
    assert any(f" {name} " in line and "revoked" in line for line in listed.splitlines()), listed
    return took_s


def another_key_at_the_exchange(shop: Shop, name: str) -> list[dict[str, object]]:
    """Let the exchange know another key in the old one's place; return it, as the owner notes it down."""
    world_file = Path(shop.facts["world"])
    world = json.loads(world_file.read_text())
    [account] = [each for each in world["venue"]["accounts"] if each["name"] == name]
    account["api_key"], account["secret"] = secrets.token_hex(16), secrets.token_hex(32)
    write_private(world_file, world)
    return [{key: account[key] for key in ("name", "venue", "api_key", "secret", "withdrawal_key")}]


async def halt_everything(shop: Shop, owner: Person) -> float:
    """Stop all that trades, as the owner: asked, confirmed; return after how many seconds no order rests."""
    began_s = time.monotonic()
    await owner.asks("/stopall", "would stop|stop", 60)
    token = (await owner.action(r"/stopall \S+")).rpartition(" ")[2]
    await owner.says(f"/stopall {token}")
    await until(lambda: _all_is_off(shop), 120, "no run is at work and no order rests")
    took_s = time.monotonic() - began_s
    newest_ms = await newest_order_ms(shop)
    await asyncio.sleep(QUIET_S)
    assert await newest_order_ms(shop) == newest_ms, "something new was ordered after the halt"
    assert await resting(shop) == 0
    return took_s


async def say_so(shop: Shop, *words: str) -> str:
    """Let the owner's command line do something that must succeed; return what it says."""
    said = await shop.command(*words)
    assert said.code == 0, said.text
    return said.text


async def _is_another(shop: Shop, name: str, old: int | None) -> bool:
    return shop.pid(name) not in {None, old}


async def _newer_order(shop: Shop, than_ms: int) -> bool:
    return await newest_order_ms(shop) > than_ms


async def _all_is_off(shop: Shop) -> bool:
    return not await shop.rows("SELECT id FROM runs WHERE state = 'running'") and not await resting(shop)
