"""The treasury's use cases for those who talk to people."""

from adapters.bootstrap import World, auth_service
from adapters.db.auth import PostgresRoles
from adapters.db.freezes import PostgresFreezes
from adapters.db.transfers import PostgresAddressBook, PostgresTransfers
from domain.services.addresses import AddressService
from domain.services.confirmations import ConfirmationService
from domain.services.transfer_decisions import TransferDecisions
from domain.services.transfer_news import TransferNews


def address_service(world: World, confirmations: ConfirmationService) -> AddressService:
    """Return the use cases of the address book, for those who talk to people."""
    store = world.store
    news = TransferNews(world.notices, PostgresRoles(store), world.clock)
    return AddressService(
        *(store, PostgresAddressBook(store), PostgresFreezes(store), news, confirmations),
        *(auth_service(world), world.clock, world.ids),
    )


def transfer_decisions(world: World, confirmations: ConfirmationService) -> TransferDecisions:
    """Return what people decide about transfers."""
    store = world.store
    return TransferDecisions(
        *(store, world.ledger, world.clock, PostgresTransfers(store), confirmations, auth_service(world))
    )
