"""The money world with an owner who closes it; a process can die anywhere."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from adapters.db.closings import PostgresClosings
from adapters.db.conversions import PostgresConversions
from adapters.db.runs import PostgresRuns
from domain.ledger.model import available
from domain.money import ZERO
from domain.ports.closings import Closing
from domain.services.auth import AuthService
from domain.services.closing import ClosingService
from domain.services.confirmations import ConfirmationService
from domain.services.stopping import StopAllService
from domain.services.tokens import Tokens
from tests.domain.services.money_books import MemoryBooks
from tests.domain.services.money_world import OWNER, TOKENS, MoneyWorld
from tests.fakes.closings import FakeClosings
from tests.fakes.conversions import FakeConversions
from tests.fakes.crash import Crashing, Fuse
from tests.fakes.trading import MemoryRuns

DAY = timedelta(days=1)


class ClosingWorld:
    """What outlives a process: the money world, and the table of closings."""

    def __init__(self, world: MoneyWorld, tokens: Tokens = TOKENS) -> None:
        self.world, self.tokens = world, tokens
        books = world.books
        if isinstance(books, MemoryBooks):
            self.runs: Any = MemoryRuns()
            self.conversions: Any = FakeConversions()
            self.store: Any = FakeClosings(
                books.ledger, books.notices, books.freezes, self.runs, books.treasury
            )
            books.store.tables += [self.runs, self.conversions, self.store]
        else:
            self.runs, self.conversions = PostgresRuns(books.store), PostgresConversions(books.store)
            self.store = PostgresClosings(books.store)

    def service(self, fuse: Fuse | None = None) -> ClosingService:
        """Return the use case, in a process that may die."""

        def port(real: Any) -> Any:
            return Crashing(real, fuse) if fuse else real

        books, clock = self.world.books, self.world.clock
        store, notices = port(books.store), port(books.notices)
        confirming = ConfirmationService(store, port(books.confirmations), clock, self.world.ids)
        auth = AuthService(books.roles, books.audit, clock)
        stopping = StopAllService(
            store, port(self.runs), port(self.conversions), notices, confirming, clock, auth
        )
        return ClosingService(
            store,
            port(books.ledger),
            clock,
            self.world.ids,
            port(self.store),
            port(books.freezes),
            port(books.payouts),
            notices,
            books.roles,
            stopping,
            confirming,
            self.tokens,
            auth,
        )

    async def announce(self) -> Closing:
        """Let the owner announce the end in both steps."""
        service = self.service()
        _, _, token = await service.ask(OWNER)
        return await service.announce(OWNER, token, "tap")

    async def until_closed(self, rounds: int = 40) -> list[str]:
        """Let the workers work until it is closed; time passes between their rounds."""
        said: list[str] = []
        for _ in range(rounds):
            said.append(await self.service().round())
            if said[-1] == "closed":
                return said
            await self.world.round()
            self.world.clock.advance(31)
        raise AssertionError(f"still not closed: {said}")

    async def owed(self, *people: str) -> Decimal:
        """Return what people still have, of all coins together."""
        mine = [available(person, token.coin) for person in people for token in TOKENS.list()]  # type: ignore[arg-type]
        return sum([(await self.world.balance(account)).total for account in mine], ZERO)
