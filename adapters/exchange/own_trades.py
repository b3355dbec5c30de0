"""Own executions, read whole: by trade ids, by spans of time, or page by page, as the venue gives them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from adapters.exchange import translate
from adapters.exchange.contract import Trades, VenueContract
from domain.errors import Unavailable
from domain.market.model import Pair
from domain.market.orders import Fill
from domain.ports.clock import Clock

Read = Callable[..., Awaitable[Any]]
"""Does a call of the client, and words its failures."""

_SECOND = timedelta(seconds=1)
"""The shortest span that is asked for: some venues count in seconds. Spans overlap by one."""

_MOST_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class OwnTrades:
    """What one account traded, by the contract of its venue."""

    client: Any
    contract: VenueContract
    clock: Clock
    read: Read

    async def since(self, pair: Pair, trade_id: str | None, since: datetime) -> list[Fill]:
        """Return executions after a trade id, or from an instant on, oldest first; what overlaps is harmless.

        Raises:
            Unavailable: ``venue_history_incomplete``: the venue does not show them all.
        """
        match self.contract.trades:
            case Trades.FROM_ID:
                return await self._by_id(pair, trade_id, since)
            case Trades.WINDOWS:
                return await self._by_window(pair, since)
            case _:
                return await self._by_page(pair, since)

    async def _by_id(self, pair: Pair, trade_id: str | None, since: datetime) -> list[Fill]:
        if trade_id is not None:
            return await self._from(pair, int(trade_id) + 1)
        latest = await self._page(pair, None, {})
        if len(latest) < self.contract.trades_page or latest[0].at < since:  # nothing older is missing
            return [fill for fill in latest if fill.at >= since]
        start, now = since, self.clock.now()
        while start <= now:
            span = {"endTime": _ms(start + self.contract.trades_window) - 1}
            if page := await self._page(pair, _ms(start), span):
                return page + await self._from(pair, int(page[-1].trade_id) + 1)
            start += self.contract.trades_window
        return []

    async def _from(self, pair: Pair, trade_id: int) -> list[Fill]:
        """Return own executions with this trade id or a higher one."""
        fills: list[Fill] = []
        while page := await self._page(pair, None, {"fromId": trade_id}):
            fills += page
            if len(page) < self.contract.trades_page:
                break
            trade_id = int(page[-1].trade_id) + 1
        return fills

    async def _by_window(self, pair: Pair, since: datetime) -> list[Fill]:
        """Return own executions span by span; one whose page is full is asked for in halves."""
        found: dict[str, Fill] = {}
        start, now = since - _SECOND, self.clock.now()
        waiting = []
        while start <= now:
            end = min(start + self.contract.trades_window, now + 2 * _SECOND)
            waiting.append((start, end))
            start = end
        while waiting:
            start, end = waiting.pop()
            raw = await self._rows(pair, _ms(start), {self.contract.trades_until: _ms(end)})
            if len(raw) >= self.contract.trades_page:
                waiting += _halves(start, end)
                continue
            found |= {fill.trade_id: fill for fill in self._of(pair, raw)}
        return sorted((fill for fill in found.values() if fill.at >= since), key=translate.in_order)

    async def _by_page(self, pair: Pair, since: datetime) -> list[Fill]:
        """Return own executions from the newest page back to the one that holds the instant."""
        found: dict[str, Fill] = {}
        token: str | None = None
        for _ in range(_MOST_PAGES):
            asked = {
                "asset_pair_name": self.client.market(str(pair))["id"],
                "limit": self.contract.trades_page,
            }
            answer = await self.read("own trades", self.client.privateGetTrades, _with(asked, token))
            raw = self.client.parse_trades(answer.get("data") or [], self.client.market(str(pair)))
            page = self._of(pair, raw)
            found |= {fill.trade_id: fill for fill in page}
            token = answer.get("page_token")
            if len(page) < self.contract.trades_page or page[0].at < since or token == "":
                break  # an empty token is the last page's
            if not token:
                raise Unavailable("venue_history_incomplete", subject=str(pair))
        return sorted((fill for fill in found.values() if fill.at >= since), key=translate.in_order)

    async def _page(self, pair: Pair, since_ms: int | None, params: dict[str, int]) -> list[Fill]:
        return self._of(pair, await self._rows(pair, since_ms, params))

    async def _rows(self, pair: Pair, since_ms: int | None, params: dict[str, int]) -> Sequence[Any]:
        """Return a page as it came: with other pairs' trades, if it holds them, or a full one looks short."""
        symbol = None if self.contract.trades_of_all_pairs else str(pair)
        page = self.contract.trades_page
        rows: Sequence[Any] = await self.read(
            "own trades", self.client.fetch_my_trades, symbol, since_ms, page, params
        )
        return rows

    def _of(self, pair: Pair, raw: Sequence[Any]) -> list[Fill]:
        ours = [row for row in raw if row.get("symbol") in (None, str(pair))]
        fills = [self._named(fill) for fill in translate.as_fills(pair, ours, self.contract.fill_parameter)]
        if self.contract.trades is not Trades.FROM_ID:
            return fills
        with translate.understood("fills"):
            return sorted(fills, key=lambda fill: int(fill.trade_id))  # the next page is asked for by it

    def _named(self, fill: Fill) -> Fill:
        return replace(fill, client_order_id=self.contract.read(fill.client_order_id))


def _halves(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """Return a span in two.

    Raises:
        Unavailable: ``venue_history_incomplete``: it is too short to be asked for in parts.
    """
    if end - start <= 2 * _SECOND:
        raise Unavailable("venue_history_incomplete", subject="own trades")
    middle = start + (end - start) / 2
    return [(start, middle), (middle, end)]


def _with(asked: dict[str, Any], token: str | None) -> dict[str, Any]:
    return {**asked, "page_token": token} if token else asked


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
