"""T11: an old database: nothing goes on by itself, what is missing is named, no name is used twice."""

import asyncio
import shutil
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import asyncpg
import pytest

from sandbox.postgres import start_postgres
from sandbox.world import USDT
from tests.assurance import Assure
from tests.chaos.shop import Payments, Said, Shop, open_shop, open_trading, size
from tests.journeys.books import differences
from tests.journeys.instance import Person, until
from tests.journeys.steps import deposit, fills, withdraw

AGE_S = size("CHAOS_RESTORE_AGE_S", 0)
"""So much time passes between what came after the backup and the loss. After ten minutes nobody tells
outputs by their names any more, but by the sum of their coin."""

pytestmark = [pytest.mark.journey, pytest.mark.timeout(3600 + AGE_S)]

_NAMES = """
    SELECT client_order_id AS name FROM order_intents
    UNION ALL SELECT id FROM order_intents
    UNION ALL SELECT request_id FROM payouts
    UNION ALL SELECT trace FROM deposit_intents
"""


async def names(shop: Shop, database: str = "") -> set[str]:
    """Return every name of ours that the outside has seen or may see."""
    if not database:
        return {row["name"] for row in await shop.rows(_NAMES)}
    connection = await asyncpg.connect(database)
    try:
        return {row["name"] for row in await connection.fetch(_NAMES)}
    finally:
        await connection.close()


async def destroy_and_restore(shop: Shop, file: Path) -> tuple[Said, set[str]]:
    """Lose the whole cluster, make one of a file; return what the command said, and the names in it."""
    await shop.stop()
    shutil.rmtree(shop.state / "postgres" / "cluster")
    server = await asyncio.to_thread(start_postgres, shop.state / "postgres")
    try:
        said = await shop.command("restore", str(file), database=server.url())
        return said, await names(shop, server.url())
    finally:
        await asyncio.to_thread(server.stop)


async def missing_outside(shop: Shop) -> dict[str, str]:
    """Return the payments into the wallet that the books do not have: their ids, and from whom."""
    books, bot = await shop.mixin("books"), (await shop.mixin("people"))["bot"]["user_id"]
    known = {row["output_id"] for row in await shop.rows("SELECT output_id FROM outputs")}
    listed = {output["output_id"]: output for output in books["outputs"][bot]}
    return {
        name: ",".join(output["senders"])
        for name, output in listed.items()
        if name not in known and output["state"] == "unspent"
    }


async def unfreeze(owner: Person) -> None:
    """Let everything go on, as the owner: asked, shown why, confirmed."""
    await owner.asks("/unfreeze instance", "may not be the newest", 60)
    token = (await owner.action(r"/unfreeze instance \S+")).rpartition(" ")[2]
    await owner.asks(f"/unfreeze instance {token}", "of instance go on", 60)


async def test_a_restored_database_waits_and_names_what_it_lacks(tmp_path: Path, assure: Assure) -> None:
    file = tmp_path / "dump"
    async with open_shop(tmp_path / "state", "restore") as shop:
        alice, bob, owner = (shop.person(name) for name in ("Alice", "Bob", "Owner"))
        await open_trading(alice)
        await bob.asks("Hi", "deposit", 60)
        await deposit(bob, "USDT", "50")
        await until(lambda: at_least(shop, 2), 120, "fills before the backup")
        backed_up = await shop.command("backup", str(file))
        assert backed_up.code == 0, backed_up.text

        payments = Payments(bob)
        for amount in ("7.5", "3.25"):
            await payments.pay(amount)
        await withdraw(bob, "USDT", "20")
        had = await fills(shop)
        await until(lambda: at_least(shop, had + 2), 120, "fills after the backup")
        await until(payments.all_there, 60, "payments after the backup")
        await asyncio.sleep(AGE_S)
        before = await names(shop)

        began_s = time.monotonic()
        said, kept = await destroy_and_restore(shop, file)
        restored_s = time.monotonic() - began_s
        assert said.code == 0, said.text
        lost = before - kept
        assert lost, "nothing happened after the backup"

        await shop.start()
        [freeze] = await shop.rows(
            "SELECT reason FROM freezes WHERE scope = 'instance' AND lifted_at IS NULL"
        )
        assert "restored" in freeze["reason"]
        safe_s = time.monotonic() - began_s
        await owner.sees("started safe", 60)
        absent = await missing_outside(shop)
        assert len(absent) >= 3, "two payments and the change of a payout"
        table = await names_everything(shop)
        assert await payments.missing() == sorted(payments.paid), "credited before the owner's word"

        await unfreeze(owner)
        await until(payments.all_there, 120, "what was paid in since is credited")
        assert await credited(shop, payments) == payments.paid
        await bob.asks("/deposit", "which coin", 60)
        await bob.asks("USDT", "how much", 60)
        await bob.asks("1", "tap the button", 60)
        again = await names(shop) - kept
        assert again, "no name was made since"
        assert not again & lost
        by_id = sum(name in table for name in absent)
        figures = {"named_by_id": by_id, "names_lost": len(lost), "names_since": len(again), "age_s": AGE_S}
        assure("T11", len(absent), 0, **figures, restored_s=int(restored_s), safe_s=int(safe_s))


async def at_least(shop: Shop, count: int) -> bool:
    """Tell whether so many fills are booked."""
    return await fills(shop) >= count


async def names_everything(shop: Shop) -> str:
    """Wait until ``mrmarket reconcile`` shows every difference there is, to the digit; return its table.

    What rests on the exchange's book may trade between our look and its.
    """
    table, unnamed = "", ["everything"]

    async def complete() -> bool:
        nonlocal table, unnamed
        looked = await shop.command("reconcile", "--within", "120")
        assert looked.code == 1, looked.text
        table, unnamed = looked.text, await figures_unnamed(shop, looked)
        return not unnamed

    try:
        await until(complete, 300, "reconcile shows every difference")
    except AssertionError as error:
        error.add_note(f"not shown: {unnamed} in\n{table}")
        raise
    return table


async def figures_unnamed(shop: Shop, looked: Said) -> list[str]:
    """Return each place and coin that differs from the far side's record without the table saying so."""
    found = [each for each in await differences(shop) if each.startswith(("mixin", "venue"))]
    symbols = {row["asset_id"]: row["coin"] for row in await shop.rows("SELECT asset_id, coin FROM tokens")}
    return [each for each in found if not _shown(each, looked.text, symbols)]


def _shown(difference: str, table: str, symbols: Mapping[str, str]) -> bool:
    """Tell whether a line of the table has the coin and both figures of a difference."""
    head, _, figures = difference.partition(": ")
    coin = symbols.get(head.split()[-1], head.split()[-1])
    numbers = {Decimal(part.split()[-1]).normalize() for part in figures.split(", ")}
    return any(coin in line.split() and numbers <= set(_numbers(line)) for line in table.splitlines())


def _numbers(line: str) -> list[Decimal]:
    return [Decimal(word).normalize() for word in line.split() if word.replace(".", "").lstrip("-").isdigit()]


async def credited(shop: Shop, payments: Payments) -> dict[str, Decimal]:
    """Return what of the payments is credited, by id; one that was credited twice counts double."""
    sums: dict[str, Decimal] = {}
    for row in await shop.rows(
        "SELECT request_id, amount FROM outputs WHERE kind = 'deposit' AND asset_id = $1", USDT
    ):
        if row["request_id"] in payments.paid:
            sums[row["request_id"]] = sums.get(row["request_id"], Decimal(0)) + row["amount"]
    return sums
