"""The use cases of an instance's end, and of a person's, wired."""

from datetime import timedelta

from adapters.bootstrap import MoneyServices, World, auth_service
from adapters.bootstrap_runs import stop_all_service
from adapters.db.auth import PostgresRoles
from adapters.db.closings import PostgresClosings
from adapters.db.erasure import PostgresErasure
from adapters.db.freezes import PostgresFreezes
from adapters.db.inactive import PostgresInactive
from adapters.db.kept import PostgresKept
from adapters.db.runs import PostgresRuns
from adapters.db.withdrawals import PostgresPayouts
from domain.services.closing import ClosingService
from domain.services.confirmations import ConfirmationService
from domain.services.forgetting import ForgettingService
from domain.services.inactivity import InactivityService


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


def forgetting_service(world: World, money: MoneyServices) -> ForgettingService:
    """Return the use cases of a person's own data."""
    store = world.store
    return ForgettingService(
        store,
        money.balances,
        PostgresRuns(store),
        PostgresPayouts(store),
        PostgresKept(store),
        PostgresRoles(store),
        PostgresErasure(store),
        world.notices,
        money.confirmations,
        world.clock,
    )


def inactivity_service(world: World) -> InactivityService:
    """Return what reminds people of what they have here."""
    return InactivityService(
        world.store,
        PostgresInactive(world.store),
        world.notices,
        world.clock,
        auth_service(world),
        after=timedelta(days=world.settings.inactive_after_days),
    )
