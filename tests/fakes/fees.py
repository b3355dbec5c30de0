"""The schedule of fees and what was collected, in memory; the clock of notice periods, as a test puts it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.errors import InvariantBroken, Refused
from domain.fees import FeeKind, Schedule, ServiceFee, fee_on, rate_of
from domain.ids import RunId, UserId, VenueAccountName
from domain.ledger.model import AccountKind, Cause
from domain.money import ZERO, Coin
from domain.ports.fees import Paid
from tests.fakes.ledger import FakeLedger


@dataclass
class Rows:
    """Everything the tables know."""

    schedules: list[Schedule] = field(default_factory=list)
    fees: dict[Cause, ServiceFee] = field(default_factory=dict)

    def __deepcopy__(self, memo: dict[int, object]) -> "Rows":
        """Return a copy that goes its own way; what the rows hold never changes."""
        return Rows(list(self.schedules), dict(self.fees))


class FakeFees:
    """Versions and fees, as ``domain.ports.fees.FeeStore``; of announcements it knows nothing."""

    def __init__(self) -> None:
        self.rows = Rows()

    async def schedules(self) -> Sequence[Schedule]:
        return list(self.rows.schedules)

    async def add(self, schedule: Schedule) -> None:
        if schedule.version != len(self.rows.schedules) + 1:
            raise Refused("fees_changed_meanwhile")
        self.rows.schedules.append(schedule)

    async def begin(self, first: Schedule) -> None:
        if not self.rows.schedules:
            await self.add(first)

    async def note(self, *fees: ServiceFee | None) -> None:
        for fee in fees:
            if fee is None:
                continue
            right = fee_on(fee.kind, abs(fee.basis), rate_of(self.rows.schedules, fee.version, fee.kind))
            if fee.cause in self.rows.fees or fee.amount != right.copy_sign(fee.basis):
                raise InvariantBroken("fee_wrong", cause=fee.cause)
            self.rows.fees[fee.cause] = fee

    async def paid_by(self, user_id: UserId) -> Sequence[Paid]:
        paid: dict[tuple[FeeKind, Coin], Decimal] = defaultdict(Decimal)
        for fee in self.rows.fees.values():
            if fee.user_id == user_id:
                paid[fee.kind, fee.coin] += fee.amount
        return [Paid(kind, coin, amount) for (kind, coin), amount in sorted(paid.items()) if amount]

    async def paid_by_runs(self, run_ids: Sequence[RunId]) -> Mapping[RunId, Mapping[Coin, Decimal]]:
        paid: dict[RunId, dict[Coin, Decimal]] = {}
        for fee in self.rows.fees.values():
            if fee.run_id in run_ids:
                of_run = paid.setdefault(RunId(fee.run_id), {})
                of_run[fee.coin] = of_run.get(fee.coin, ZERO) + fee.amount
        return paid

    async def collected_at(self, account: VenueAccountName, coin: Coin, since: datetime) -> Decimal:
        return sum((fee.amount for fee in self.rows.fees.values() if fee.run_id and fee.coin == coin), ZERO)

    async def announce(self, schedule: Schedule, most: int, params: Mapping[str, str]) -> int:
        raise NotImplementedError

    def faults(self, ledger: FakeLedger) -> list[str]:
        """Return where fees that were collected and fees that were noted differ: nothing, ever."""
        collected = dict(_collected(ledger))
        noted = {(fee.cause, fee.coin): fee.amount for fee in self.rows.fees.values()}
        return [str(each) for each in collected.items() ^ noted.items()]


def _collected(ledger: FakeLedger) -> Iterator[tuple[tuple[Cause, Coin], Decimal]]:
    for cause, transfer in ledger.rows.transfers.items():
        fees = [p for p in transfer.postings if p.destination.kind is AccountKind.FEES]
        if fees:
            yield (cause, fees[0].destination.coin), sum((p.amount for p in fees), ZERO)


async def set_fee_clock(admin: Any, at: datetime) -> None:
    """Stop the clock of fees of a test's own database at an instant."""
    await admin.execute(
        "CREATE OR REPLACE FUNCTION fee_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS "
        f"$$ SELECT timestamptz '{at.isoformat()}' $$"
    )
