"""Where a drill happens: the sandbox, or an instance whose accounts are all for rehearsal."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from adapters.clock import SystemClock
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueAccount
from adapters.exchange.ccxt_exchange import CcxtExchange
from adapters.ids import PREFIX
from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.leases import Grip, venue_scope
from domain.market.model import Pair
from domain.money import Coin

_ANGELS = "SELECT count(*) AS n FROM pg_stat_activity WHERE usename = $1 || '_angel'"
_HELD = "SELECT scope FROM leases WHERE scope LIKE 'venue:%' AND state = 'held' ORDER BY scope"
_NEWEST = "SELECT coalesce(max(seq), 0) AS seq FROM angel_entries"
_UNSAFE = """
    SELECT scope FROM unnest($1::text[]) AS was (scope) WHERE NOT EXISTS (
        SELECT FROM angel_entries e WHERE e.scope = was.scope AND e.kind = 'safe' AND e.seq > $2)
"""
_NOT_BACK = """
    SELECT scope FROM unnest($1::text[]) AS was (scope) WHERE NOT EXISTS (
        SELECT FROM leases l WHERE l.scope = was.scope AND l.state = 'held' AND l.expires_at > lease_clock())
    UNION ALL SELECT id FROM runs WHERE kind = 'strategy' AND state IN ('halted', 'recovering')
"""
_PAIRS = "SELECT DISTINCT base, quote FROM runs WHERE account = $1 AND state <> 'stopped'"


class Control(Protocol):
    """What kills an instance, and what starts it again."""

    async def kill(self) -> None: ...

    async def start(self) -> None: ...


@dataclass(slots=True)
class Place:
    """As ``domain.ports.drills.DrillPlace``: the exchanges are asked themselves what rests."""

    store: PostgresStore
    exchanges: Sequence[CcxtExchange]
    accounts: Sequence[VenueAccount]
    control: Control
    role_prefix: str
    _scopes: list[str] = field(default_factory=list)
    _seen: int = 0

    async def refusal(self) -> str:
        """Return the code of why nothing may be killed here, or nothing."""
        if not self.accounts or not all(account.rehearsal for account in self.accounts):
            return "drill_not_rehearsal"
        self._scopes = [row["scope"] for row in await self.store.fetch(_HELD)]
        ours = {venue_scope(account.name) for account in self.accounts}
        if ours - set(self._scopes):
            return "drill_not_at_work"
        if set(self._scopes) - ours:
            return "drill_strange_account"
        [angels] = await self.store.fetch(_ANGELS, self.role_prefix)
        if not angels["n"]:
            return "drill_no_angel"
        [newest] = await self.store.fetch(_NEWEST)
        self._seen = newest["seq"]
        return ""

    async def resting(self) -> int | None:
        """Return how many orders of ours rest, ``None`` when they cannot all be seen."""
        found = await asyncio.gather(*(self._resting(exchange) for exchange in self.exchanges))
        return None if None in found else sum(n for n in found if n is not None)

    async def _resting(self, exchange: CcxtExchange) -> int | None:
        [settings] = [account for account in self.accounts if account.name == exchange.account]
        rows = await self.store.fetch(_PAIRS, exchange.account)
        pairs = {*settings.pairs, *(Pair(Coin(row["base"]), Coin(row["quote"])) for row in rows)}
        resting = 0
        for pair in sorted(pairs, key=str):
            try:
                orders = await exchange.open_orders(pair)
            except Refused:
                continue  # what the venue does not trade has no orders
            except (Unavailable, OutcomeUnknown):
                return None
            resting += sum(order.client_order_id.startswith(PREFIX) for order in orders)
        return resting

    async def kill(self) -> None:
        """Kill everything but the Angel and the database."""
        await self.control.kill()

    async def safe(self) -> bool:
        """Tell whether the Angel has made every account safe since the kill."""
        return not await self.store.fetch(_UNSAFE, self._scopes, self._seen)

    async def start(self) -> None:
        """Let everything be started again."""
        await self.control.start()

    async def back(self) -> bool:
        """Tell whether workers have every account again, and no run waits for them."""
        return not await self.store.fetch(_NOT_BACK, self._scopes)


@asynccontextmanager
async def opened(
    dsn: str, accounts: Sequence[VenueAccount], control: Control, role_prefix: str
) -> AsyncIterator[Place]:
    """Open the database and the exchanges, for looking alone, and close them again."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(PostgresStore(dsn, connections=2))
        exchanges = []
        for account in accounts:
            never = Grip(venue_scope(account.name), clock.monotonic)  # holds nothing: no order passes it
            exchange = CcxtExchange(account, clock, never.require)
            stack.push_async_callback(exchange.close)
            exchanges.append(exchange)
        yield Place(store, exchanges, accounts, control, role_prefix)
