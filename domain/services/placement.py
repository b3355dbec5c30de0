"""Where a new run trades: on an account that sees its pair, has the coins for it, and room for its orders."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from domain.errors import Refused
from domain.market.model import Pair
from domain.market.runs import FRESH, MarketView, Run
from domain.money import Coin, plain
from domain.ports.clock import Clock
from domain.ports.fees import FeeStore
from domain.ports.ledger import Ledger
from domain.ports.runs import VenueAccountStore
from domain.services.capacity import CapacityService
from domain.services.room import room


@dataclass(slots=True)
class Placement:
    """Chooses accounts; what it chose is counted again, alone, in the commit that begins the run."""

    accounts: VenueAccountStore
    capacity: CapacityService
    ledger: Ledger
    fees: FeeStore
    clock: Clock

    async def fresh_views(self) -> Sequence[MarketView]:
        """Return what workers have lately seen of every pair, by account and pair."""
        oldest = self.clock.now() - FRESH
        return [view for view in await self.accounts.views() if view.seen_at >= oldest]

    async def views(self, pair: Pair) -> Sequence[MarketView]:
        """Return what is seen of a pair, at the account with the most room first.

        Raises:
            Refused: ``pair_not_offered``.
        """
        views = [view for view in await self.fresh_views() if view.pair == pair]
        if not views:
            raise Refused("pair_not_offered", pair=pair)
        if len(views) == 1:
            return views
        full = {view.account: (await self.capacity.claimed(view.account)).fullness(pair) for view in views}
        return sorted(views, key=lambda view: full[view.account])

    async def place(self, views: Sequence[MarketView], run: Run) -> MarketView:
        """Return the first view at whose account a run has room for its orders and for its coins.

        Raises:
            Refused: ``beyond_float`` with coin and what fits, where one has room for orders only;
                one of ``NO_ROOM`` of the account with the most room.
        """
        lacking, refusals = list[tuple[MarketView, Coin, Decimal, Decimal]](), list[Refused]()
        for view in views:
            try:
                await self.capacity.require(replace(run, account=view.account))
            except Refused as refusal:
                refusals.append(refusal)
                continue
            lacks = await self._lacks(view, run)
            if lacks is None:
                return view
            lacking.append((view, *lacks))
        if not lacking:
            raise refusals[0]
        view, coin, fits, amount = lacking[0]
        await self.accounts.want(view.account, coin, amount, self.clock.now())
        raise Refused("beyond_float", coin=coin, fits=plain(fits))

    async def _lacks(self, view: MarketView, run: Run) -> tuple[Coin, Decimal, Decimal] | None:
        """Return a coin of which the account has too little: what fits, and what is asked for."""
        now = self.clock.now()
        for coin, amount in ((view.pair.base, run.base_start), (view.pair.quote, run.quote_start)):
            fits = await room(self.ledger, self.fees, view.account, coin, now)
            if amount > fits:
                return coin, fits, amount
        return None
