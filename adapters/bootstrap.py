"""Settings in, services out: what bot and workers share."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from adapters.bootstrap_fees import begin_fees
from adapters.clock import SystemClock
from adapters.db.account_looks import PostgresAccountLooks
from adapters.db.auth import PostgresAudit, PostgresOwnerCodes, PostgresRoles
from adapters.db.births import PostgresBirths
from adapters.db.chain import PostgresChain
from adapters.db.chat import PostgresOutbox
from adapters.db.confirmations import PostgresConfirmations
from adapters.db.deposits import PostgresDeposits
from adapters.db.fees import PostgresFees
from adapters.db.freezes import PostgresFreezes
from adapters.db.kept import PostgresKept
from adapters.db.leases import PostgresFence
from adapters.db.ledger import PostgresLedger
from adapters.db.progress import PostgresGuardians
from adapters.db.reconciliation import PostgresReconciliations
from adapters.db.runs import PostgresRuns, PostgresVenueAccounts
from adapters.db.store import PostgresStore
from adapters.db.tokens import load_tokens
from adapters.db.transfers import PostgresTransfers
from adapters.db.users import PostgresUsers
from adapters.db.withdrawals import PostgresPayouts
from adapters.exchange.account import VenueKey
from adapters.ids import RandomIds
from adapters.marker import MarkerFile
from adapters.mixin.http import MixinHttp
from adapters.mixin.keystore import Keystore
from adapters.mixin.wallet import MixinWallet
from adapters.opening import keys_in_files, sealed_keys
from adapters.queue.arq_queue import Alarm
from adapters.settings import Settings
from domain.ids import UserId
from domain.leases import WALLET, Grip
from domain.ports.births import NoMarker
from domain.reconciliation.signs import Birth
from domain.services.account_overview import AccountOverview
from domain.services.admission import Admission
from domain.services.angel_minding import AngelMinding
from domain.services.auth import AuthService
from domain.services.capacity import CapacityService
from domain.services.chain import ChainService
from domain.services.confirmations import ConfirmationService
from domain.services.deposits import DepositService
from domain.services.differences import DifferenceService
from domain.services.fee_takings import FeeTakingService
from domain.services.fees import FeeService
from domain.services.fencing import FencedStore
from domain.services.freezes import FreezeService
from domain.services.halts import HaltService
from domain.services.incoming import Known
from domain.services.on_the_way import TransfersOnTheWay
from domain.services.onward import OnwardPayments
from domain.services.ownership import OwnershipService
from domain.services.payouts import PayoutService
from domain.services.reckoning import Reckoning
from domain.services.reconciling import ReconcilingService
from domain.services.refunds import RefundService
from domain.services.roles import RoleService
from domain.services.safe_boot import SafeBoot
from domain.services.tokens import Tokens
from domain.services.user_balance import UserBalanceService
from domain.services.users import UserService
from domain.services.wallet_comparing import WalletComparing
from domain.services.withdrawals import WithdrawalService

log = structlog.get_logger("bootstrap")


@dataclass(frozen=True, slots=True)
class World:
    """The ports of a process, made real and open."""

    settings: Settings
    store: PostgresStore
    ledger: PostgresLedger
    notices: PostgresOutbox
    keystore: Keystore
    http: MixinHttp
    wallet: MixinWallet
    clock: SystemClock
    ids: RandomIds
    alarm: Alarm
    tokens: Tokens
    fence: PostgresFence
    wallet_grip: Grip
    birth: Birth | None = None
    """Since when there are books: what was paid before is nobody's here (PG5); ``None``: always."""
    venue_keys: Mapping[str, VenueKey] | None = None
    """By account, where they are sealed; otherwise they stand in the owner's file."""


@dataclass(frozen=True, slots=True)
class MoneyServices:
    """The use cases of money, wired."""

    tokens: Tokens
    users: UserService
    balances: UserBalanceService
    confirmations: ConfirmationService
    deposits: DepositService
    payouts: PayoutService
    withdrawals: WithdrawalService
    fees: FeeService


