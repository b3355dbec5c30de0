"""The schedule of fees and what was charged, in Postgres, as ``domain.ports.fees.FeeStore``."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from adapters.db.ledger import Fault
from adapters.db.store import PostgresStore
from domain.errors import Refused
from domain.fees import FeeKind, Schedule, ServiceFee
from domain.ids import RunId, UserId, VenueAccountName
from domain.money import ZERO, Coin
from domain.ports.fees import Paid

_ADD = """
    INSERT INTO fee_schedules
        (version, deposit_bps, withdrawal_bps, trading_bps, effective_at, created_by)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
_NOTE = """
    INSERT INTO service_fees (fee, kind, cause, version, user_id, run_id, coin, basis, amount)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[],
                         $7::text[], $8::numeric[], $9::numeric[])
"""
_PAID_BY = """
    SELECT fee, coin, sum(amount) AS amount FROM service_fees WHERE user_id = $1
    GROUP BY fee, coin HAVING sum(amount) <> 0 ORDER BY fee, coin
"""
_PAID_BY_RUNS = """
    SELECT run_id, coin, sum(amount) AS amount FROM service_fees WHERE run_id = ANY ($1::text[])
    GROUP BY run_id, coin HAVING sum(amount) <> 0 ORDER BY run_id, coin
"""
_COLLECTED_AT = """
    SELECT coalesce(sum(f.amount), 0) AS amount FROM service_fees f JOIN runs r ON r.id = f.run_id
    WHERE r.account = $1 AND f.coin = $2 AND f.noted_at >= $3
"""
_FAULTS = "SELECT rule, subject, expected, found FROM fee_faults ORDER BY rule, subject"
_ANNOUNCE = """
    INSERT INTO outbox (user_id, kind, cause, params)
    SELECT u.user_id, 'fees_will_change', $1, $2 FROM users u
    WHERE NOT u.forgotten AND NOT EXISTS (
        SELECT FROM outbox o WHERE (o.user_id, o.kind, o.cause) = (u.user_id, 'fees_will_change', $1)
    )
    ORDER BY u.user_id LIMIT $3
    ON CONFLICT ON CONSTRAINT outbox_notice DO NOTHING
"""


class PostgresFees:
    """Versions of the schedule, and fees."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def schedules(self) -> Sequence[Schedule]:
        """Return every version, in order."""
        rows = await self._store.fetch(
            "SELECT version, deposit_bps, withdrawal_bps, trading_bps, effective_at, created_by "
            "FROM fee_schedules ORDER BY version"
        )
        return [Schedule(**row) for row in rows]

    async def add(self, schedule: Schedule) -> None:
        """Store the next version."""
        await self._store.execute(_ADD, *_row(schedule))

    async def begin(self, first: Schedule) -> None:
        """Store the first version, unless there is one."""
        if await self.schedules():
            return
        try:
            await self._store.execute(f"{_ADD} ON CONFLICT (version) DO NOTHING", *_row(first))
        except Refused as refusal:
            if refusal.code != "fees_changed_meanwhile":  # another process has just begun
                raise

    async def note(self, *fees: ServiceFee | None) -> None:
        """Note fees (``None``: it was free) in the transaction whose transfers collect them."""
        rows = [
            (f.kind, f.cause.kind, f.cause.id, f.version, f.user_id, f.run_id, f.coin, f.basis, f.amount)
            for f in fees
            if f is not None
        ]
        if rows:
            await self._store.execute(_NOTE, *map(list, zip(*rows, strict=True)))

    async def paid_by(self, user_id: UserId) -> Sequence[Paid]:
        """Return all that a person has paid, by kind and coin."""
        rows = await self._store.fetch(_PAID_BY, user_id)
        return [Paid(FeeKind(row["fee"]), Coin(row["coin"]), row["amount"]) for row in rows]

    async def paid_by_runs(self, run_ids: Sequence[RunId]) -> Mapping[RunId, Mapping[Coin, Decimal]]:
        """Return what runs have paid us for their fills, by coin."""
        paid: dict[RunId, dict[Coin, Decimal]] = {}
        for row in await self._store.fetch(_PAID_BY_RUNS, list(run_ids)):
            paid.setdefault(RunId(row["run_id"]), {})[Coin(row["coin"])] = row["amount"]
        return paid

    async def collected_at(self, account: VenueAccountName, coin: Coin, since: datetime) -> Decimal:
        """Return what the runs of a venue account have paid us in a coin since an instant."""
        rows = await self._store.fetch(_COLLECTED_AT, account, coin, since)
        return max(ZERO, Decimal(rows[0]["amount"]))  # what goes back may have been paid before

    async def faults(self) -> list[Fault]:
        """Return where fees that were collected and fees that were noted differ: nothing, ever."""
        return [Fault(**row) for row in await self._store.fetch(_FAULTS)]

    async def announce(self, schedule: Schedule, most: int, params: Mapping[str, str]) -> int:
        """Tell so many people of a version who have not been told; return how many were."""
        return await self._store.execute(
            _ANNOUNCE, f"fees:{schedule.version}", json.dumps(dict(params)), most
        )


def _row(schedule: Schedule) -> tuple[object, ...]:
    return (
        *(schedule.version, *(schedule.bps(kind) for kind in FeeKind)),
        *(schedule.effective_at, schedule.created_by),
    )
