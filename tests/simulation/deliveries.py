"""Things that reach us from outside, to be delivered in any order and as often as one likes.

Bot and workers stand on one real database, wired as in production; every kind of delivery ends where the
loops would have taken it: a message answered, an output booked, a trade booked, a payout driven.
"""

import copy
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from adapters.bootstrap import World
from adapters.db.chat import PostgresOutbox
from adapters.db.leases import PostgresFence
from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from adapters.ids import RandomIds
from adapters.mixin.codec.ids import conversation_id
from bot.__main__ import reception_of
from bot.delivery import Delivery
from bot.events import Message
from bot.reception import Reception
from domain.ids import AssetId, UserId
from domain.leases import WALLET, Grip
from domain.market.orders import Fill
from domain.ports.wallet import WalletOutput
from domain.secrets import Secret
from domain.services.fill_accounting import FillAccounting
from tests.domain.services.money_world import BTC, OWNER, TOKENS, USDT, MoneyWorld
from tests.domain.services.trading_world import World as Market
from tests.fakes.exchange import FakeExchange
from tests.fakes.wallet import BOT, FakeWallet
from tests.simulation.app import settings_of

Event = Callable[[], Awaitable[None]]
"""One delivery of one thing; delivered again, it is the same thing again."""

_STATE = {
    "balances": """
        SELECT a.kind, a.owner, a.coin, b.total, b.held FROM balances b JOIN accounts a ON a.id = b.account_id
        WHERE a.kind <> 'run' AND (b.total <> 0 OR b.held <> 0)
    """,
    "runs": """
        SELECT r.user_id, r.number, a.coin, b.total, b.held
        FROM balances b JOIN accounts a ON a.id = b.account_id JOIN runs r ON r.id = a.owner
        WHERE a.kind = 'run'
    """,
    "transfers": "SELECT kind, postings, count(*) FROM transfers GROUP BY 1, 2",
    "payouts": "SELECT receiver, asset_id, amount, fee, state, count(*) FROM payouts GROUP BY 1, 2, 3, 4, 5",
    "orders": "SELECT side, price, state, filled, booked, booked_quote, settled FROM order_intents",
    "fills": "SELECT trade_id, price, quantity, fee, fee_coin FROM fills",
    "orphans": "SELECT trade_id FROM orphan_trades",
    "outputs": "SELECT output_id, kind FROM outputs",
    "notices": "SELECT user_id, kind, count(*) FROM outbox GROUP BY 1, 2",
    "inbox": "SELECT user_id, message_id, state FROM inbox",
}
"""What must be alike after single and repeated delivery; fresh ids and instants are left out."""


State = dict[str, list[str]]


class UndoneError(Exception):
    """Everything since the stage was set is to be as it was."""

    def __init__(self, state: State) -> None:
        super().__init__("undone")
        self.state = state


@dataclass
class Delivered:
    """A port that lists just what is delivered at the moment, whatever it is asked for."""

    port: Any
    method: str
    page: Sequence[Any] = ()

    def __getattr__(self, name: str) -> Any:
        return self._listed if name == self.method else getattr(self.port, name)

    async def _listed(self, *_: Any) -> Sequence[Any]:
        return self.page


