"""Conversions at a person's word: shown, confirmed, begun, called back; orders are the workers' business."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from domain.conversions.model import Conversion, ConversionState, Ending
from domain.conversions.planning import opposite, within, worst_ticks
from domain.conversions.quoting import Confirmed, ConversionQuote, Wish, better, quote_of
from domain.errors import Refused
from domain.fees import FeeKind, Rate, in_force
from domain.ids import Ids, RunId, UserId, VenueAccountName
from domain.ledger.model import AccountKind, Cause, Posting, Transfer, available
from domain.ledger.model import run as run_account
from domain.market.model import Pair, Side
from domain.market.runs import GOING, MarketView, Run, RunState
from domain.money import ZERO, Coin, plain
from domain.ports.clock import Clock
from domain.ports.conversions import ConversionStore
from domain.ports.fees import FeeStore
from domain.ports.ledger import Ledger
from domain.ports.notices import Notices
from domain.ports.runs import RunStore, VenueAccountStore
from domain.ports.store import Store
from domain.services.admission import Admission
from domain.services.confirmations import ConfirmationService
from domain.services.leaving import carrier_of, told_of
from domain.services.room import room

ACTION = "convert"
"""What a confirmation must have been issued for, with ``ConversionQuote.params``."""

PATIENCE = timedelta(minutes=2)
"""How long a conversion that takes what is there looks for it, from when it has its coins."""

SEEN_WITHIN = timedelta(seconds=30)
"""How old the book may be that a quote is made of."""

MOST_OPEN = 10
MOST_LISTED = 12

OPEN = frozenset({ConversionState.WAITING, ConversionState.CONVERTING, ConversionState.FINISHING})


class ConversionService:
    """Conversions, for those who talk to people."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        ids: Ids,
        notices: Notices,
        accounts: VenueAccountStore,
        runs: RunStore,
        conversions: ConversionStore,
        confirmations: ConfirmationService,
        fees: FeeStore,
        admission: Admission,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._notices = notices
        self._accounts = accounts
        self._runs = runs
        self._conversions = conversions
        self._confirmations = confirmations
        self._fees = fees
        self._admission = admission

    async def pairs(self) -> list[Pair]:
        """Return the pairs that can be traded by hand now, by name."""
        return sorted({view.pair for view in await self._views()}, key=str)

    async def wish_to_convert(self, amount: Decimal, coin: Coin, into: Coin) -> Wish:
        """Return the wish to have so much of one coin in another.

        Raises:
            Refused: ``not_convertible``: no exchange here trades the two for each other.
        """
        pairs = {view.pair for view in await self._accounts.views()}
        for pair, side in ((Pair(coin, into), Side.SELL), (Pair(into, coin), Side.BUY)):
            if pair in pairs:
                return Wish(pair, side, amount)
        raise Refused("not_convertible", coin=coin, into=into)

    async def quote(self, user_id: UserId, wish: Wish) -> ConversionQuote:
        """Return what a wish would do now at the account that is best for it, having checked all of it.

        What the best account lacks of float is noted for the treasury.

        Raises:
            Refused: ``not_convertible``; ``market_stale``; ``insufficient_funds`` with coin and available;
                ``conversion_beyond_float`` with coin and what fits; ``too_many_conversions``;
                ``user_frozen``, ``coin_frozen``, ``nothing_new_begins``; as ``quote_of``.
        """
        await self._admission.check_new(user_id, wish.pair.base, wish.pair.quote)
        rate = in_force(await self._fees.schedules(), self._clock.now()).rate(FeeKind.TRADING)
        quotes = [quote_of(view, wish, rate.version, rate.bps) for view in await self._views_of(wish.pair)]
        await self._check_open(user_id)
        best = max(quotes, key=better)
        free = (await self._ledger.balance(available(user_id, best.pays))).free
        if min(quote.amount for quote in quotes) > free:
            raise Refused("insufficient_funds", coin=best.pays, available=plain(free))
        fits = {quote.account: await self._room(quote.account, quote.pays) for quote in quotes}
        roomy = [q for q in quotes if q.amount <= fits[q.account] and q.amount <= free]
        if not roomy:
            await self._accounts.want(best.account, best.pays, best.amount, self._clock.now())
            raise Refused("conversion_beyond_float", coin=best.pays, fits=plain(max(fits.values())))
        return max(roomy, key=better)

    async def quote_leaving(self, user_id: UserId, number: int, into: Coin) -> ConversionQuote:
        """Return what it would bring to have all of a run in one of its coins when it has stopped.

        It keeps the rate of the run (FE2), and takes what the run has then: what is shown is of now.

        Raises:
            Refused: ``run_unknown``; ``run_not_running``; ``not_convertible``; ``market_stale``;
                ``conversion_too_small``; ``user_frozen``, ``coin_frozen``.
        """
        run = await self._leavable(user_id, number)
        await self._admission.check(user_id, run.pair.base, run.pair.quote)
        if into not in (run.pair.base, run.pair.quote):
            raise Refused("not_convertible", coin=run.pair.base, into=into)
        side = Side.BUY if into == run.pair.base else Side.SELL
        pays = run.pair.quote if side is Side.BUY else run.pair.base
        balances = await self._ledger.balances(AccountKind.RUN, run.id)
        amount = balances[pays].total if pays in balances else ZERO
        wish = Wish(run.pair, side, amount, run=number)
        return quote_of(await self._view_at(run.account, run.pair), wish, run.fee_version, run.fee_bps)

    async def confirm(self, user_id: UserId, quote: ConversionQuote) -> str:
        """Return the single-use token with which this person may have exactly this done."""
        return await self._confirmations.issue(user_id, ACTION, quote.params)

    async def start(self, user_id: UserId, shown: Mapping[str, str], confirmation: str) -> Conversion:
        """Begin what was shown: confirmation, funds and rows in one commit; the worker's next round trades.

        Of a run that is left nothing more is bought or sold by its strategy from here on.

        Raises:
            Refused: ``confirmation_unknown`` (also for other than what was shown), ``confirmation_used``,
                ``confirmation_expired``; ``quote_expired``: fees changed; ``price_moved``: nothing is to be
                had at the worst price any more; as ``quote`` and ``quote_leaving``.
        """
        asked = Confirmed.of(shown)
        async with self._store.transaction():
            may = self._admission.check if asked.run else self._admission.check_new  # a run may be left
            await may(user_id, asked.pair.base, asked.pair.quote)
            await self._confirmations.consume(user_id, confirmation, ACTION, shown)
            await self._check_price(asked)
            await self._check_open(user_id)
            if asked.run:
                return await self._leave(user_id, asked)
            return await self._begin(user_id, asked)

    async def _begin(self, user_id: UserId, asked: Confirmed) -> Conversion:
        now = self._clock.now()
        rate = in_force(await self._fees.schedules(), now).rate(FeeKind.TRADING)
        if rate.version != asked.fee_version:
            raise Refused("quote_expired")
        conversion = replace(
            self._conversion(user_id, asked, rate),
            amount=asked.amount,
            state=ConversionState.CONVERTING,
            began_at=now,
        )
        await self._check_funds(user_id, conversion)
        conversion = await self._conversions.add(conversion)
        await self._runs.add(carrier_of(conversion, asked.amount, now))
        funds = Posting(
            available(user_id, conversion.pays),
            run_account(conversion.id, asked.account, conversion.pays),
            asked.amount,
        )
        try:
            await self._ledger.post(Transfer(Cause("conversion_start", conversion.id), (funds,)))
        except Refused as refusal:  # somebody was faster: nothing has happened, and it may be asked again
            raise Refused("quote_expired") from refusal
        await self._tell(conversion, "conversion_begun")
        return conversion

    async def _check_funds(self, user_id: UserId, conversion: Conversion) -> None:
        coin, free = conversion.pays, (await self._ledger.balance(available(user_id, conversion.pays))).free
        if conversion.amount > free:
            raise Refused("insufficient_funds", coin=coin, available=plain(free))
        fits = await self._room(conversion.account, coin)
        if conversion.amount > fits:
            raise Refused("conversion_beyond_float", coin=coin, fits=plain(fits))

    async def _leave(self, user_id: UserId, asked: Confirmed) -> Conversion:
        run = await self._leavable(user_id, asked.run)
        rate = Rate(run.fee_version, run.fee_bps)
        if (run.account, run.pair, rate.version) != (asked.account, asked.pair, asked.fee_version):
            raise Refused("quote_expired")
        if not await self._runs.stop(run.id):
            raise Refused("run_not_running", number=run.number, pair=run.pair)
        conversion = replace(self._conversion(user_id, asked, rate), leaves=run.id)
        conversion = await self._conversions.add(conversion)
        told = {"number": str(run.number), "pair": str(run.pair)}
        await self._notices.tell(user_id, "run_stopping", f"run_stopping:{run.id}", told)
        return conversion

    def _conversion(self, user_id: UserId, asked: Confirmed, rate: Rate) -> Conversion:
        return Conversion(
            id=RunId(self._ids.new_id()),
            number=0,
            user_id=user_id,
            leaves=None,
            account=asked.account,
            pair=asked.pair,
            side=asked.side,
            resting=asked.resting,
            worst=asked.worst,
            amount=ZERO,
            quantity=asked.quantity,
            patience=timedelta(0) if asked.resting else PATIENCE,
            fee_version=rate.version,
            fee_bps=rate.bps,
            created_at=self._clock.now(),
            state=ConversionState.WAITING,
        )

    async def list(self, user_id: UserId) -> Sequence[Conversion]:
        """Return a person's conversions, those that are not done first, then the newest first."""
        return await self._conversions.list(user_id, MOST_LISTED)

    async def cancel(self, user_id: UserId, number: int) -> Conversion:
        """Call a conversion back; what was traded stays so. Return it as it is then.

        One that waits for a run is over at once, and the run's coins go back as they lie.

        Raises:
            Refused: ``conversion_unknown``, also when it is somebody else's; ``conversion_over``.
        """
        conversion = await self._find(user_id, number)
        now, ended = self._clock.now(), False
        async with self._store.transaction():
            if conversion.state is ConversionState.WAITING:
                ended = await self._conversions.call_off(conversion.id, Ending.ASKED, now)
            if not ended and await self._runs.move(conversion.id, RunState.RUNNING, RunState.STOPPING, now):
                ended = await self._conversions.finish(conversion.id, Ending.ASKED)
        if not ended:
            raise Refused("conversion_over", number=number)
        return await self._find(user_id, number)

    async def _find(self, user_id: UserId, number: int) -> Conversion:
        found = await self._conversions.find(user_id, number)
        if found is None:
            raise Refused("conversion_unknown", number=number)
        return found

    async def _leavable(self, user_id: UserId, number: int) -> Run:
        run = await self._runs.find(user_id, number)
        if run is None:
            raise Refused("run_unknown", number=number)
        if run.state not in GOING:
            raise Refused("run_not_running", number=number, pair=run.pair)
        return run

    async def _views(self) -> Sequence[MarketView]:
        oldest = self._clock.now() - SEEN_WITHIN
        return [view for view in await self._accounts.views() if view.seen_at >= oldest]

    async def _views_of(self, pair: Pair) -> Sequence[MarketView]:
        seen = [view for view in await self._accounts.views() if view.pair == pair]
        if not seen:
            raise Refused("not_convertible", coin=pair.base, into=pair.quote)
        oldest = self._clock.now() - SEEN_WITHIN
        if fresh := [view for view in seen if view.seen_at >= oldest]:
            return fresh
        raise Refused("market_stale")

    async def _view_at(self, account: VenueAccountName, pair: Pair) -> MarketView:
        for view in await self._views_of(pair):
            if view.account == account:
                return view
        raise Refused("market_stale")

    async def _check_price(self, asked: Confirmed) -> None:
        """Refuse what the market has left behind since it was shown; an order that rests may wait for it."""
        view = await self._view_at(asked.account, asked.pair)
        there, worst = opposite(view.book, asked.side), worst_ticks(view.rules, asked.side, asked.worst)
        if not (asked.resting or (there and within(asked.side, there[0].ticks, worst))):
            raise Refused("price_moved", worst=plain(asked.worst))

    async def _check_open(self, user_id: UserId) -> None:
        listed = await self._conversions.list(user_id, MOST_OPEN)
        if sum(conversion.state in OPEN for conversion in listed) >= MOST_OPEN:
            raise Refused("too_many_conversions", maximum=MOST_OPEN)

    async def _room(self, account: VenueAccountName, coin: Coin) -> Decimal:
        return await room(self._ledger, self._fees, account, coin, self._clock.now())

    async def _tell(self, conversion: Conversion, kind: str) -> None:
        told = told_of(conversion)
        await self._notices.tell(conversion.user_id, kind, f"{kind}:{conversion.id}", told)