@asynccontextmanager
async def open_world(settings: Settings, *, holds_money: bool = False) -> AsyncIterator[World]:
    """Open everything and close it again; keys that move money only for who says to hold them.

    Raises:
        Unavailable: the database does not answer.
        BadKeystore: the keys cannot be used.
    """
    keys = keys_in_files(settings, holds_money=holds_money)
    clock, redis_url = SystemClock(), settings.redis_url.reveal()
    async with AsyncExitStack() as stack:
        store = PostgresStore(settings.database_url.reveal())
        await stack.enter_async_context(store)
        keys = keys or await sealed_keys(settings, store, holds_money=holds_money)
        keystore = keys.keystore
        await begin_fees(store, settings, clock)
        http = MixinHttp(settings.mixin_api_url, keystore, clock)
        stack.push_async_callback(http.close)
        alarm = Alarm(redis_url)
        stack.push_async_callback(alarm.close)
        wallet_grip = Grip(WALLET, clock.monotonic)
        world = World(
            settings=settings,
            store=store,
            ledger=PostgresLedger(store),
            notices=PostgresOutbox(store),
            keystore=keystore,
            http=http,
            wallet=MixinWallet(http, keystore, wallet_grip.require),
            clock=clock,
            ids=RandomIds(),
            alarm=alarm,
            tokens=await load_tokens(store),
            fence=PostgresFence(store),
            wallet_grip=wallet_grip,
            birth=await PostgresBirths(store).birth(),
            venue_keys=keys.venue_keys,
        )
        await _appoint_owner(world)
        yield world


async def _appoint_owner(world: World) -> None:
    """Make the person of the settings the owner before anything is done for anybody."""
    named = world.settings.owner_id
    if named and not await ownership_service(world).appoint(UserId(named)):
        log.warning("settings name another owner than the database, which counts", named=named)


def money_services(world: World) -> MoneyServices:
    """Return the use cases of money over a world."""
    store, ledger, clock, ids = world.store, world.ledger, world.clock, world.ids
    bot, users = UserId(world.keystore.app_id), PostgresUsers(store)
    payout_store, freezes, fee_store = PostgresPayouts(store), PostgresFreezes(store), PostgresFees(store)
    confirmations = ConfirmationService(store, PostgresConfirmations(store), clock, ids)
    balances = UserBalanceService(ledger, users)
    payouts = PayoutService(
        FencedStore(store, world.fence, world.wallet_grip),
        ledger,
        world.wallet,
        world.notices,
        clock,
        ids,
        payout_store,
        freezes,
        fee_store,
        bot,
        PostgresRoles(store),
        OnwardPayments(ledger, world.wallet, PostgresTransfers(store), world.tokens, clock),
    )
    deposits = DepositService(
        store,
        ledger,
        world.wallet,
        world.notices,
        clock,
        ids,
        PostgresDeposits(store),
        freezes,
        fee_store,
        Known(bot, world.tokens, world.birth.since if world.birth else None),
        PostgresRoles(store),
    )
    withdrawals = WithdrawalService(
        store,
        ledger,
        clock,
        ids,
        payout_store,
        payouts,
        balances,
        confirmations,
        world.tokens,
        fee_store,
        admission_of(world),
    )
    return MoneyServices(
        tokens=world.tokens,
        users=UserService(store, users),
        balances=balances,
        confirmations=confirmations,
        deposits=deposits,
        payouts=payouts,
        withdrawals=withdrawals,
        fees=FeeService(
            *(store, clock, fee_store, confirmations, auth_service(world)), world.settings.most_fees()
        ),
    )


def chain_service(world: World) -> ChainService:
    """Return what seals the ledger and looks whether the seal holds."""
    store = world.store
    return ChainService(
        store, PostgresChain(store), PostgresFreezes(store), world.notices, world.clock, PostgresRoles(store)
    )


def auth_service(world: World) -> AuthService:
    """Return what says who may do what, and writes down what was done."""
    return AuthService(PostgresRoles(world.store), PostgresAudit(world.store), world.clock)


def admission_of(world: World) -> Admission:
    """Return what says whether anything new may begin."""
    return Admission(PostgresFreezes(world.store))


def ownership_service(world: World) -> OwnershipService:
    """Return what sees to it that there is an owner."""
    roles, codes = PostgresRoles(world.store), PostgresOwnerCodes(world.store)
    return OwnershipService(world.store, roles, codes, auth_service(world), world.clock, world.ids)


def role_service(world: World, confirmations: ConfirmationService) -> RoleService:
    """Return the use cases of roles."""
    store = world.store
    return RoleService(
        *(store, PostgresRoles(store), PostgresUsers(store), world.notices),
        *(auth_service(world), confirmations),
    )


