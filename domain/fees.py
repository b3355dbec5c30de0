"""What the instance charges: a schedule in versions, the rate that binds a thing, and what was charged.

A rate is always named together with the version of the schedule that it comes from, and a thing keeps
the version it began with: nothing that is open becomes dearer (FE2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.ids import UserId
from domain.ledger.model import Account, AccountKind, Cause, Posting, own
from domain.money import LEDGER_PLACES, MIXIN_PLACES, Coin, fee_of

NOTICE = timedelta(hours=24)
"""How long before it takes effect a change is announced; the database insists on it."""

LEEWAY = timedelta(minutes=10)
"""What a proposal allows on top: for the time a confirmation takes, and for clocks that differ."""

SHOWN_FOR = timedelta(hours=24)
"""How long a pay link keeps the rate that was shown with it."""


class FeeKind(StrEnum):
    """What is charged for."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    TRADING = "trading"


PLACES = {
    FeeKind.DEPOSIT: MIXIN_PLACES,
    FeeKind.WITHDRAWAL: MIXIN_PLACES,
    FeeKind.TRADING: LEDGER_PLACES,  # a fill may be so small that a unit of Mixin's would be much of it
}
"""To how many places a fee is rounded up."""

CAP_BPS = {FeeKind.DEPOSIT: 1_000, FeeKind.WITHDRAWAL: 1_000, FeeKind.TRADING: 100}
"""What no schedule exceeds, whatever the settings say: the database refuses it."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Basis points of one kind of fee, and the version of the schedule they come from."""

    version: int
    bps: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """One version of what is charged; it holds from ``effective_at`` until a later one does."""

    version: int
    deposit_bps: int
    withdrawal_bps: int
    trading_bps: int
    effective_at: datetime
    created_by: str

    def bps(self, kind: FeeKind) -> int:
        """Return the basis points of a kind."""
        return int(getattr(self, f"{kind}_bps"))

    def rate(self, kind: FeeKind) -> Rate:
        """Return the rate of a kind."""
        return Rate(self.version, self.bps(kind))

    @property
    def params(self) -> dict[str, str]:
        """Return what a confirmation of this version is bound to."""
        return {
            "version": str(self.version),
            **{str(kind): str(self.bps(kind)) for kind in FeeKind},
            "effective_at": self.effective_at.isoformat(),
        }


def nothing_yet(at: datetime) -> Schedule:
    """Return what holds before the first version: nothing is charged."""
    return Schedule(0, 0, 0, 0, at, "")


def in_force(schedules: Sequence[Schedule], at: datetime) -> Schedule:
    """Return the version that holds at an instant: the latest that has taken effect.

    ``schedules`` are in the order of their versions, which is that in which they take effect.
    """
    begun = [schedule for schedule in schedules if schedule.effective_at <= at]
    return begun[-1] if begun else nothing_yet(at)


def coming(schedules: Sequence[Schedule], at: datetime) -> list[Schedule]:
    """Return the versions that will take effect, in order; one replaced before its time is left out."""
    later = {schedule.effective_at: schedule for schedule in schedules if schedule.effective_at > at}
    return [later[instant] for instant in sorted(later)]


def rate_of(schedules: Sequence[Schedule], version: int, kind: FeeKind) -> Rate:
    """Return the rate of a kind in a version; version 0 is before there was any."""
    return next((s.rate(kind) for s in schedules if s.version == version), Rate(0, 0))


def proposal(
    schedules: Sequence[Schedule], kind: FeeKind, bps: int, now: datetime, created_by: str
) -> Schedule:
    """Return the next version, in which one rate differs from the latest; it takes effect at a full hour.

    That hour is at least ``NOTICE`` and ``LEEWAY`` away, and not before that of any other version.
    """
    latest = schedules[-1] if schedules else nothing_yet(now)
    earliest = now + NOTICE + LEEWAY
    hour = earliest.replace(minute=0, second=0, microsecond=0)
    hour += timedelta(hours=hour < earliest)
    rates = {each: bps if each is kind else latest.bps(each) for each in FeeKind}
    return Schedule(
        version=latest.version + 1,
        deposit_bps=rates[FeeKind.DEPOSIT],
        withdrawal_bps=rates[FeeKind.WITHDRAWAL],
        trading_bps=rates[FeeKind.TRADING],
        effective_at=max(hour, latest.effective_at),
        created_by=created_by,
    )


def lowest_rate(schedules: Sequence[Schedule], kind: FeeKind, since: datetime, until: datetime) -> Rate:
    """Return the lowest rate of a kind that held at any time between two instants, both included."""
    held = [in_force(schedules, since), *(s for s in schedules if since < s.effective_at <= until)]
    return min((schedule.rate(kind) for schedule in held), key=lambda rate: rate.bps)


def fair_deposit_rate(shown: Rate | None, standing: Rate) -> Rate:
    """Return the rate of a deposit: the one shown with its link, or the one in force if that is lower."""
    return standing if shown is None or standing.bps < shown.bps else shown


@dataclass(frozen=True, slots=True)
class ServiceFee:
    """One fee that somebody pays us: of ``basis``, by a posting of the transfer with this cause (FE1).

    Both are negative for a fee that goes back because what it was charged for never was (FL8).
    """

    kind: FeeKind
    cause: Cause
    version: int
    user_id: UserId
    run_id: str  # empty: not of a run
    coin: Coin
    basis: Decimal
    amount: Decimal

    def paid_by(self, payer: Account) -> Posting:
        """Return the posting by which it is paid."""
        return Posting(payer, own(AccountKind.FEES, self.coin), self.amount)


def fee_on(kind: FeeKind, basis: Decimal, rate: Rate) -> Decimal:
    """Return the fee on an amount, rounded up to the kind's last place."""
    return fee_of(basis, rate.bps, PLACES[kind])


def service_fee(
    kind: FeeKind, cause: Cause, rate: Rate, user_id: UserId, coin: Coin, basis: Decimal, run_id: str = ""
) -> ServiceFee | None:
    """Return what is charged for something, ``None`` when it is free."""
    amount = fee_on(kind, basis, rate)
    return ServiceFee(kind, cause, rate.version, user_id, run_id, coin, basis, amount) if amount else None
