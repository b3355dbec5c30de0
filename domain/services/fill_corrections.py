"""What the venue says of trades later: fees that came late, trades that changed, trades that never were.

A deep read shows the trades of the last minutes again. What differs from the books is booked as a
difference, in a version of its own; the first booking stays as it is (FL6, FL8).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from domain.errors import Refused
from domain.ledger.model import Account, AccountKind, Posting, Transfer, available, net_of, own
from domain.ledger.model import run as run_account
from domain.ledger.model import venue as venue_account
from domain.market.model import Pair
from domain.market.orders import Fill, with_fills
from domain.market.runs import Run, RunKind, RunState
from domain.money import ZERO, Coin, plain
from domain.ports.orders import Booked, Charge, Version, VersionKind
from domain.services.desk import Desk
from domain.services.fill_booking import (
    charge_postings,
    external_transfer,
    has_third_coin,
    makes_sense,
    run_transfer,
)
from domain.services.fill_changes import (
    causes_until,
    fee_changes,
    less_fee,
    more_fee,
    same_fee,
    same_trade,
    undone,
    versioned,
)
from domain.services.found import post_with_found
from domain.services.paid_coin import pocket_for, shares
from domain.services.third_coin import Prices, Purse, ThirdCoin, charge_of
from domain.services.trading_fee import fee_in, with_owed

_UNKNOWN_FEE_AGE = timedelta(days=1)
"""How long a fee that the venue has not said is asked for."""


_LOOKS = 2
"""How many looks that do not show a trade, nor balances that agree, are borne before a person has to look."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """Since when a booked trade is not shown, and in how many looks."""

    since_s: float  # monotonic
    looks: int = 0

    def again(self) -> "_Missing":
        """Return it after one more look."""
        return replace(self, looks=self.looks + 1)


@dataclass(slots=True)
class FillCorrections:
    """Compares what a deep read shows with the books, and posts the difference."""

    desk: Desk
    third: ThirdCoin
    _missing: dict[tuple[Pair, str], _Missing] = field(default_factory=dict)

    async def reach(self, pair: Pair, since: datetime) -> datetime:
        """Return from when on a deep read must begin to show every fee that is still unknown."""
        desk = self.desk
        oldest = desk.clock.now() - _UNKNOWN_FEE_AGE
        unknown = await desk.fills.unknown_fee_since(desk.account, pair, oldest)
        return since if unknown is None else min(since, unknown)

    async def compare(self, pair: Pair, since: datetime, read: Sequence[Fill]) -> int:
        """Book what a complete read since an instant says otherwise; return how many trades that were."""
        desk = self.desk
        booked = await desk.fills.booked_since(desk.account, pair, since)
        shown = {fill.trade_id: fill for fill in read}
        there = [
            (each, _as_known(each.fill, shown[each.fill.trade_id]))
            for each in booked
            if each.fill.trade_id in shown
        ]
        changed = [(each, fill) for each, fill in there if each.busted or not _same(each.fill, fill)]
        prices = await self.third.prices(fill for _, fill in changed)
        for each, fill in changed:
            async with desk.transaction():
                await self._correct(each, fill, prices)
        gone = [each for each in booked if not each.busted and each.fill.trade_id not in shown]
        return len(changed) + await self._vanished(pair, gone)

    async def _correct(self, booked: Booked, now: Fill, prices: Prices) -> None:
        before = booked.fill
        now = replace(now, client_order_id=before.client_order_id)
        if (now.side, now.order_id) != (before.side, before.order_id) or not makes_sense(now):
            await self.desk.halt("fill_makes_no_sense")
        elif same_trade(before, now) and not booked.busted:
            await self._correct_fee(booked, now, prices)
        else:
            await self._undo(booked, now, prices)

    # A fee that came late, changed, or is a rebate (FL6)

    async def _correct_fee(self, booked: Booked, now: Fill, prices: Prices) -> None:
        """Post what the venue took more or less than we had booked; the run pays what it can."""
        desk, version = self.desk, booked.version + 1
        run = await desk.runs.get(booked.run_id) if booked.run_id else None
        changes = fee_changes(booked.fill, now)
        postings: list[Posting] = []
        charges: list[Charge] = []
        borne = ZERO
        for coin, change in changes.items():
            third = coin not in (now.pair.base, now.pair.quote)
            if change < 0:
                postings += less_fee(desk.account, self._payee(run, coin, third), -change)
            else:
                parts = await self._payers(run, coin, change, third)
                postings += more_fee(desk.account, parts)
                borne += sum((part for payer, part in parts if payer.kind is not AccountKind.RUN), ZERO)
            if third and run and run.state is not RunState.STOPPED:
                purse = await self._purse_after(run, postings, coin)
                charges.append(await self._charge(now, version, run, coin, change, prices, purse))
                mine = run_account(run.id, desk.account, now.pair.quote)
                postings += charge_postings(mine, charges[-1].charged)
        await desk.fills.add_version(desk.account, Version(now, version, VersionKind.FEE, borne))
        if postings:
            cause = versioned("fill_fee", desk.account, now, version)
            difference = [Transfer(cause, tuple(postings))]
            await post_with_found(desk, difference)
        await desk.fills.add_charges(desk.account, charges)

    async def _charge(
        self,
        now: Fill,
        version: int,
        run: Run,
        coin: Coin,
        change: Decimal,
        prices: Prices,
        purse: Purse,
    ) -> Charge:
        """Return what a change of a fee in a third coin costs; what was charged goes back as it came."""
        before = await self.desk.fills.charges(self.desk.account, now.pair, now.trade_id)
        mine = [charge for charge in before if charge.coin == coin]
        if change < 0 and mine:
            then = mine[-1].price
            prices = {Pair(coin, now.pair.quote): then} if then else {}
            purse.owner = min(purse.owner, sum((charge.charged for charge in mine), ZERO))
        return charge_of(now, version, run.id, coin, change, prices, purse)

    def _payee(self, run: Run | None, coin: Coin, third: bool) -> Account:
        """Return who gets back what the venue did not take: who paid it, and a person whose run has ended."""
        if run is None:
            return own(AccountKind.EXTERNAL, coin)
        if third:
            return own(AccountKind.INVENTORY, coin)
        stopped = run.state is RunState.STOPPED
        return available(run.user_id, coin) if stopped else run_account(run.id, self.desk.account, coin)

    async def _payers(
        self, run: Run | None, coin: Coin, amount: Decimal, third: bool
    ) -> list[tuple[Account, Decimal]]:
        """Return who pays how much of a later fee: the run what it has free, then the instance (FL6)."""
        asked: list[Account] = []
        if run and not third and run.state is not RunState.STOPPED:
            asked.append(run_account(run.id, self.desk.account, coin))
        if run:
            asked.append(own(AccountKind.INVENTORY, coin))
        parts = []
        for account in asked:
            part = min(amount, max(ZERO, (await self.desk.ledger.balance(account)).free))
            if part:
                parts.append((account, part))
                amount -= part
        return [*parts, (own(AccountKind.EXTERNAL, coin), amount)] if amount else parts

    async def _purse_after(self, run: Run, postings: Sequence[Posting], coin: Coin) -> Purse:
        """Return what a run and the instance have in quote when the postings so far are made."""
        quote = run.pair.quote
        purse = await self.third.purse(run.id, quote, [coin])
        run_quote, owners = run_account(run.id, self.desk.account, quote), own(AccountKind.INVENTORY, quote)
        for posting in postings:
            for end, sign in ((posting.destination, 1), (posting.source, -1)):
                purse.run += sign * posting.amount if end == run_quote else ZERO
                purse.owner += sign * posting.amount if end == owners else ZERO
        return purse

    # A trade that changed, or never was (FL8)

    async def _undo(self, booked: Booked, now: Fill | None, prices: Prices) -> None:
        """Take back all that a trade posted, and book it anew where the venue still shows it.

        What the run has promised to orders it cannot pay with: the account halts, which takes them off, and
        a later look tries again. What it has no more the instance bears: then the trade stays for its person
        as it was, and so does our fee. What would leave less there than runs claim waits, like that, too.
        """
        desk, version = self.desk, booked.version + 1
        run = await desk.runs.get(booked.run_id) if booked.run_id else None
        fill, kind = now or booked.fill, VersionKind.TRADE if now else VersionKind.BUST
        changed = Version(fill, version, kind)
        made = await desk.ledger.find_all(causes_until(desk.account, fill, booked.version))
        back = undone(made, versioned("fill_bust", desk.account, fill, version))
        again, charges = await self._again(run, now, version, prices, back) if now and run else (None, [])
        change = [each for each in (back, again) if each]
        lacks, waits = await self._lacks(run, change)
        if waits and not lacks:
            await desk.halt("fill_changed_unpaid")
            return
        try:
            async with desk.store.transaction():  # a savepoint: what cannot be booked is not noted
                if run:
                    await desk.fills.forgo_charges(run.id, fill.pair, fill.trade_id)
                await desk.fills.add_version(desk.account, changed)
                if run is None or lacks or not await self._post(run, change, charges):
                    await self._bear(run, changed, made, now)
        except Refused:
            await desk.halt("fill_changed_unpaid")
            return
        if now and now.quantity > booked.fill.quantity and run:
            await self._progress(booked, now)
        await self._tell(run, changed, booked.fill)

    async def _bear(
        self, run: Run | None, changed: Version, made: Sequence[Transfer], now: Fill | None
    ) -> None:
        """Let the instance bear what a change costs, and have somebody look when it was a run's."""
        desk, fill, version = self.desk, changed.fill, changed.version
        takes_back = versioned("fill_bust", desk.account, fill, version)
        borne = [undone(made, takes_back, instead=AccountKind.EXTERNAL)]
        if now:
            cause = versioned("fill_again", desk.account, fill, version)
            borne.append(replace(external_transfer(now, desk.account), cause=cause))
        await post_with_found(desk, [each for each in borne if each])
        if run:
            await desk.halt("fill_changed_unpaid")

    async def _again(
        self, run: Run, now: Fill, version: int, prices: Prices, back: Transfer | None
    ) -> tuple[Transfer, list[Charge]]:
        """Return the transfer that books a changed trade anew, and what its fee in a third coin costs."""
        account, payer, charges = self.desk.account, AccountKind.INVENTORY, list[Charge]()
        if has_third_coin(now):
            purse = await self._purse_after(run, back.postings if back else (), now.fee_coin)
            purse.trade(now, run)
            payer = purse.payer(now.fee_coin, now.fee)
            charges.append(charge_of(now, version, run.id, now.fee_coin, now.fee, prices, purse))
        charged = sum((charge.charged for charge in charges), ZERO)
        pocket = await pocket_for(self.desk.ledger, run, [now], [back] if back else ())
        transfer = run_transfer(now, account, run, payer, charged, shares(now, pocket))
        return replace(transfer, cause=versioned("fill_again", account, now, version)), charges

    async def _lacks(self, run: Run | None, change: Sequence[Transfer]) -> tuple[bool, bool]:
        """Tell whether a run has not what a change takes, and whether it has it but not free."""
        if run is None or run.state is RunState.STOPPED:
            return True, False
        lacks = waits = False
        for coin in (run.pair.base, run.pair.quote):
            account = run_account(run.id, self.desk.account, coin)
            there, moved = await self.desk.ledger.balance(account), net_of(change, account)
            lacks |= there.total + moved < 0
            waits |= there.free + moved < 0
        return lacks, waits

    async def _post(self, run: Run, change: Sequence[Transfer], charges: Sequence[Charge]) -> bool:
        """Post a change for a run, our fee with it; return whether the instance had its part of it too."""
        desk = self.desk
        try:
            async with desk.store.transaction():  # a savepoint: a refusal must not undo the version
                await post_with_found(desk, await with_owed(desk.ledger, change))
                await desk.fees.note(*(fee_in(transfer, run) for transfer in change))
                await desk.fills.add_charges(desk.account, charges)
        except Refused:
            return False
        return True

    async def _progress(self, booked: Booked, now: Fill) -> None:
        """Let the order know that more of it was traded than it thought."""
        desk = self.desk
        found = await desk.orders.find_by_order_ids(desk.account, now.pair, [now.order_id])
        if intent := found.get(now.order_id):
            more = replace(
                now,
                quantity=now.quantity - booked.fill.quantity,
                quote_quantity=max(ZERO, now.quote_quantity - booked.fill.quote_quantity),
            )
            await desk.write([with_fills(intent, [more])])

    async def _tell(self, run: Run | None, version: Version, before: Fill) -> None:
        """Tell the person whose run it is, and the owner, what the venue took back."""
        desk, after = self.desk, version.fill
        facts = {
            "account": desk.account,
            "pair": str(before.pair),
            "trade": before.trade_id,
            "side": str(before.side),
            "before": plain(before.quantity),
            "after": plain(ZERO if version.kind is VersionKind.BUST else after.quantity),
            "price": plain(after.price),
        }
        cause = str(versioned("trade_changed", desk.account, before, version.version))
        await desk.tell_keepers("trade_changed", cause, facts)
        if run:
            told = {**facts, "number": str(run.number)}
            by_hand = run.kind is RunKind.CONVERSION
            kind = "order_trade_changed" if by_hand else "run_trade_changed"
            await desk.notices.tell(run.user_id, kind, cause, told)

    async def _vanished(self, pair: Pair, gone: Sequence[Booked]) -> int:
        """Take back trades that the venue shows no more, once its balances agree that they never were.

        One look proves nothing: a trade must be missing for a whole look-up window. While the balances do not
        bear it out nothing is booked, and when that lasts the account stands still until a person has looked.
        """
        desk, now_s, window_s = (
            self.desk,
            self.desk.clock.monotonic(),
            self.desk.policy.unknown_lookup_window_s,
        )
        before = {key: seen for key, seen in self._missing.items() if key[0] == pair}
        others = {key: seen for key, seen in self._missing.items() if key[0] != pair}
        missing = {(pair, each.fill.trade_id): each for each in gone}
        looks = {key: before.get(key, _Missing(now_s)).again() for key in missing}
        self._missing = others | looks
        late = [
            missing[key] for key, seen in looks.items() if seen.looks > 1 and now_s - seen.since_s >= window_s
        ]
        if not late:
            return 0
        if not await self._balances_say_so(late):
            if any(seen.looks > _LOOKS and now_s - seen.since_s >= 2 * window_s for seen in looks.values()):
                async with desk.transaction():
                    await desk.halt("fill_vanished")
            return 0
        for each in late:
            async with desk.transaction():
                await self._undo(each, None, {})
        return len(late)

    async def _balances_say_so(self, gone: Sequence[Booked]) -> bool:
        """Tell whether the venue holds exactly what our books would without these trades.

        That is, of the coins they traded: of the coin that pays fees an owner may have put more there.
        """
        desk, pair = self.desk, gone[0].fill.pair
        held = await desk.exchange.balances()
        causes = [c for each in gone for c in causes_until(desk.account, each.fill, each.version)]
        made = await desk.ledger.find_all(causes)
        for coin in (pair.base, pair.quote):
            account = venue_account(desk.account, coin)
            without = (await desk.ledger.balance(account)).total - net_of(made, account)
            if held.get(coin, ZERO) != without:
                return False
        return True


def _as_known(booked: Fill, shown: Fill) -> Fill:
    """Return what is shown now, with the fee that was shown before where it is left out this time."""
    if shown.fee_known:
        return shown
    return replace(shown, fee=booked.fee, fee_coin=booked.fee_coin, fee_known=booked.fee_known)


def _same(one: Fill, other: Fill) -> bool:
    return same_trade(one, other) and same_fee(one, other)
