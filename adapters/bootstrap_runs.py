"""The use cases of runs and of what people see of them, wired."""

from adapters.bootstrap import World, admission_of, auth_service
from adapters.db.auth import PostgresRoles
from adapters.db.confirmations import PostgresConfirmations
from adapters.db.conversions import PostgresConversions
from adapters.db.fees import PostgresFees
from adapters.db.fills import PostgresFills
from adapters.db.freezes import PostgresFreezes
from adapters.db.history import PostgresHistory
from adapters.db.pages import PostgresPageLinks
from adapters.db.runs import PostgresRuns, PostgresVenueAccounts
from adapters.db.stops import PostgresStops
from adapters.pages import PageAddresses
from adapters.stop_file import HaltFile
from domain.services.capacity import CapacityService
from domain.services.confirmations import ConfirmationService
from domain.services.conversions import ConversionService
from domain.services.history import HistoryService
from domain.services.pages import PageLinkService
from domain.services.run_changes import RunChangeService
from domain.services.run_pauses import RunPauseService
from domain.services.stop_carrying import StopCarrying
from domain.services.stopping import StopAllService
from domain.services.trading_strategy import TradingStrategyService


def capacity_of(world: World) -> CapacityService:
    """Return who counts what the runs of an account claim of it."""
    return CapacityService(PostgresVenueAccounts(world.store), PostgresRuns(world.store))


def change_service(world: World, confirmations: ConfirmationService) -> RunChangeService:
    """Return the use cases of other settings for runs that go on."""
    store = world.store
    accounts = PostgresVenueAccounts(store)
    return RunChangeService(store, PostgresRuns(store), accounts, world.notices, confirmations)


def conversion_service(world: World, confirmations: ConfirmationService) -> ConversionService:
    """Return the use cases of conversions and orders by hand, for those who talk to people."""
    store = world.store
    return ConversionService(
        *(store, world.ledger, world.clock, world.ids, world.notices),
        *(PostgresVenueAccounts(store), PostgresRuns(store), PostgresConversions(store)),
        *(confirmations, PostgresFees(store), admission_of(world)),
    )


def history_service(world: World) -> HistoryService:
    """Return the use cases of what people's runs did."""
    return HistoryService(PostgresHistory(world.store))


def page_addresses(world: World) -> PageAddresses:
    """Return what makes the addresses of links to pages."""
    return PageAddresses(world.settings.public_url, world.keystore.session_seed)


def page_link_service(world: World) -> PageLinkService:
    """Return the use cases of links to pages of a person's own."""
    addresses, links = page_addresses(world), PostgresPageLinks(world.store)
    return PageLinkService(world.store, links, world.clock, world.ids, addresses.token_of, addresses.offered)


def pause_service(world: World) -> RunPauseService:
    """Return the use case with which people let their runs stand aside."""
    store = world.store
    return RunPauseService(
        *(store, PostgresRuns(store), world.notices, world.clock),
        *(admission_of(world), capacity_of(world)),
    )


def stop_all_service(world: World, confirmations: ConfirmationService) -> StopAllService:
    """Return the use case that takes everything off the exchanges."""
    store = world.store
    return StopAllService(
        *(store, PostgresRuns(store), PostgresConversions(store), world.notices, confirmations),
        *(world.clock, auth_service(world)),
    )


def stop_carrying(world: World) -> StopCarrying:
    """Return what carries out a STOP that was said to the listener, in its row or its file."""
    store, file = world.store, world.settings.halt_file
    confirmations = ConfirmationService(store, PostgresConfirmations(store), world.clock, world.ids)
    return StopCarrying(
        *(store, PostgresStops(store), HaltFile(file) if file else None),
        *(stop_all_service(world, confirmations), PostgresFreezes(store), PostgresRoles(store)),
        *(auth_service(world), world.notices, world.clock),
    )


def trading_service(world: World, confirmations: ConfirmationService) -> TradingStrategyService:
    """Return the use cases of runs, for those who talk to people."""
    store = world.store
    return TradingStrategyService(
        store,
        world.ledger,
        world.clock,
        world.ids,
        world.notices,
        PostgresVenueAccounts(store),
        PostgresRuns(store),
        PostgresFills(store),
        confirmations,
        PostgresFees(store),
        admission_of(world),
    )
