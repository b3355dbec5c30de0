"""Fees in a coin that is none of the pair's: the instance pays the venue, the run pays the instance (FL5).

A person never had BNB, so no run ever owes any. What the venue took is charged in the quote asset, at the
price the venue itself shows, which is kept with the charge. Where no price is known the charge waits for
one until its run ends, and is then the instance's; so is what a run has no quote left for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from domain.errors import Refused, Unavailable
from domain.ids import RunId
from domain.ledger.model import AccountKind, Cause, Transfer, own
from domain.ledger.model import run as run_account
from domain.ledger.model import venue as venue_account
from domain.market.model import Pair, Side
from domain.market.orders import Fill
from domain.market.runs import Run, RunState
from domain.money import ZERO, Coin
from domain.ports.orders import Charge
from domain.services.desk import Desk
from domain.services.fill_booking import cause_of, charge_postings, has_third_coin, run_transfer
from domain.services.found import with_found
from domain.services.paid_coin import pocket_for, shares
from domain.services.trading_fee import trading_fee

Prices = Mapping[Pair, Decimal]
"""What one coin of a fee costs in quote, by ``FEECOIN/QUOTE``."""

_FRESH_S = 60.0
"""How long a price may serve; an older one is asked for again."""


@dataclass(slots=True)
class Purse:
    """What there is to pay from while several charges are posted together.

    ``run`` is what the run has free in quote, ``owner`` what the instance can give it there, ``stock`` what
    the instance has of third coins.
    """

    run: Decimal
    owner: Decimal
    stock: dict[Coin, Decimal]

    def trade(self, fill: Fill, run: Run) -> None:
        """Let a run's fill pay quote, or bring it, less our fee."""
        selling = fill.side is Side.SELL
        self.run += fill.quote_quantity - trading_fee(fill, run) if selling else -fill.quote_quantity

    def take(self, due: Decimal) -> Decimal:
        """Return what of a charge can be paid; a rebate is negative."""
        paid = min(due, max(ZERO, self.run)) if due > 0 else -min(-due, max(ZERO, self.owner))
        self.run -= paid
        self.owner += paid
        return paid

    def payer(self, coin: Coin, fee: Decimal) -> AccountKind:
        """Return which account of the instance pays a fee in a third coin, or gets a rebate."""
        if fee > self.stock[coin]:
            return AccountKind.EXTERNAL
        self.stock[coin] -= fee
        return AccountKind.INVENTORY


@dataclass(slots=True)
class ThirdCoin:
    """Prices and charges of fees in third coins, at one desk."""

    desk: Desk
    _seen: dict[Pair, tuple[float, Decimal]] = field(default_factory=dict)  # monotonic seconds, price

    async def prices(self, fills: Iterable[Fill]) -> Prices:
        """Return what is known of the prices that charges for fills take; ask before a transaction."""
        return await self._ask({Pair(f.fee_coin, f.pair.quote) for f in fills if has_third_coin(f)})

    async def transfers(
        self, run: Run, fills: Sequence[Fill], prices: Prices
    ) -> tuple[list[Transfer], list[Charge]]:
        """Return the transfers of an order's fills, and what their fees cost its run; call it inside.

        What the order holds must have been used before: what the run has free then is all it can pay from.
        """
        account, charges = self.desk.account, list[Charge]()
        third = [fill for fill in fills if has_third_coin(fill)]
        pocket = await pocket_for(self.desk.ledger, run, fills)
        borne = [shares(fill, pocket) for fill in fills]
        if not third:
            kind = AccountKind.INVENTORY
            pairs = zip(fills, borne, strict=True)
            return [run_transfer(fill, account, run, kind, borne=parts) for fill, parts in pairs], charges
        purse = await self.purse(run.id, run.pair.quote, [fill.fee_coin for fill in third])
        transfers = []
        for fill, parts in zip(fills, borne, strict=True):
            purse.trade(fill, run)
            if fill not in third:
                transfers.append(run_transfer(fill, account, run, AccountKind.INVENTORY, borne=parts))
                continue
            charges.append(charge_of(fill, 1, run.id, fill.fee_coin, fill.fee, prices, purse))
            payer = purse.payer(fill.fee_coin, fill.fee)
            transfers.append(run_transfer(fill, account, run, payer, charges[-1].charged))
        return await with_found(self.desk.ledger, transfers), charges

    async def purse(self, run_id: RunId, quote: Coin, coins: Iterable[Coin]) -> Purse:
        """Return what a run and the instance have to pay from."""
        desk = self.desk
        run = await desk.ledger.balance(run_account(run_id, desk.account, quote))
        owner = await desk.ledger.balance(own(AccountKind.INVENTORY, quote))
        fits = await desk.ledger.unclaimed(venue_account(desk.account, quote))
        stock = {c: (await desk.ledger.balance(own(AccountKind.INVENTORY, c))).free for c in set(coins)}
        return Purse(run.free, min(owner.free, fits), stock)

    async def charge_waiting(self, run_id: RunId | None = None) -> int:
        """Charge what waits for a price that is known now, of one run or of all; return how many were."""
        desk = self.desk
        waiting = await desk.fills.waiting_charges(desk.account)
        mine = [charge for charge in waiting if run_id in (None, charge.run_id)]
        prices = await self._ask({Pair(charge.coin, charge.pair.quote) for charge in mine})
        charged = 0
        for charge in mine:
            if price := prices.get(Pair(charge.coin, charge.pair.quote)):
                async with desk.transaction():
                    charged += await self._charge(replace(charge, price=price))
        return charged

    async def _charge(self, charge: Charge) -> int:
        desk, quote = self.desk, charge.pair.quote
        if (await desk.runs.get(charge.run_id)).state is RunState.STOPPED:
            return 0  # it was given up when the run ended
        purse = await self.purse(charge.run_id, quote, [])
        charge = replace(charge, charged=purse.take(charge.due))
        if not await desk.fills.settle_charge(desk.account, charge):
            return 0
        postings = charge_postings(run_account(charge.run_id, desk.account, quote), charge.charged)
        if postings:
            of = cause_of(desk.account, charge.pair, charge.trade_id)
            cause = Cause("fill_charge", f"{of.id}:{charge.version}")
            await desk.ledger.post(Transfer(cause, tuple(postings)))
        return 1

    async def _ask(self, pairs: Iterable[Pair]) -> Prices:
        known = {}
        for pair in sorted(pairs, key=str):
            if price := await self._price(pair):
                known[pair] = price
        return known

    async def _price(self, pair: Pair) -> Decimal | None:
        """Return the mid the venue shows for a pair; nothing where it shows none that can be trusted."""
        desk, now_s = self.desk, self.desk.clock.monotonic()
        if (seen := self._seen.get(pair)) and now_s - seen[0] < _FRESH_S:
            return seen[1]
        try:
            rules, book = await desk.exchange.rules(pair), await desk.exchange.book(pair)
        except (Refused, Unavailable):
            return None
        if not book.sane or (desk.clock.now() - book.at).total_seconds() > desk.policy.stale_book_s:
            return None
        price = rules.tick * book.twice_mid / 2
        self._seen[pair] = now_s, price
        return price


def charge_of(
    fill: Fill, version: int, run_id: RunId, coin: Coin, fee: Decimal, prices: Prices, purse: Purse
) -> Charge:
    """Return the charge for what a version of a fill adds to its fees, as far as the purse goes."""
    price = prices.get(Pair(coin, fill.pair.quote))
    charge = Charge(fill.pair, fill.trade_id, version, run_id, coin, fee, price)
    return replace(charge, charged=purse.take(charge.due))
