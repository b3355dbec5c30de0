"""The comparison: lines from figures, and what follows from a round and the one before it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from domain.market.orders import Fill
from domain.money import ZERO, Coin
from domain.reconciliation.model import InFlight, Line, Round

UNIT = Decimal("0.00000001")
"""The smallest amount in which a venue keeps a balance."""

CAP = Decimal("0.00000001")
"""What rounding may explain of a balance at most, however many fills were rounded."""

PATIENCE = timedelta(seconds=45)
"""How long a shortfall must last, from one round to a later one, until things are stopped."""

Figures = Mapping[str, Decimal]
"""Amounts by subject: coins at a venue, asset ids in the wallet."""


def by_name(amounts: Mapping[Coin, Decimal]) -> dict[str, Decimal]:
    """Return amounts of coins as figures."""
    return {str(coin): amount for coin, amount in amounts.items()}


def compare(
    ledger: Figures,
    outside: Figures,
    coins: Mapping[str, Coin],
    in_flight: Iterable[InFlight],
    tolerances: Figures | None = None,
) -> tuple[Line, ...]:
    """Return a line for each subject that either side knows, in order.

    ``coins`` names the coin of every asset id; a subject that is not in it is a coin itself. What moves a
    subject that neither side knows explains nothing.
    """
    explained: dict[str, list[InFlight]] = {}
    for each in in_flight:
        explained.setdefault(each.asset_id or each.coin, []).append(each)
    return tuple(
        Line(
            coin=coins.get(subject, Coin(subject)),
            ledger=ledger.get(subject, ZERO),
            outside=outside.get(subject, ZERO),
            asset_id=subject if subject in coins else "",
            explained=tuple(explained.get(subject, ())),
            tolerance=(tolerances or {}).get(subject, ZERO),
        )
        for subject in sorted({*ledger, *outside})
        if ledger.get(subject) or outside.get(subject)
    )


def tolerances(fills: Iterable[Fill], ledger: Figures, before: Round | None) -> dict[str, Decimal]:
    """Return what rounding explains of each coin since the last round: one unit for each rounded fill.

    A venue keeps whole units, so what a fill says it moved is what it moved, unless that is no whole number
    of them. To this comes what was explained so before; and of a balance never more than ``CAP`` of it.
    """
    rounded: dict[str, int] = {}
    for fill in fills:
        for coin, amount in moved(fill).items():
            rounded[coin] = rounded.get(coin, 0) + (amount % UNIT != 0)
    drifted = {line.coin: _drift(line) for line in before.lines} if before else {}
    return {
        coin: min(rounded.get(coin, 0) * UNIT + drifted.get(Coin(coin), ZERO), CAP * abs(balance))
        for coin, balance in ledger.items()
    }


def moved(fill: Fill) -> dict[Coin, Decimal]:
    """Return by how much a fill changes what lies at its venue, by coin."""
    way = 1 if fill.side == "buy" else -1
    change = {fill.pair.base: way * fill.quantity, fill.pair.quote: -way * fill.quote_quantity}
    if fill.fee:
        change[fill.fee_coin] = change.get(fill.fee_coin, ZERO) - fill.fee
    return change


def _drift(line: Line) -> Decimal:
    """Return how much of a line's difference its tolerance explained."""
    bare = abs(replace(line, tolerance=ZERO).unexplained)
    return bare if bare <= line.tolerance else ZERO


@dataclass(frozen=True, slots=True)
class Finding:
    """A round with its history, and what follows from it.

    ``fresh``: short now and not before. ``stop``: short for long enough. ``ticket``: more there for long
    enough. ``healed``: short before and not now.
    """

    round: Round
    fresh: tuple[Line, ...] = ()
    stop: tuple[Line, ...] = ()
    ticket: tuple[Line, ...] = ()
    healed: tuple[Line, ...] = ()


def judge(now: Round, before: Round | None) -> Finding:
    """Return what a round means after the last one of its place in which anything could be seen.

    Two rounds must agree before anything is stopped, a while apart: what is told late is told by then.
    """
    if now.moving:
        return Finding(now)
    lines = tuple(replace(line, since=_since(line, now.at, before)) for line in now.lines)
    lasting = [line for line in lines if line.since and now.at - line.since >= PATIENCE]
    was = {line.subject: line for line in before.lines} if before else {}
    short = {line.subject for line in lines if line.short}
    return Finding(
        replace(now, lines=lines),
        fresh=tuple(line for line in lines if line.short and line.since == now.at),
        stop=tuple(line for line in lasting if line.short),
        ticket=tuple(line for line in lasting if line.surplus),
        healed=tuple(line for name, line in was.items() if line.short and name not in short),
    )


def _since(line: Line, at: datetime, before: Round | None) -> datetime | None:
    """Return since when a difference to the same side has been seen without a good look in between."""
    if not line.unexplained:
        return None
    was = before.line(line.subject) if before else None
    same = was is not None and (was.short, was.surplus) == (line.short, line.surplus)
    return was.since if was is not None and same and was.since else at
