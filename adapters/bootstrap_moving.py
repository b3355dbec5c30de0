"""Settings in, the treasury at work out: what only the process that moves money needs, ccxt above all."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from adapters.bootstrap import World, auth_service
from adapters.db.auth import PostgresRoles
from adapters.db.confirmations import PostgresConfirmations
from adapters.db.fees import PostgresFees
from adapters.db.freezes import PostgresFreezes
from adapters.db.runs import PostgresVenueAccounts
from adapters.db.transfers import PostgresAddressBook, PostgresTransfers
from adapters.db.withdrawals import PostgresPayouts
from adapters.exchange.funds import LANGUAGES, CcxtVenueFunds
from domain.ids import UserId, VenueAccountName
from domain.services.addresses import AddressService
from domain.services.confirmations import ConfirmationService
from domain.services.fencing import FencedStore
from domain.services.onward import OnwardPayments
from domain.services.planning import Kept, PlanningService, keep_of
from domain.services.to_mixin import ToMixin
from domain.services.to_venue import ToVenue
from domain.services.transfer_news import TransferNews
from domain.services.transfer_rows import TransferRows
from domain.services.transfers import TransferService
from domain.services.treasury_accounts import TreasuryAccount

Moving = tuple[TransferService, PlanningService]
"""What moves coins, and what says which."""


@asynccontextmanager
async def open_treasury(world: World) -> AsyncIterator[Moving]:
    """Open what moves coins between the wallet and the venue accounts, and close it again.

    Everything it writes is fenced by the wallet's lease, and so is every withdrawal at a venue.
    """
    async with AsyncExitStack() as stack:
        named, accounts = (
            {},
            [
                account
                for account in world.settings.venue_accounts(world.venue_keys)
                if account.venue in LANGUAGES  # elsewhere coins come and go by hand
            ],
        )
        for account in accounts:
            funds = CcxtVenueFunds(account, world.clock, world.wallet_grip.require)
            stack.push_async_callback(funds.close)
            by_hand = account.key.withdrawal is None
            named[account.name] = TreasuryAccount(funds, account.venue, by_hand)
        coins = [
            (each.name, [c for p in each.pairs for c in (p.base, p.quote)], each.keep) for each in accounts
        ]
        yield moving_of(world, named, keep_of(coins))


def moving_of(world: World, accounts: Mapping[VenueAccountName, TreasuryAccount], kept: Kept) -> Moving:
    """Return the treasury at work, over whatever speaks for the venues."""
    service = _transfers(world, accounts)
    return service, _planning(world, service, kept)


def _transfers(world: World, accounts: Mapping[VenueAccountName, TreasuryAccount]) -> TransferService:
    base, ledger, clock, ids, wallet = world.store, world.ledger, world.clock, world.ids, world.wallet
    store = FencedStore(base, world.fence, world.wallet_grip)
    transfers, freezes, payouts = PostgresTransfers(base), PostgresFreezes(base), PostgresPayouts(base)
    news, rows = (
        TransferNews(world.notices, PostgresRoles(base), clock),
        TransferRows(store, transfers, clock),
    )
    confirmations = ConfirmationService(base, PostgresConfirmations(base), clock, ids)
    addresses = AddressService(
        *(store, PostgresAddressBook(base), freezes, news, confirmations, auth_service(world), clock, ids)
    )
    onward = OnwardPayments(ledger, wallet, transfers, world.tokens, clock)
    bot = UserId(world.keystore.app_id)
    to_venue = ToVenue(
        *(store, ledger, clock, ids, bot, wallet, wallet, payouts, freezes, onward, addresses, rows),
        *(news, accounts),
    )
    to_mixin = ToMixin(store, ledger, clock, wallet, transfers, freezes, addresses, rows, news, accounts)
    return TransferService(
        *(clock, ids, wallet, store, transfers, freezes, addresses, rows, world.tokens, accounts),
        *(to_venue, to_mixin),
    )


def _planning(world: World, service: TransferService, kept: Kept) -> PlanningService:
    store = world.store
    return PlanningService(
        *(world.ledger, world.clock, PostgresPayouts(store), PostgresTransfers(store)),
        *(PostgresFreezes(store), PostgresFees(store), PostgresVenueAccounts(store), world.tokens),
        *(service, kept),
    )
