"""The chat put together: routers in their order, flows, and what happens around every event."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.conversation import ConversationStore
from bot.desk import Desk, Open
from bot.dispatcher import Dispatcher, Middleware
from bot.events import Event
from bot.middleware import (
    KnownPerson,
    PrivateOnly,
    RateLimit,
    Refusals,
    Whereabouts,
    log_context,
    own_words_only,
)
from bot.ports import Transactions
from bot.router import Router
from conversations.convert import ConvertConversation
from conversations.deposit import DepositConversation
from conversations.leave import LeaveConversation
from conversations.new_run import NewRunConversation
from conversations.refusal import worded
from conversations.trade import BuyConversation, SellConversation
from conversations.withdraw import WithdrawConversation
from domain.errors import Refused
from domain.services.account_overview import AccountOverview
from domain.services.addresses import AddressService
from domain.services.admission import Admission
from domain.services.auth import AuthService
from domain.services.closing import ClosingService
from domain.services.confirmations import ConfirmationService
from domain.services.conversions import ConversionService
from domain.services.deposits import DepositService
from domain.services.differences import DifferenceService
from domain.services.fee_takings import FeeTakingService
from domain.services.fees import FeeService
from domain.services.forgetting import ForgettingService
from domain.services.freezes import FreezeService
from domain.services.halts import HaltService
from domain.services.history import HistoryService
from domain.services.inactivity import InactivityService
from domain.services.market_data import MarketDataService
from domain.services.ownership import OwnershipService
from domain.services.pages import PageLinkService
from domain.services.reconciling import ReconcilingService
from domain.services.refunds import RefundService
from domain.services.roles import RoleService
from domain.services.run_changes import RunChangeService
from domain.services.run_pauses import RunPauseService
from domain.services.stopping import StopAllService
from domain.services.tokens import Tokens
from domain.services.trading_strategy import TradingStrategyService
from domain.services.transfer_decisions import TransferDecisions
from domain.services.user_balance import UserBalanceService
from domain.services.users import UserService
from domain.services.withdrawals import WithdrawalService
from handlers import (
    accounts,
    balance,
    closing,
    conversions,
    deposit,
    fee_takings,
    fees,
    freezes,
    halts,
    history,
    inactive,
    own_data,
    pages,
    prices,
    reconcile,
    refund,
    roles,
    runs,
    start,
    stopping,
    talk,
    transfers,
    withdraw,
)

ROUTER = Router(
    "mrmarket",
    start.router,
    balance.router,
    deposit.router,
    withdraw.router,
    runs.router,
    stopping.router,
    closing.router,
    history.router,
    own_data.router,
    inactive.router,
    prices.router,
    pages.router,
    conversions.router,
    halts.router,
    accounts.router,
    roles.router,
    freezes.router,
    reconcile.router,
    refund.router,
    fees.router,
    fee_takings.router,
    transfers.router,
    talk.router,
)


@dataclass(frozen=True, slots=True)
class ChatServices:
    """The use cases that people reach by chat."""

    users: UserService
    balances: UserBalanceService
    deposits: DepositService
    withdrawals: WithdrawalService
    tokens: Tokens
    runs: TradingStrategyService
    changes: RunChangeService
    pauses: RunPauseService
    halts: HaltService
    freezes: FreezeService
    refunds: RefundService
    confirmations: ConfirmationService
    auth: AuthService
    roles: RoleService
    ownership: OwnershipService
    fees: FeeService
    takings: FeeTakingService
    reconciling: ReconcilingService
    differences: DifferenceService
    moves: TransferDecisions
    addresses: AddressService
    conversions: ConversionService
    stopping: StopAllService
    closing: ClosingService
    history: HistoryService
    forgetting: ForgettingService
    inactivity: InactivityService
    accounts: AccountOverview
    prices: MarketDataService
    links: PageLinkService
    admission: Admission


def flows_of(services: ChatServices) -> dict[str, Open]:
    """Return every conversation there is, by its name."""
    return {
        DepositConversation.flow: lambda user_id: DepositConversation(user_id, services.deposits),
        WithdrawConversation.flow: lambda user_id: WithdrawConversation(
            user_id, services.withdrawals, services.tokens
        ),
        NewRunConversation.flow: lambda user_id: NewRunConversation(
            user_id, services.runs, services.balances
        ),
        ConvertConversation.flow: lambda user_id: ConvertConversation(
            user_id, services.conversions, services.balances
        ),
        BuyConversation.flow: lambda user_id: BuyConversation(user_id, services.conversions),
        SellConversation.flow: lambda user_id: SellConversation(user_id, services.conversions),
        LeaveConversation.flow: lambda user_id: LeaveConversation(
            user_id, services.conversions, services.runs
        ),
    }


def dispatcher_of(
    services: ChatServices,
    conversations: ConversationStore,
    transactions: Transactions,
    is_private: Callable[[Event], bool],
) -> Dispatcher:
    """Return the dispatcher of the whole chat.

    Raises:
        WiringError: a handler asks for something that nobody gives, or for a permission nobody can have.
    """
    desk = Desk(conversations, flows_of(services))
    around: list[Middleware] = [
        log_context,
        PrivateOnly(is_private),
        RateLimit(),
        own_words_only,
        KnownPerson(services.users),
        Whereabouts(conversations, desk),
        Refusals(transactions, (Refused,), worded),
    ]
    named = {
        "desk": desk,
        "users": services.users,
        "balances": services.balances,
        "runs": services.runs,
        "changes": services.changes,
        "pauses": services.pauses,
        "halts": services.halts,
        "accounts": services.accounts,
        "freezes": services.freezes,
        "refunds": services.refunds,
        "withdrawals": services.withdrawals,
        "confirmations": services.confirmations,
        "auth": services.auth,
        "roles": services.roles,
        "ownership": services.ownership,
        "fees": services.fees,
        "takings": services.takings,
        "reconciling": services.reconciling,
        "differences": services.differences,
        "moves": services.moves,
        "addresses": services.addresses,
        "conversions": services.conversions,
        "stopping": services.stopping,
        "closing": services.closing,
        "history": services.history,
        "forgetting": services.forgetting,
        "inactivity": services.inactivity,
        "prices": services.prices,
        "links": services.links,
        "admission": services.admission,
    }
    return Dispatcher(ROUTER, named, services.auth, around)
