"""What an account's pairs look like, stored now and then for those who cannot ask the venue."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import Refused, Unavailable
from domain.market.model import Pair
from domain.market.orders import TERMINAL
from domain.market.own import others
from domain.market.runs import MarketView
from domain.services.desk import Desk
from domain.services.fill_accounting import Between
from domain.services.ticking import resting


@dataclass(slots=True)
class MarketViews:
    """The worker's looks at its pairs; the first one is due at once."""

    desk: Desk
    _viewed_s: float = float("-inf")

    async def look_if_due(self, pairs: Sequence[Pair], between: Between) -> None:
        """Store what the pairs look like, without our own orders; one that cannot be seen is not offered.

        ``between`` is called before each pair: what cannot wait until all are seen goes first.
        """
        desk, now_s = self.desk, self.desk.clock.monotonic()
        if now_s - self._viewed_s < desk.policy.view_interval_s:
            return
        views = []
        for pair in pairs:
            await between()
            try:
                rules, book = await desk.exchange.rules(pair), await desk.exchange.book(pair)
            except (Refused, Unavailable):
                continue  # a pair that cannot be seen is not offered
            if book.sane:
                mid = rules.tick * book.twice_mid / 2
                unsettled = await desk.orders.unsettled(desk.account, [pair])
                live = [i for i in unsettled if i.state not in TERMINAL]
                free = others(book, [resting(intent, rules).quote for intent in live])
                now = desk.clock.now()
                views.append(MarketView(desk.account, pair, rules, mid, now, free.bids, free.asks))
        async with desk.transaction(()):
            await desk.accounts.see(views)
        self._viewed_s = now_s
