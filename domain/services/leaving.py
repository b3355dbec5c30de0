"""What carries a conversion: a run of its own, made in the commit that gives it its coins (CV3).

Nothing of a strategy's run goes on: it has stopped, its orders are off, its fills booked (ST2, ST5). What it
gives back goes to the conversion instead of its person, in the same commit.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from domain.conversions.model import Conversion, ConversionState
from domain.ledger.model import Account, available
from domain.ledger.model import run as run_account
from domain.market.model import Side
from domain.market.runs import Run, RunKind, RunState
from domain.money import ZERO, Coin, plain
from domain.ports.notices import Notices
from domain.services.desk import Desk

RESTING = "resting"
"""The preset of a run that carries an order which rests: its person hears of fills while it does."""


def carrier_of(conversion: Conversion, amount: Decimal, at: datetime) -> Run:
    """Return the run that works with a conversion's coins."""
    buys = conversion.side is Side.BUY
    return Run(
        id=conversion.id,
        number=conversion.number,
        user_id=conversion.user_id,
        account=conversion.account,
        pair=conversion.pair,
        strategy="conversion",
        preset=RESTING if conversion.resting else "",
        config={},
        config_version=1,
        state=RunState.RUNNING,
        base_start=ZERO if buys else amount,
        quote_start=amount if buys else ZERO,
        started_at=at,
        fee_version=conversion.fee_version,
        fee_bps=conversion.fee_bps,
        kind=RunKind.CONVERSION,
    )


def receiver(run: Run, coin: Coin, heir: Conversion | None) -> Account:
    """Return who gets a coin of a run that ends: the conversion that waits for it, or the run's person."""
    if heir is not None and coin == heir.pays:
        return run_account(heir.id, heir.account, coin)
    return available(run.user_id, coin)


async def stopped_by_hand(desk: Desk, run: Run | Conversion) -> str:
    """Return the code of why nothing may be traded for a person or with their coins, or an empty text."""
    if desk.admission is None:
        return ""
    refusal = await desk.admission.refusal(run.user_id, run.pair.base, run.pair.quote)
    return refusal.code if refusal else ""


async def heir_of(desk: Desk, run: Run) -> Conversion | None:
    """Return the conversion that takes what a run leaves, ``None`` where there is none; call it inside.

    One that may not begin, since its person or a coin is frozen, is over: everything goes to the person.
    """
    heir = await desk.conversions.leaving(run.id)
    if heir is None or not (reason := await stopped_by_hand(desk, heir)):
        return heir
    await desk.conversions.call_off(heir.id, reason, desk.clock.now())
    await tell_unbegun(desk.notices, heir, reason)
    return None


async def tell_unbegun(notices: Notices, conversion: Conversion, reason: str) -> None:
    """Tell a person that a conversion is over which never had any coins; call it inside."""
    told = told_of(conversion) | {"reason": reason, "spent": "0", "received": "0", "left": "0"}
    await notices.tell(conversion.user_id, "conversion_done", f"conversion_done:{conversion.id}", told)


async def inherit(desk: Desk, heir: Conversion, amount: Decimal) -> None:
    """Let a waiting conversion begin with what its run has left it; call it inside.

    Where that is nothing there is nothing to convert, and it is over.
    """
    now = desk.clock.now()
    if amount:
        await desk.runs.add(carrier_of(heir, amount, now))
        await desk.conversions.begin(heir.id, amount, now)
        told = told_of(replace(heir, amount=amount, state=ConversionState.CONVERTING))
        await desk.notices.tell(heir.user_id, "conversion_begun", f"conversion_begun:{heir.id}", told)
        return
    await desk.conversions.call_off(heir.id, "nothing", now)
    await tell_unbegun(desk.notices, heir, "nothing")


def told_of(conversion: Conversion) -> dict[str, str]:
    """Return a conversion as parameters of a notice."""
    return {
        "number": str(conversion.number),
        "pair": str(conversion.pair),
        "side": conversion.side.value,
        "resting": "yes" if conversion.resting else "no",
        "pays": conversion.pays,
        "gets": conversion.gets,
        "amount": plain(conversion.amount),
        "quantity": plain(conversion.quantity),
        "worst": plain(conversion.worst),
    }
