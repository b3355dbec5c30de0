"""What a person's runs did: what can be looked for, and the rows that are found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar, TypeVar

from domain.errors import Refused
from domain.market.model import Pair, Side
from domain.market.orders import OrderState

_A_DAY = timedelta(days=1)


class Subject(StrEnum):
    """What a history lists."""

    FILLS = "fills"
    ORDERS = "orders"
    FEES = "fees"


class FillState(StrEnum):
    """What the venue made of a fill since."""

    BOOKED = "booked"
    CORRECTED = "corrected"
    BUSTED = "busted"


STATES: Mapping[Subject, frozenset[str]] = {
    Subject.FILLS: frozenset(FillState),
    Subject.ORDERS: frozenset(OrderState),
    Subject.FEES: frozenset(),
}
"""The states that rows of a subject can be in."""

_MOST = 2**63
_MOST_RUNS = 10**6

T = TypeVar("T", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; what is not said is not looked at. ``before`` is where the page before ended."""

    subject: Subject = Subject.FILLS
    run: int | None = None
    pair: Pair | None = None
    side: Side | None = None
    state: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None

    @classmethod
    def read(cls, typed: Mapping[str, str]) -> "Wanted":
        """Return what somebody typed: ``subject, run, pair, side, state, from, to, before``; empty is unsaid.

        A day is all of it, in UTC; so ``to`` a day includes it, and ``to`` an instant leaves that out.

        Raises:
            Refused: ``history_not_understood`` with the name and a part of what was typed.
        """
        said = {name: text.strip() for name, text in typed.items() if text.strip()}
        subject = _one(Subject, said, "subject") or Subject.FILLS
        if said.get("state", "") not in {"", *STATES[subject]}:
            raise _not_understood("state", said["state"])
        if subject is Subject.FEES and "side" in said:
            raise _not_understood("side", said["side"])
        return cls(
            subject=subject,
            run=_number(said, "run", _MOST_RUNS),
            pair=_pair(said),
            side=_one(Side, said, "side"),
            state=said.get("state", ""),
            since=_instant(said, "from", timedelta()),
            until=_instant(said, "to", _A_DAY),
            before=_number(said, "before", _MOST),
        )

    def typed(self) -> dict[str, str]:
        """Return what ``read`` turns into this, without what is not said."""
        said = {
            "subject": self.subject,
            "run": self.run,
            "pair": self.pair,
            "side": self.side,
            "state": self.state,
            "from": self.since and _as_typed(self.since, timedelta()),
            "to": self.until and _as_typed(self.until, _A_DAY),
            "before": self.before,
        }
        return {name: str(value) for name, value in said.items() if value not in (None, "")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What every row says: its place in the order, when, and which run (``None``: none) of which pair.

    A run's ``kind`` is ``strategy`` or ``conversion``; each counts its own numbers.
    """

    columns: ClassVar[tuple[str, ...]]
    """What an export says of a row, in this order; columns are added at the end and never change."""

    seq: int
    at: datetime
    run: int | None
    kind: str
    pair: Pair | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRow(Row):
    """A fill as the venue last described it; ``fee`` is the venue's, ``None`` while it is not known."""

    columns: ClassVar = (
        *("at", "run", "kind", "pair", "side", "price", "quantity", "quote_quantity", "fee", "fee_coin"),
        *("maker", "state", "account", "order_id", "trade_id"),
    )

    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    fee: Decimal | None
    fee_coin: str
    maker: bool
    state: str
    account: str
    order_id: str
    trade_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow(Row):
    """An order with its last known state."""

    columns: ClassVar = (
        *("at", "run", "kind", "pair", "side", "price", "quantity", "filled", "state", "post_only"),
        *("account", "client_order_id", "order_id"),
    )

    side: Side
    price: Decimal
    quantity: Decimal
    filled: Decimal
    state: str
    post_only: bool
    account: str
    client_order_id: str
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRow(Row):
    """A fee of ours: of what (``basis``), how much, and what it was for; below zero: it went back."""

    columns: ClassVar = ("at", "run", "kind", "pair", "fee", "coin", "basis", "amount", "cause")

    fee: str
    coin: str
    basis: Decimal
    amount: Decimal
    cause: str


ROWS: Mapping[Subject, type[Row]] = {
    Subject.FILLS: FillRow,
    Subject.ORDERS: OrderRow,
    Subject.FEES: FeeRow,
}


def _not_understood(what: str, said: str) -> Refused:
    return Refused("history_not_understood", what=what, said=said[:40])


def _one(kind: type[T], said: Mapping[str, str], name: str) -> T | None:
    if name not in said:
        return None
    try:
        return kind(said[name].lower())
    except ValueError as error:
        raise _not_understood(name, said[name]) from error


def _number(said: Mapping[str, str], name: str, most: int) -> int | None:
    text = said.get(name, "").removeprefix("#")
    if name not in said:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and 0 < int(text) < most):
        raise _not_understood(name, said[name])
    return int(text)


def _pair(said: Mapping[str, str]) -> Pair | None:
    text = said.get("pair", "")
    if not text:
        return None
    try:
        pair = Pair.parse(text.upper())
    except ValueError as error:
        raise _not_understood("pair", text) from error
    if not text.isascii() or len(text) > 40:
        raise _not_understood("pair", text)
    return pair


def _as_typed(instant: datetime, day_lasts: timedelta) -> str:
    """Return what ``_instant`` reads as this: a day where it is one, as people say it, else the instant."""
    at = instant.astimezone(UTC)
    if at.time() != time() or at - datetime.min.replace(tzinfo=UTC) < day_lasts:
        return instant.isoformat()
    return (at - day_lasts).date().isoformat()


def _instant(said: Mapping[str, str], name: str, day_lasts: timedelta) -> datetime | None:
    text = said.get(name, "")
    if not text:
        return None
    try:
        if len(text) == len("2026-11-01"):
            return datetime.combine(date.fromisoformat(text), time(), UTC) + day_lasts
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:  # such as 9999-12-31, after which there is no day
        raise _not_understood(name, text) from error
