"""The whole chat on fakes, spoken to as people speak: ``await alice.says("/withdraw")``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

from adapters.pages import PageAddresses
from adapters.texts.catalogues import texts
from bot.conversation import Place
from bot.delivery import Delivery
from bot.events import Event, Message
from bot.reception import Reception
from bot.replies import Button, Buttons, Card, Reply, Text
from domain.fees import Schedule
from domain.ids import AssetId, UserId
from domain.ledger.model import venue as venue_account
from domain.money import Coin, Token
from domain.secrets import Secret
from domain.services.account_overview import AccountOverview
from domain.services.addresses import AddressService
from domain.services.admission import Admission
from domain.services.auth import AuthService
from domain.services.capacity import CapacityService
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
from domain.services.incoming import Known
from domain.services.market_data import MarketDataService
from domain.services.ownership import OwnershipService
from domain.services.pages import PageLinkService
from domain.services.reconciling import ReconcilingService
from domain.services.refunds import RefundService
from domain.services.roles import RoleService
from domain.services.run_changes import RunChangeService
from domain.services.run_pauses import RunPauseService
from domain.services.stopping import StopAllService
from domain.services.tokens import ApprovedToken, Tokens
from domain.services.trading_strategy import TradingStrategyService
from domain.services.transfer_decisions import TransferDecisions
from domain.services.transfer_news import TransferNews
from domain.services.user_balance import UserBalanceService
from domain.services.users import UserService
from domain.services.withdrawals import WithdrawalService
from handlers.notices import NoticeRenderer
from handlers.wiring import ChatServices, dispatcher_of
from tests.fakes.account_looks import FakeAccountLooks
from tests.fakes.candles import FakeCandles
from tests.fakes.chat import (
    FakeClock,
    FakeConversations,
    FakeInbox,
    FakeMessenger,
    FakeOutbox,
    FakeTransactions,
)
from tests.fakes.closings import FakeClosings
from tests.fakes.conversions import FakeConversions
from tests.fakes.erasure import FakeErasure
from tests.fakes.fees import FakeFees
from tests.fakes.history import FakeHistory
from tests.fakes.inactive import FakeInactive
from tests.fakes.money import (
    CountedIds,
    FakeConfirmations,
    FakeFreezes,
    FakeIntents,
    FakeKept,
    FakeLedger,
    FakeLinks,
    FakePayouts,
    FakeUsers,
    unreached,
)
from tests.fakes.pages import FakePageLinks
from tests.fakes.prices import FakePrices
from tests.fakes.reconciliation import FakeReconciliations
from tests.fakes.roles import FakeAudit, FakeOwnerCodes, FakeRoles
from tests.fakes.runs import ACCOUNT, FakeFills, FakeHalts, FakeRuns, FakeViews
from tests.fakes.tapes import FakeTraded
from tests.fakes.transfers import FakeAddressBook, FakeTransfers
from tests.fakes.treasury import Treasury

USDT = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), Coin("USDT"), "Ethereum")
BTC = Token(AssetId("c6d0c728-2624-429b-8e0d-d9d19b6592fa"), Coin("BTC"), "Bitcoin")


PAGES = PageAddresses("https://pages.example", Secret(b"seed of tests"))

OWNER = UserId("owner")


class MonotonicClock(FakeClock):
    """The fake clock, with the seconds that domain services may ask for."""

    def monotonic(self) -> float:
        return self.now().timestamp()


BEGINNING = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Person:
    """Somebody who chats."""

    world: "World"
    user_id: str
    buttons: dict[str, str] = field(default_factory=dict)

    async def says(self, text: str, **facts: str) -> str:
        """Say something; return all that is answered, as one text."""
        return "\n".join(await self.hears(self.world.message(self.user_id, text, **facts)))

    async def taps(self, label: str) -> str:
        """Tap the button that was shown last under this label."""
        return await self.says(self.buttons[label].removeprefix("input:"))

    async def hears(self, *events: Event) -> list[str]:
        """Let events happen; return what this person is told then."""
        before = len(self.world.told_to(self.user_id))
        await self.world.reception.receive_all(events)
        await self.world.settle()
        told = self.world.told_to(self.user_id)[before:]
        for reply in told:
            for button in _buttons(reply):
                self.buttons[button.label] = button.action
        return [line for reply in told if (line := _words(reply))]

    @property
    def place(self) -> Place | None:
        """Return where the person stands; its instant does not matter."""
        row = self.world.conversations.rows.get(self.user_id)
        return None if row is None else Place(row[0], row[1], {"draft": row[2]}, BEGINNING)


def _buttons(reply: Reply) -> tuple[Button, ...]:
    if isinstance(reply, Buttons):
        return reply.buttons
    return reply.actions if isinstance(reply, Card) else ()


def _words(reply: Reply) -> str:
    match reply:
        case Text(text):
            return text
        case Card(title, description):
            return f"{title}\n{description}"
        case _:
            return ""


class World:
    """Chat, use cases and fakes."""

    def __init__(self, fee_bps: int = 10) -> None:
        self.clock = MonotonicClock()
        self.inbox, self.outbox, self.conversations = FakeInbox(), FakeOutbox(), FakeConversations()
        self.ledger, self.users, self.intents = FakeLedger(), FakeUsers(), FakeIntents()
        self.payouts, self.confirmations = FakePayouts(), FakeConfirmations()
        self.views, self.runs, self.fills = FakeViews(), FakeRuns(), FakeFills()
        self.accounts, self.exchanged = FakeHalts(), FakeConversions()
        self.audit, self.codes = FakeAudit(), FakeOwnerCodes()
        self.freezes, self.kept, self.fees = FakeFreezes(), FakeKept(), FakeFees()
        self.messenger = FakeMessenger()
        self.store = FakeTransactions(
            *(self.inbox, self.outbox, self.conversations, self.ledger),
            *(self.users, self.intents, self.payouts, self.confirmations),
            *(self.runs, self.fills, self.accounts, self.audit, self.codes),
            *(self.freezes, self.kept, self.fees, self.exchanged),
        )
        self.roles = FakeRoles(self.store, self.audit)
        self.store.tables.append(self.roles)
        self.transfers = FakeTransfers(self.store, Treasury(self.store, []))
        self.addresses = FakeAddressBook(self.transfers)
        self.ids = CountedIds()
        self.tokens = Tokens([ApprovedToken(USDT, Decimal(1)), ApprovedToken(BTC, Decimal("0.0001"))])
        self.fees.rows.schedules.append(Schedule(1, 0, fee_bps, 0, BEGINNING, "settings"))
        self.rounds = FakeReconciliations()
        self.away = FakeInactive()
        self.looks = FakeAccountLooks()
        self.closings = FakeClosings(self.ledger, self.outbox, self.freezes, self.runs)
        self.store.tables.append(self.closings)
        self.history = FakeHistory()
        self.candles, self.traded = FakeCandles(), FakeTraded()
        self.told = FakePrices("CoinGecko", self.clock)
        self.prices = MarketDataService(
            [self.told], unreached(self.views), self.candles, self.traded, self.tokens, self.clock
        )
        self.links, self.pages_offered = FakePageLinks(self.clock), True
        self.store.tables.append(self.links)
        self.numbers = count(1)
        self.delivery = Delivery(
            self.outbox, NoticeRenderer(texts(), PAGES.address_of), self.messenger, self.clock
        )
        self.restart()

    def services(self) -> ChatServices:
        """Return the use cases over the fakes."""
        confirming = ConfirmationService(self.store, self.confirmations, self.clock, self.ids)
        balances = UserBalanceService(self.ledger, self.users)
        admission = Admission(unreached(self.freezes))
        bot = UserId("bot")
        deposits = DepositService(
            self.store,
            self.ledger,
            unreached(FakeLinks()),
            unreached(self.outbox),
            self.clock,
            self.ids,
            unreached(self.intents),
            unreached(self.freezes),
            unreached(self.fees),
            Known(bot, self.tokens),
            self.roles,
        )
        withdrawals = WithdrawalService(
            self.store,
            self.ledger,
            self.clock,
            self.ids,
            unreached(self.payouts),
            unreached(None),
            balances,
            confirming,
            self.tokens,
            unreached(self.fees),
            admission,
        )
        users = UserService(self.store, self.users)
        runs = TradingStrategyService(
            self.store,
            self.ledger,
            self.clock,
            self.ids,
            unreached(self.outbox),
            unreached(self.views),
            unreached(self.runs),
            unreached(self.fills),
            confirming,
            unreached(self.fees),
            admission,
        )
        auth = AuthService(self.roles, self.audit, self.clock)
        halts = HaltService(
            *(self.store, unreached(self.accounts), unreached(self.outbox), confirming, self.clock),
            *(auth, self.rounds),
        )
        freezes = FreezeService(
            *(self.store, unreached(self.freezes), unreached(self.outbox), confirming, self.clock),
            *(auth, self.rounds, self.users, self.roles, self.tokens),
        )
        refunds = RefundService(
            *(self.store, unreached(self.ledger), self.clock, self.ids, unreached(self.kept)),
            *(unreached(self.payouts), confirming, self.tokens, auth, admission),
        )
        capacity = CapacityService(unreached(self.views), unreached(self.runs))
        changes = RunChangeService(
            self.store, unreached(self.runs), unreached(self.views), unreached(self.outbox), confirming
        )
        stopping = StopAllService(
            *(self.store, unreached(self.runs), self.exchanged, unreached(self.outbox), confirming),
            *(self.clock, auth),
        )
        return ChatServices(
            *(
                users,
                balances,
                deposits,
                withdrawals,
                self.tokens,
                runs,
                changes,
                RunPauseService(
                    *(self.store, unreached(self.runs), unreached(self.outbox), self.clock, admission),
                    capacity,
                ),
                halts,
                freezes,
                refunds,
                confirming,
                auth,
            ),
            RoleService(self.store, self.roles, self.users, unreached(self.outbox), auth, confirming),
            OwnershipService(self.store, self.roles, self.codes, auth, self.clock, self.ids),
            FeeService(self.store, self.clock, unreached(self.fees), confirming, auth),
            FeeTakingService(
                *(self.store, unreached(self.ledger), self.clock, self.ids, unreached(self.payouts)),
                *(unreached(self.outbox), self.roles, confirming, self.tokens, auth),
            ),
            ReconcilingService(self.store, self.rounds, self.clock, auth),
            DifferenceService(
                *(self.store, unreached(self.ledger), self.rounds, unreached(self.outbox), confirming),
                *(self.clock, self.tokens, auth),
            ),
            TransferDecisions(
                self.store, unreached(self.ledger), self.clock, self.transfers, confirming, auth
            ),
            AddressService(
                *(self.store, self.addresses, unreached(self.freezes)),
                *(TransferNews(unreached(self.outbox), self.roles, self.clock), confirming, auth),
                *(self.clock, self.ids),
            ),
            ConversionService(
                *(self.store, unreached(self.ledger), self.clock, self.ids, unreached(self.outbox)),
                *(unreached(self.views), unreached(self.runs), self.exchanged),
                *(confirming, unreached(self.fees), admission),
            ),
            stopping,
            ClosingService(
                self.store,
                unreached(self.ledger),
                self.clock,
                self.ids,
                self.closings,
                unreached(self.freezes),
                unreached(self.payouts),
                unreached(self.outbox),
                self.roles,
                stopping,
                confirming,
                self.tokens,
                auth,
            ),
            HistoryService(self.history),
            ForgettingService(
                self.store,
                balances,
                unreached(self.runs),
                unreached(self.payouts),
                unreached(self.kept),
                self.roles,
                FakeErasure(self.users, self.conversations),
                unreached(self.outbox),
                confirming,
                self.clock,
            ),
            InactivityService(self.store, self.away, unreached(self.outbox), self.clock, auth),
            AccountOverview(self.store, self.looks, self.rounds, self.clock, auth, capacity),
            self.prices,
            PageLinkService(self.store, self.links, self.clock, self.ids, PAGES.token_of, self.pages_offered),
            admission,
        )

    def trade(self, **pairs: str) -> None:
        """Let pairs be traded at a price, with a float that is large enough: ``BTC_USDT="60000"``."""
        for name, mid in pairs.items():
            self.views.see(name.replace("_", "/"), mid, self.clock.now())
            for coin in name.split("_"):
                self.ledger.rows["total"][venue_account(ACCOUNT, Coin(coin))] = Decimal(10_000_000)

    def restart(self, is_private: Callable[[Event], bool] | None = None) -> None:
        """Start the bot anew: only what is stored remains."""
        self.reception = Reception(
            self.inbox,
            self.outbox,
            self.store,
            dispatcher_of(self.services(), self.conversations, self.store, is_private or _is_private),
            self.clock,
            on_answer=self.delivery.ring,
        )

    def person(self, name: str, **coins: str) -> Person:
        """Return somebody who has so much of some coins."""
        for coin, amount in coins.items():
            self.ledger.give(name, coin, amount)
        return Person(self, name)

    def message(self, user_id: str, text: str, **facts: str) -> Message:
        """Return a message as it would arrive now."""
        return Message(
            text=text,
            sender_id=user_id,
            conversation_id=facts.get("conversation_id", f"room-{user_id}"),
            message_id=facts.get("message_id", f"m{next(self.numbers)}"),
            representative_id=facts.get("representative_id", ""),
            sent_at=self.clock.now(),
        )

    async def settle(self) -> None:
        """Let the bot answer and deliver all there is."""
        await self.reception.drain()
        for user in self.users.rows.values():
            self.outbox.languages[user.user_id] = user.language
        await self.delivery.drain()
        assert "dead" not in self.inbox.states(), [row.reason for row in self.inbox.rows.values()]
        assert "pending" not in self.inbox.states(), [row.reason for row in self.inbox.rows.values()]
        assert set(self.outbox.states()) <= {"sent"}, [row.reason for row in self.outbox.rows.values()]

    def told_to(self, user_id: str) -> list[Reply]:
        """Return all that was shown to a person."""
        return [one.reply for one in self.messenger.shown.values() if one.user_id == user_id]


def _is_private(event: Event) -> bool:
    return event.conversation_id == f"room-{event.sender_id}"
