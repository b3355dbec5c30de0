"""The judge: our ledger against the far sides' own records, to the last digit."""

from decimal import Decimal

from tests.journeys.instance import Instance, until

_LEDGER = """
    SELECT a.kind, a.owner, a.coin, b.total, b.held
    FROM balances b JOIN accounts a ON a.id = b.account_id
"""


async def differences(instance: Instance) -> list[str]:
    """Return every way in which ledger, wallet and venue disagree: nothing, when all is quiet."""
    ledger = await instance.rows(_LEDGER)
    found = [f"ledger fault {fault}" for fault in await instance.rows("SELECT * FROM ledger_faults")]
    found += [f"fee fault {fault}" for fault in await instance.rows("SELECT * FROM fee_faults")]
    found += await _wallet_differences(
        instance, {r["owner"]: r["total"] for r in ledger if r["kind"] == "mixin"}
    )
    venue = {(r["owner"], r["coin"]): r["total"] for r in ledger if r["kind"] == "venue"}
    return found + await _venue_differences(instance, venue)


async def _wallet_differences(instance: Instance, ledger: dict[str, Decimal]) -> list[str]:
    books = await instance.mixin("books")
    bot = (await instance.mixin("people"))["bot"]["user_id"]
    wallet: dict[str, Decimal] = {}
    for output in books["outputs"].get(bot, []):
        if output["state"] != "spent":
            wallet[output["asset_id"]] = wallet.get(output["asset_id"], Decimal(0)) + Decimal(
                output["amount"]
            )
    approved = {row["asset_id"] for row in await instance.rows("SELECT asset_id FROM tokens")}
    return [
        f"mixin {asset}: ledger {ledger.get(asset, 0)}, wallet {wallet.get(asset, 0)}"
        for asset in approved
        if ledger.get(asset, Decimal(0)) != wallet.get(asset, Decimal(0))
    ]


async def _venue_differences(instance: Instance, ledger: dict[tuple[str, str], Decimal]) -> list[str]:
    books = await instance.venue("books")
    found = (
        [] if not any(Decimal(v) for v in books["missing"].values()) else [f"venue lost {books['missing']}"]
    )
    for name, balances in books["accounts"].items():
        for coin, amounts in balances.items():
            there = Decimal(amounts["free"]) + Decimal(amounts["locked"])
            ours = ledger.get((name, coin), Decimal(0))
            if ours != there:
                found.append(f"venue {name} {coin}: ledger {ours}, venue {there}")
    return found


async def assert_books_agree(instance: Instance, within_s: float = 20) -> None:
    """Wait until ledger, wallet and venue agree exactly."""
    last: list[str] = []

    async def agree() -> bool:
        last[:] = await differences(instance)
        return not last

    try:
        await until(agree, within_s, "books agree")
    except AssertionError:
        raise AssertionError("books differ:\n" + "\n".join(last)) from None


async def assert_nothing_is_open(instance: Instance) -> None:
    """Check that no order rests on the venue and no promise on the ledger."""
    assert (await instance.venue("books"))["open_orders"] == []
    assert await instance.rows("SELECT * FROM holds WHERE ended_at IS NULL") == []
