"""The use cases of an instance's end, wired."""

from datetime import timedelta

from adapters.bootstrap import World, auth_service, stop_all_service
from adapters.db.auth import PostgresRoles
from adapters.db.closings import PostgresClosings
from adapters.db.freezes import PostgresFreezes
from adapters.db.withdrawals import PostgresPayouts
from domain.services.closing import ClosingService
from domain.services.confirmations import ConfirmationService


def closing_service(world: World, confirmations: ConfirmationService) -> ClosingService:
    """Return the use cases of paying everybody and closing."""
    store = world.store
    return ClosingService(
        store,
        world.ledger,
        world.clock,
        world.ids,
        PostgresClosings(store),
        PostgresFreezes(store),
        PostgresPayouts(store),
        world.notices,
        PostgresRoles(store),
        stop_all_service(world, confirmations),
        confirmations,
        world.tokens,
        auth_service(world),
        notice=timedelta(hours=world.settings.closing_notice_h),
    )
