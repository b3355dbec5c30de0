"""Settings in, the first version of the schedule of fees out; later versions are the owner's word in chat."""

import structlog

from adapters.db.fees import PostgresFees
from adapters.db.store import PostgresStore
from adapters.settings import PREFIX, Settings
from domain.fees import FeeKind, Schedule
from domain.ports.clock import Clock

log = structlog.get_logger(__name__)

AT_FIRST = "settings"
"""Who made the first version."""


async def begin_fees(store: PostgresStore, settings: Settings, clock: Clock) -> None:
    """Store the first version from the settings, once; say so when they have changed since, to no effect.

    A wrong line in the environment must not keep people from their money, so it stops nothing; and nobody's
    fee changes without notice because of one.
    """
    fees, asked = PostgresFees(store), settings.first_fees()
    rates = {kind: asked[kind] or 0 for kind in FeeKind}
    await fees.begin(
        Schedule(
            version=1,
            deposit_bps=rates[FeeKind.DEPOSIT],
            withdrawal_bps=rates[FeeKind.WITHDRAWAL],
            trading_bps=rates[FeeKind.TRADING],
            effective_at=clock.now(),
            created_by=AT_FIRST,
        )
    )
    versions = await fees.schedules()
    for kind, bps in asked.items():
        if bps is not None and bps not in (versions[0].bps(kind), versions[-1].bps(kind)):
            name = f"{PREFIX}{kind.upper()}_FEE_BPS"
            log.warning(
                "a setting has no effect: it made the first schedule of fees only, change them by /setfees",
                setting=name,
                says=bps,
                in_force=versions[-1].bps(kind),
            )
