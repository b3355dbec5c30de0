"""The judge: what the far sides wrote down themselves, against our ledger; then our own two judges as well.

Nothing lost: each payment that Mixin knows is recorded, each trade of the venue is booked. Nothing doubled:
once each, and each payout of ours left once. The balances agree to the digit.
"""

from collections import Counter
from collections.abc import Iterable

from tests.chaos.shop import Shop
from tests.journeys.books import assert_books_agree
from tests.journeys.instance import until

_PAID_OUT = "SELECT request_id FROM payouts WHERE state = 'done'"
_ANY_PAYOUT = "SELECT request_id FROM payouts"
_RECORDED = "SELECT output_id FROM outputs"
_BOOKED = "SELECT trade_id FROM fills"


async def assert_nothing_lost_or_doubled(shop: Shop, within_s: float = 90) -> None:
    """Check everything, once all has come to rest."""
    await assert_books_agree(shop, within_s)
    found = [*await mixin_against_ledger(shop), *await venue_against_ledger(shop)]
    assert not found, "\n".join(found)
    chain = await shop.command("chain", "verify")
    assert chain.code == 0, chain.text
    last = [chain]

    async def good() -> bool:
        last[0] = await shop.command("reconcile", "--within", "60")
        return last[0].code == 0

    try:
        await until(good, within_s, "reconcile finds nothing")
    except AssertionError:
        raise AssertionError(f"reconcile:\n{last[0].text}") from None


async def mixin_against_ledger(shop: Shop) -> list[str]:
    """Return what Mixin's record and ours do not have in common."""
    books, bot = await shop.mixin("books"), (await shop.mixin("people"))["bot"]["user_id"]
    there = [output["output_id"] for output in books["outputs"][bot]]
    sent = [each["request_id"] for each in books["transactions"] if each["signers"] == [bot]]
    done, any_payout = [await _column(shop, sql) for sql in (_PAID_OUT, _ANY_PAYOUT)]
    return [
        *_differ("payment", there, await _column(shop, _RECORDED)),
        *(f"payout {name} is done and never left" for name in sorted(set(done) - set(sent))),
        *(f"{name} left and is no payout of ours" for name in sorted(set(sent) - set(any_payout))),
        *(f"payout {name} left {n} times" for name, n in Counter(sent).items() if n > 1),
    ]


async def venue_against_ledger(shop: Shop) -> list[str]:
    """Return what the venue's record of our trades and ours do not have in common."""
    books = await shop.venue("books")
    ours = {row["account"] for row in await shop.rows("SELECT DISTINCT account FROM order_intents")}
    there = [f"{each['id']}" for each in books["trades"] if each["account"] in ours]
    return _differ("trade", there, await _column(shop, _BOOKED))


async def _column(shop: Shop, sql: str) -> list[str]:
    return [str(value) for row in await shop.rows(sql) for value in row.values()]


def _differ(what: str, there: Iterable[str], ours: Iterable[str]) -> list[str]:
    far, near = Counter(there), Counter(ours)
    return [
        f"{what} {name}: {far[name]} there, {near[name]} here" for name in sorted((far - near) | (near - far))
    ]
