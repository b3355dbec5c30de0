"""Money coming in: links to pay by, and the one path on which an output becomes somebody's claim."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from domain.errors import InvariantBroken, Refused, Unavailable
from domain.fees import (
    SHOWN_FOR,
    FeeKind,
    ServiceFee,
    fair_deposit_rate,
    fee_on,
    in_force,
    lowest_rate,
    rate_of,
    service_fee,
)
from domain.ids import AssetId, Ids, UserId, request_id
from domain.ledger.model import Cause
from domain.money import ZERO, Token, plain, round_down
from domain.ports.clock import Clock
from domain.ports.deposits import Classified, DepositIntent, DepositStore, OutputKind, SmallChange
from domain.ports.fees import FeeStore
from domain.ports.freezes import NEW, FreezeStore
from domain.ports.ledger import Ledger
from domain.ports.notices import Notices
from domain.ports.roles import RoleStore
from domain.ports.store import Store
from domain.ports.wallet import SendState, Wallet, WalletOutput
from domain.services.incoming import (
    ADDED_UP,
    BELOW_MINIMUM,
    OLDER_THAN_BOOKS,
    Known,
    added_up,
    arriving,
    booking,
    changed,
    classify,
    from_pending,
)
from domain.services.tokens import ApprovedToken

PAGE = 500
OVERLAP = 20
"""So many of the latest outputs are read again each time, to notice late and altered ones."""

DEEP_OVERLAP = 2_000
DEEP_EVERY_S = 60.0
"""From time to time more of them: an output may show up late behind a flood of others."""

PAY_MEMO = "deposit"

FRESH = timedelta(minutes=10)
"""Of older outputs nobody asks whether they are final: Mixin takes a second."""

PATIENCE = timedelta(minutes=1)
MOST_WAITING = 100


class DepositService:
    """Deposits: what may be paid in, and what has been."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        wallet: Wallet,
        notices: Notices,
        clock: Clock,
        ids: Ids,
        deposits: DepositStore,
        freezes: FreezeStore,
        fees: FeeStore,
        known: Known,
        roles: RoleStore,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._wallet = wallet
        self._notices = notices
        self._clock = clock
        self._ids = ids
        self._deposits = deposits
        self._freezes = freezes
        self._fees = fees
        self._known = known
        self._roles = roles
        self._deep_at: float | None = None

    def choices(self) -> list[Token]:
        """Return what may be paid in."""
        return self._known.tokens.list()

    def minimum(self, token: Token) -> Decimal:
        """Return the smallest deposit that is credited."""
        return self._known.tokens.get(token.asset_id).least_deposit

    async def open(self, user_id: UserId, asset_id: AssetId, amount: Decimal) -> DepositIntent:
        """Return a fresh intent with a link that can be paid once, at the rate in force now.

        Raises:
            Refused: ``token_unknown``, ``amount_not_positive``, ``amount_too_precise`` or
                ``amount_too_small``; ``nothing_new_begins``.
        """
        if await self._freezes.among([NEW]):
            raise Refused("nothing_new_begins")
        approved = self._known.tokens.get(asset_id)
        if not amount.is_finite() or amount <= 0:
            raise Refused("amount_not_positive")
        if amount != round_down(amount):
            raise Refused("amount_too_precise", places=8)
        if amount < approved.least_deposit:
            raise Refused("amount_too_small", minimum=plain(approved.least_deposit))
        intent_id = self._ids.new_id()
        trace = request_id("deposit", intent_id)
        link = await self._wallet.pay_link(asset_id, amount, trace, PAY_MEMO)
        now = self._clock.now()
        version = in_force(await self._fees.schedules(), now).version
        intent = DepositIntent(intent_id, user_id, approved.token, amount, trace, link, now, version)
        async with self._store.transaction():
            await self._deposits.add_intent(intent)
        return intent

    async def fee_of(self, intent: DepositIntent) -> Decimal:
        """Return what an intent costs when it is paid within a day."""
        rate = rate_of(await self._fees.schedules(), intent.fee_version, FeeKind.DEPOSIT)
        return fee_on(FeeKind.DEPOSIT, intent.amount, rate)

    async def collect(self) -> str:
        """Book every output that is new at Mixin, each in a transaction of its own; say how many.

        The cursor moves in the commit of each output, so a crash anywhere leaves no gap (DP1, DP2).

        Raises:
            InvariantBroken: ``output_changed``: Mixin tells another story of a known output. What was
                booked stays, payouts of that asset stop, and the others go on.
        """
        now_s = self._clock.monotonic()
        deep = self._deep_at is None or now_s - self._deep_at >= DEEP_EVERY_S
        cursor = await self._deposits.cursor(DEEP_OVERLAP if deep else OVERLAP)
        booked, altered = 0, list[str]()
        while True:
            page = sorted(await self._wallet.outputs_from(cursor, PAGE), key=lambda o: o.sequence)
            for classified in await self._new_of(page, altered):
                booked += await self._book(classified, final=await self._final_at_sight(classified))
            if len(page) < PAGE or page[-1].sequence <= cursor:
                break
            cursor = page[-1].sequence
        self._deep_at = now_s if deep else self._deep_at
        if altered:
            raise InvariantBroken("output_changed", output_ids=",".join(altered))
        said = f"booked {booked} outputs" if booked else "no new output"
        return said + await self._finish()

    async def _final_at_sight(self, classified: Classified) -> bool:
        """Tell whether a deposit may be spent at once; what was made long ago and is listed may (DP9)."""
        output = classified.output
        if classified.kind is not OutputKind.DEPOSIT or self._clock.now() - output.created_at > FRESH:
            return True
        return await self._final(output)

    async def _final(self, output: WalletOutput) -> bool:
        """Tell whether Mixin says that a payer's transaction is final; what it does not show us, it lists.

        Without an answer it is not: the next round asks again.
        """
        try:
            sent = await self._wallet.find(output.request_id)
        except Unavailable:
            return False
        if sent is None:
            return True
        return sent.state is SendState.SPENT and sent.transaction_hash == output.transaction_hash

    async def _finish(self) -> str:
        """Make spendable what has become final since it was seen; say how many did and how many wait."""
        waiting = await self._deposits.not_final(MOST_WAITING)
        arrived = 0
        for deposit in waiting:
            if self._known.tokens.find(deposit.output.asset_id) is None:
                continue  # taken off the list meanwhile: it stays the person's, and waits for the owner
            if await self._final(deposit.output):
                arrived += await self._arrive(deposit.output)
            elif self._clock.now() - deposit.seen_at > PATIENCE:
                await self._say_that_it_takes_long(deposit.output)
        return f", {arrived} of {len(waiting)} became final" if waiting else ""

    async def _arrive(self, output: WalletOutput) -> bool:
        """Credit what was seen before it was final; return ``False`` when somebody else just did."""
        approved = self._known.tokens.get(output.asset_id)
        async with self._store.transaction():
            if not await self._deposits.is_final(output.output_id):
                return False
            await self._credit(output, approved.token, seen=True)
        return True

    async def _say_that_it_takes_long(self, output: WalletOutput) -> None:
        approved = self._known.tokens.get(output.asset_id)
        async with self._store.transaction():
            await self._tell("deposit_arriving", output, approved.token)

    async def _new_of(self, page: Sequence[WalletOutput], altered: list[str]) -> list[Classified]:
        """Return the outputs that are not stored yet; compare those that are (DP5)."""
        stored = await self._deposits.hashes([o.output_id for o in page])
        for output in page:
            known = stored.get(output.output_id, output.immutable_hash)
            if changed(known, output.immutable_hash) and await self._freeze(output):
                altered.append(output.output_id)
        owner = await self._roles.owner()
        return [classify(o, self._known, owner) for o in page if o.output_id not in stored]

    async def _freeze(self, output: WalletOutput) -> bool:
        """Stop payouts of an asset whose outputs change under us; return whether they ran before.

        What a person has looked at and let go on stops nothing again, unless it changes once more.
        """
        async with self._store.transaction():
            now = self._clock.now()
            why = f"output_changed:{output.output_id}:{output.immutable_hash[-16:]}"
            seen = await self._freezes.looked_at(output.asset_id, why)
            stopped = not seen and await self._freezes.freeze(output.asset_id, why, now)
            if stopped and (owner := await self._roles.owner()):
                told = {"scope": output.asset_id, "reason": why}
                await self._notices.tell(owner, "payouts_frozen", f"{why}:{now.isoformat()}", told)
            return stopped

    async def _book(self, classified: Classified, *, final: bool) -> bool:
        """Store, post and tell in one commit; return ``False`` when somebody else just did."""
        output = classified.output
        approved = self._known.tokens.find(output.asset_id)
        async with self._store.transaction():
            before = SmallChange(ZERO, None)
            if output.sender and classified.reason == BELOW_MINIMUM:  # locks before it books, as refunds do
                before = await self._deposits.small_change(output.sender, output.asset_id)
            if not await self._deposits.add_output(classified, self._clock.now()):
                return False
            if approved and not final:
                await self._deposits.await_final(output, self._clock.now())
                await self._ledger.post(arriving(output, approved.token))
                return True
            if approved and classified.kind is OutputKind.DEPOSIT:
                await self._credit(output, approved.token)
            elif approved and (transfer := booking(classified, approved.token)):
                await self._ledger.post(transfer)
            if approved and classified.kind is OutputKind.FLOAT:
                await self._tell("float_added", output, approved.token)
            elif approved and output.sender and classified.reason == BELOW_MINIMUM:
                await self._add_up(output, approved, before)
            elif classified.kept and output.sender and classified.reason != OLDER_THAN_BOOKS:
                await self._tell_unwanted(output, classified.reason)
        return True

    async def _add_up(self, output: WalletOutput, approved: ApprovedToken, before: SmallChange) -> None:
        """Credit small payments once their sum is a deposit; until then they can be asked back.

        The fee is the lowest that held since the first of them: none becomes dearer by waiting (FE2).
        """
        assert output.sender is not None
        token, total = approved.token, before.amount + output.amount
        if total >= approved.least_deposit:
            paid = {output.created_at, before.since or output.created_at}
            schedules = await self._fees.schedules()
            rate = lowest_rate(schedules, FeeKind.DEPOSIT, min(paid), max(paid))
            cause = Cause(ADDED_UP, output.output_id)
            fee = service_fee(FeeKind.DEPOSIT, cause, rate, output.sender, token.coin, total)
            await self._deposits.add_up(output.sender, token.asset_id, output.output_id)
            await self._ledger.post(added_up(output, token, total, fee))
            await self._fees.note(fee)
            told = _told(token, total, fee)
            await self._notices.tell(output.sender, "deposit_added_up", output.output_id, told)
        else:
            hour = f"small:{token.asset_id}:{self._clock.now():%Y-%m-%dT%H}"
            small = {**_told(token, total), "minimum": plain(approved.least_deposit)}
            await self._notices.tell(output.sender, "payment_small", hour, small)

    async def _credit(self, output: WalletOutput, token: Token, *, seen: bool = False) -> None:
        """Book a deposit less its fee, note the fee, and tell the person both; ``seen``: it was arriving."""
        fee = await self._fee(output, token)
        deposit = booking(Classified(output, OutputKind.DEPOSIT), token, fee)
        assert deposit is not None
        await self._ledger.post(from_pending(deposit, output, token) if seen else deposit)
        await self._fees.note(fee)
        await self._tell("deposit_credited", output, token, fee)

    async def _fee(self, output: WalletOutput, token: Token) -> ServiceFee | None:
        """Return what a deposit costs: by the schedule of the moment it was paid, not of its booking.

        Who pays the link they were shown, as it is and within a day, pays no more than was shown.
        """
        assert output.sender is not None
        schedules = await self._fees.schedules()
        standing = in_force(schedules, output.created_at).rate(FeeKind.DEPOSIT)
        intent, shown = await self._deposits.pay_intent(output.request_id, output.output_id), None
        if intent and _is_as_shown(intent, output):
            shown = rate_of(schedules, intent.fee_version, FeeKind.DEPOSIT)
        rate, cause = fair_deposit_rate(shown, standing), Cause(OutputKind.DEPOSIT, output.output_id)
        return service_fee(FeeKind.DEPOSIT, cause, rate, output.sender, token.coin, output.amount)

    async def _tell(
        self, kind: str, output: WalletOutput, token: Token, fee: ServiceFee | None = None
    ) -> None:
        assert output.sender is not None
        await self._notices.tell(output.sender, kind, output.output_id, _told(token, output.amount, fee))

    async def _tell_unwanted(self, output: WalletOutput, reason: str) -> None:
        assert output.sender is not None
        params = {"asset_id": output.asset_id, "amount": plain(output.amount), "reason": reason}
        await self._notices.tell(output.sender, "payment_unwanted", output.output_id, params)


def _told(token: Token, amount: Decimal, fee: ServiceFee | None = None) -> dict[str, str]:
    """Return what came in as plain facts to tell; with a fee, that and what is left."""
    told = {"coin": token.coin, "network": token.network, "amount": plain(amount)}
    return told if fee is None else {**told, "fee": plain(fee.amount), "receives": plain(amount - fee.amount)}


def _is_as_shown(intent: DepositIntent, output: WalletOutput) -> bool:
    """Tell whether an output is its sender's own intent, paid as it was shown and while that holds."""
    paid = (output.sender, output.asset_id, output.amount)
    in_time = output.created_at - intent.created_at <= SHOWN_FOR
    return in_time and paid == (intent.user_id, intent.token.asset_id, intent.amount)