def refund_service(world: World, confirmations: ConfirmationService) -> RefundService:
    """Return the use cases of what is kept aside."""
    store = world.store
    return RefundService(
        store,
        world.ledger,
        world.clock,
        world.ids,
        PostgresKept(store),
        PostgresPayouts(store),
        confirmations,
        world.tokens,
        auth_service(world),
        admission_of(world),
    )


def fee_taking_service(world: World, confirmations: ConfirmationService) -> FeeTakingService:
    """Return the use cases of what the instance has earned."""
    store = world.store
    return FeeTakingService(
        *(store, world.ledger, world.clock, world.ids, PostgresPayouts(store), world.notices),
        *(PostgresRoles(store), confirmations, world.tokens, auth_service(world)),
    )


def freeze_service(world: World, confirmations: ConfirmationService) -> FreezeService:
    """Return the use cases of stopped payouts."""
    freezes, rounds = PostgresFreezes(world.store), PostgresReconciliations(world.store)
    auth = auth_service(world)
    return FreezeService(
        *(world.store, freezes, world.notices, confirmations, world.clock, auth, rounds),
        *(PostgresUsers(world.store), PostgresRoles(world.store), world.tokens),
    )


def halt_service(world: World, confirmations: ConfirmationService) -> HaltService:
    """Return the use cases of halted exchange accounts."""
    accounts, rounds = PostgresVenueAccounts(world.store), PostgresReconciliations(world.store)
    auth = auth_service(world)
    return HaltService(world.store, accounts, world.notices, confirmations, world.clock, auth, rounds)


def account_overview(world: World) -> AccountOverview:
    """Return what tells of exchange accounts."""
    return overview_over(world.store, world.clock)


def overview_over(store: PostgresStore, clock: SystemClock) -> AccountOverview:
    """Return the same for who has a database and no more."""
    looks, rounds = PostgresAccountLooks(store), PostgresReconciliations(store)
    auth = AuthService(PostgresRoles(store), PostgresAudit(store), clock)
    capacity = CapacityService(PostgresVenueAccounts(store), PostgresRuns(store))
    return AccountOverview(store, looks, rounds, clock, auth, capacity)


def reckoning_of(world: World) -> Reckoning:
    """Return what keeps rounds of comparing, and does what must be done about them."""
    store = world.store
    return Reckoning(
        rounds=PostgresReconciliations(store),
        freezes=PostgresFreezes(store),
        accounts=PostgresVenueAccounts(store),
        notices=world.notices,
        roles=PostgresRoles(store),
        clock=world.clock,
        tokens=world.tokens,
        moving=TransfersOnTheWay(PostgresTransfers(store)),
    )


def wallet_comparing(world: World) -> WalletComparing:
    """Return what compares the wallet with the books, while this process holds it."""
    return WalletComparing(
        FencedStore(world.store, world.fence, world.wallet_grip),
        reckoning_of(world),
        world.wallet,
        PostgresDeposits(world.store),
        world.wallet_grip,
    )


def safe_boot_of(world: World) -> SafeBoot | None:
    """Return what keeps books that may not be the newest from doing anything; nothing where none are kept."""
    store, file = world.store, world.settings.marker_file
    if world.birth is None:
        return None
    return SafeBoot(
        store=store,
        birth=world.birth,
        births=PostgresBirths(store),
        marker=MarkerFile(file) if file else NoMarker(),
        chain=PostgresChain(store),
        wallet=world.wallet,
        deposits=PostgresDeposits(store),
        freezes=PostgresFreezes(store),
        notices=world.notices,
        roles=PostgresRoles(store),
        clock=world.clock,
        bot=UserId(world.keystore.app_id),
    )


def difference_service(world: World, confirmations: ConfirmationService) -> DifferenceService:
    """Return the use cases of differences that stay."""
    store = world.store
    return DifferenceService(
        *(store, world.ledger, PostgresReconciliations(store), world.notices, confirmations, world.clock),
        *(world.tokens, auth_service(world)),
    )


def reconciling_service(world: World) -> ReconcilingService:
    """Return the use cases of reconciliation."""
    rounds = PostgresReconciliations(world.store)
    return ReconcilingService(world.store, rounds, world.clock, auth_service(world))


def angel_minding(world: World) -> AngelMinding:
    """Return what minds whether the Angel is there."""
    store = world.store
    return AngelMinding(PostgresGuardians(store), store, PostgresRoles(store), world.notices, world.clock)
