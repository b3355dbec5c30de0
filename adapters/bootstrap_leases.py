"""Settings in, a keeper of leases out: for the process that trades and pays."""

from collections.abc import Sequence

from adapters.bootstrap import World
from adapters.build import build_name, schema_version
from adapters.db.leases import Claimant, PostgresLeases
from domain.leases import Grip
from domain.services.lease_keeping import LeaseKeeper
from domain.services.lease_spreading import Spread


def lease_keeper(world: World, grips: Sequence[Grip], holder: str) -> LeaseKeeper:
    """Return the keeper of this process's grips, in a name that no other process ever has."""
    leases = PostgresLeases(world.store, Claimant(holder, build_name(), schema_version()))
    return LeaseKeeper(
        leases, world.clock, world.settings.lease_timing(), grips, Spread(world.clock.monotonic)
    )
