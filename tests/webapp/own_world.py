"""Pages of people's own, on fakes: links as the chat would give them, runs and rows to look at."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from aiohttp.test_utils import TestClient
from aiohttp.web import Application, Request

from domain.errors import Unavailable
from domain.ids import UserId
from domain.market.candles import Candle
from domain.market.model import Pair, Side
from domain.market.orders import OrderState
from domain.market.runs import RunState
from domain.money import Coin
from domain.ports.live_runs import LiveOrder, LiveRun, LiveTotals, RunDay
from domain.ports.pages import PageLink, Purpose
from domain.services.confirmations import hash_of
from domain.services.history import HistoryService
from domain.services.live_runs import LiveRunService
from domain.services.pages import VisitService
from tests.contracts.test_history import FEES, FILLS, ORDERS, fill
from tests.fakes.clock import FakeClock
from tests.fakes.history import FakeHistory
from tests.fakes.money import CountedIds
from tests.fakes.pages import FakePageLinks
from webapp.app import make_app
from webapp.keys import Instance, OwnPages

Client = TestClient[Request, Application]
ALICE, BOB = UserId("alice"), UserId("bob")
AT = datetime(2026, 11, 27, 13, 30, tzinfo=UTC)

RUN = LiveRun(
    number=1,
    pair=Pair(Coin("BTC"), Coin("USDT")),
    state=RunState.RUNNING,
    trouble="",
    preset="balanced",
    base=Decimal("0.0201"),
    quote=Decimal("995.25"),
    base_start=Decimal("0.02"),
    quote_start=Decimal(1000),
    bid=Decimal("59990.5"),
    ask=Decimal("60009.5"),
    mid=Decimal(60000),
    seen_at=AT - timedelta(seconds=2),
    orders=[
        LiveOrder(Side.SELL, Decimal(60060), Decimal("0.005"), OrderState.OPEN),
        LiveOrder(Side.SELL, Decimal(60030), Decimal("0.0025"), OrderState.PARTIAL),
        LiveOrder(Side.BUY, Decimal(59970), Decimal("0.005"), OrderState.OPEN),
        LiveOrder(Side.BUY, Decimal("59940.25"), Decimal("0.005"), OrderState.UNKNOWN),
    ],
    fills=[fill(n, 0, Side.BUY if n % 2 else Side.SELL)[1] for n in range(1, 6)],
    totals=LiveTotals(
        23, Decimal("12345.678"), {Coin("BTC"): Decimal("0.00001"), Coin("USDT"): Decimal("0.5")}, AT
    ),
    started_at=AT - timedelta(hours=1),
    stopped_at=None,
    as_of=AT,
)


class FakeLiveRuns:
    """Runs of people; the database may be silent."""

    def __init__(self) -> None:
        self.rows: dict[tuple[UserId, int], LiveRun] = {(ALICE, 1): RUN, (BOB, 7): replace(RUN, number=7)}
        self.minutes: list[Candle] = []
        self.silent = False
        self.looks = 0
        self.told_before: LiveTotals | None = None

    async def look(self, user_id: UserId, number: int, before: LiveTotals | None = None) -> LiveRun | None:
        self.looks += 1
        self.told_before = before
        if self.silent:
            raise Unavailable("store_unavailable")
        return self.rows.get((user_id, number))

    async def day(self, user_id: UserId, number: int) -> RunDay | None:
        if self.silent:
            raise Unavailable("store_unavailable")
        run = self.rows.get((user_id, number))
        if run is None:
            return None
        return RunDay(run.pair, self.minutes, run.as_of - timedelta(days=1), run.as_of)


class OwnWorld:
    """What the pages are made of."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.links, self.history, self.runs = FakePageLinks(self.clock), FakeHistory(), FakeLiveRuns()
        for whose, row in [*FILLS, *ORDERS, *FEES]:
            self.history.add(whose, row)
        self._tokens = count(1)
        ids = CountedIds()
        self.pages = OwnPages(
            VisitService(self.links, ids), HistoryService(self.history), LiveRunService(self.runs)
        )

    def app(self, *, encrypted: bool = False) -> Application:
        """Return the pages."""
        return make_app([], Instance(None, sandbox=False, encrypted=encrypted), self.pages)

    async def link(self, who: UserId, purpose: Purpose, target: str) -> str:
        """Give somebody a link; return its address."""
        token, now = f"token-{next(self._tokens)}", self.clock.now()
        link = PageLink(hash_of(token), who, purpose, target, now, now + timedelta(minutes=5))
        await self.links.add(link, now - timedelta(days=1))
        return f"/open/{purpose}/{token}"

    async def enter(self, client: Client, who: UserId, target: str = "/runs/1") -> None:
        """Let somebody open a link of theirs in a browser."""
        answer = await client.post(await self.link(who, Purpose.RUN, target), allow_redirects=False)
        assert answer.status == 303