@dataclass
class Stage:
    """Bot, workers and far sides; ``undone`` makes all that happens in it not have happened."""

    store: PostgresStore
    directory: Path
    wallet: Delivered = field(init=False)
    exchange: Delivered | None = None
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        """Wire everything to the one store."""
        self.wallet = Delivered(FakeWallet(), "outputs_from")
        self.money = MoneyWorld(self.store, cast("FakeWallet", self.wallet))
        self.process = self.money.process()
        self.reception = self._reception()

    def _reception(self) -> Reception:
        clock, nothing = cast("Any", self.money.clock), cast("Any", None)
        world = World(
            settings=settings_of(self.directory, OWNER),
            store=self.store,
            ledger=PostgresLedger(self.store),
            notices=PostgresOutbox(self.store),
            keystore=cast("Any", SimpleNamespace(app_id=BOT, session_seed=Secret(b"s" * 32))),
            http=cast("Any", SimpleNamespace(app_id=BOT)),
            wallet=cast("Any", self.wallet),
            clock=clock,
            ids=RandomIds(),
            alarm=nothing,
            tokens=TOKENS,
            fence=PostgresFence(self.store),
            wallet_grip=Grip(WALLET, clock.monotonic),
        )
        return reception_of(world, Delivery(world.notices, nothing, nothing, clock))

    # What may be delivered.

    def person(self) -> UserId:
        """Return somebody new."""
        return UserId(f"0c2f7b6e-0000-4000-8000-{next(self.numbers):012x}")

    def message(self, user_id: UserId, text: str) -> Event:
        """Return a message that is stored and answered when it is delivered."""
        words = Message(
            text=text,
            sender_id=user_id,
            conversation_id=conversation_id(BOT, user_id),
            message_id=f"message-{next(self.numbers)}",
            sent_at=self.money.clock.now(),
        )

        async def delivered() -> None:
            await self.reception.receive_all([words])
            while heads := await self.reception._inbox.heads(8, self.money.clock.now(), ()):
                for row in heads:
                    assert await self.reception.serve(row) == "answered"

        return delivered

    def output(self, sender: UserId | None, asset_id: AssetId, amount: str, memo: str = "") -> Event:
        """Return an output of the wallet, listed when it is delivered."""
        output = self.wallet.pay_in(sender, asset_id, amount, memo)

        async def delivered() -> None:
            await self._list([output])

        return delivered

    async def _list(self, outputs: Sequence[WalletOutput]) -> None:
        self.wallet.page = outputs
        await self.process.deposits.collect()

    async def give(self, user_id: UserId, amount: str, token: Any = USDT) -> None:
        """Let somebody have paid in."""
        await self._list([self.wallet.pay_in(user_id, token.asset_id, amount)])

    async def yes(self) -> Event:
        """Return the word with which a new person, who has talked so far, confirms a withdrawal."""
        person = self.person()
        await self.give(person, "100")
        for text in ("/withdraw", "USDT", "40"):
            await self.message(person, text)()
        return self.message(person, "yes")

    async def job(self) -> Event:
        """Return a wake-up that drives a new person's withdrawal as far as it goes."""
        person = self.person()
        await self.give(person, "50")
        payout_id = await self.money.request(person, "20")

        async def delivered() -> None:
            await self.process.payouts.drive(payout_id)

        return delivered

    async def trades(self, count: int) -> list[Event]:
        """Return trades of the orders of a new person's run, each listed when it is delivered."""
        person = self.person()
        await self.give(person, "1000")
        await self.give(person, "0.02", BTC)
        market = Market(self.store, user=person)
        await market.person()
        worker = market.worker(self._behind)
        await market.rounds(worker, 2)
        await market.start(levels="3", tolerance_bps="100")
        await market.rounds(worker, 1)
        venue, resting = market.venue, list(market.venue.orders)
        for number in range(count):
            order = resting[number * len(resting) // count]
            venue.fill(order, venue.rules.quantity(1 + number))
        fills = [fill for _, fill in venue.trades]
        return [self._trade(worker.desk, fill) for fill in fills]

    def _behind(self, port: Any) -> Any:
        if not isinstance(port, FakeExchange):
            return port
        self.exchange = Delivered(port, "fills_since")
        return self.exchange

    def _trade(self, desk: Any, fill: Fill) -> Event:
        async def delivered() -> None:
            assert self.exchange
            self.exchange.page = [fill]
            await FillAccounting(desk).sweep()

        return delivered

    # What came of it.

    async def come_of(self, events: Sequence[Event]) -> State:
        """Deliver, hold what came of it against the rules of a commit, return it, and undo it."""
        far = self.wallet.port
        self.wallet.port = copy.deepcopy(far)
        self.reception = self._reception()  # what a bot remembers of people who talk too fast is undone too
        try:
            async with self.store.transaction():
                undone = UndoneError(await self._deliver(events))
                raise undone
        except UndoneError as undone:
            return undone.state
        finally:
            self.wallet.port = far

    async def _deliver(self, events: Sequence[Event]) -> State:
        for event in events:
            await event()
        await self.store.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return await self._state()

    async def _state(self) -> State:
        """Return all that must not depend on how often and in which order things were delivered."""
        found = {name: await self.store.fetch(sql) for name, sql in _STATE.items()}
        state = {name: sorted(str(sorted(row.items())) for row in rows) for name, rows in found.items()}
        return state | {"paid": sorted(map(str, self.wallet.paid.items()))}
