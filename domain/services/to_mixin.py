"""A treasury transfer from a venue account to Mixin, step by step (EX1-EX7).

Most venues pay again when they are asked again. So a withdrawal is asked for once, by the process that has
just committed that it will; whoever finds a row in ``SENDING`` asks nothing but what became of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.ledger.model import venue
from domain.money import plain
from domain.ports.chain_wallet import ChainWallet
from domain.ports.clock import Clock
from domain.ports.freezes import FreezeStore, coin_scope
from domain.ports.ledger import Ledger
from domain.ports.store import Store
from domain.ports.transfers import Arrival, TransferStore
from domain.ports.venue_funds import VenueFunds, VenueWithdrawal, WithdrawalOrder, WithdrawalStage
from domain.services.addresses import AddressService, place_at_mixin
from domain.services.transfer_matching import LOOKS_BACK, arrivals_of, spellings, withdrawals_of
from domain.services.transfer_news import TransferNews
from domain.services.transfer_rows import LATER, SOON, TransferRows
from domain.services.treasury_accounts import STALE_AFTER, TreasuryAccount, is_late, scope_of
from domain.treasury.bookings import fee_promise, given_back, left_venue, promise, reached_mixin
from domain.treasury.model import MAY_DECIDE, Decision, TransferState, TreasuryTransfer
from domain.treasury.networks import network_of

UNANSWERED_FOR = timedelta(minutes=15)
"""So long a withdrawal without an answer is looked for before a person may decide (EX2)."""

ASK_WITHIN = timedelta(seconds=10)
STALE = "stale"
ASKED_BY_HAND = "asked_by_hand"


class ToMixin:
    """Takes steps of transfers from venues."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        chains: ChainWallet,
        transfers: TransferStore,
        freezes: FreezeStore,
        addresses: AddressService,
        rows: TransferRows,
        news: TransferNews,
        accounts: Mapping[VenueAccountName, TreasuryAccount],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._chains = chains
        self._transfers = transfers
        self._freezes = freezes
        self._addresses = addresses
        self._rows = rows
        self._news = news
        self._accounts = accounts

    async def step(self, transfer: TreasuryTransfer) -> str:
        """Take one step and say what happened."""
        match transfer.state:
            case TransferState.PLANNED:
                return await self._hold(transfer)
            case TransferState.HELD if self._accounts[transfer.account].by_hand:
                return await self._await_hand(transfer)
            case TransferState.HELD:
                return await self._send(transfer)
            case TransferState.SENDING:  # a life before this one asked, or was about to
                return await self._rows.move(transfer, TransferState.UNKNOWN, transfer.state)
            case TransferState.UNKNOWN:
                return await self._look_up(transfer)
            case _:
                return await self._follow(transfer)

    # Before anything leaves.

    async def _hold(self, transfer: TreasuryTransfer) -> str:
        """Promise what a plan takes once address and fee are as agreed to, or void it (TX1, TX5)."""
        if self._clock.now() - transfer.created_at > STALE_AFTER:
            return await self._void(transfer, STALE, held=False)
        try:
            await self._check_address(transfer)
            await self._check_terms(transfer)
            async with self._store.transaction():
                await self._ledger.hold(promise(transfer))
                if fee := fee_promise(transfer, transfer.token.coin):
                    await self._ledger.hold(fee)
                return await self._rows.move(transfer, TransferState.HELD, transfer.state)
        except Refused as error:
            return await self._void(transfer, error.code, held=False)

    async def _send(self, transfer: TreasuryTransfer) -> str:
        """Ask the venue, once, after everything has been looked at again (EX1).

        A no to the first time of asking is believed. A no after a person had it asked for again is not: what
        the first time was about may be why.
        """
        if self._clock.now() - transfer.created_at > STALE_AFTER and transfer.attempts == 0:
            return await self._void(transfer, STALE, held=True)
        if reason := await self._frozen(transfer):
            return await self._rows.stay(transfer, f"frozen by {reason}")
        try:
            await self._check_address(transfer)
        except Refused as error:
            return await self._void(transfer, error.code, held=True)
        funds, coin = self._funds(transfer), transfer.token.coin
        if made := await self._made(transfer):
            return await self._found(transfer, made)
        holdings = await funds.holdings(coin)
        if funds.two_wallets and holdings.funding < transfer.leaves:
            await funds.to_funding(coin, transfer.leaves - holdings.funding, transfer.client_id)
            return await self._rows.stay(transfer, "it is brought to the funding wallet", SOON)
        now = self._clock.now()
        asked = replace(transfer, gap=await self._gap(transfer, holdings.total), sent_at=now)
        await self._rows.move(asked, TransferState.SENDING, transfer.state)
        order = WithdrawalOrder(transfer.client_id, coin, transfer.to, transfer.amount)
        sending = replace(asked, state=TransferState.SENDING)
        try:
            sent_as = await funds.withdraw(order, now + ASK_WITHIN)
        except Refused as error:
            if transfer.attempts == 0:
                return await self._void(sending, error.code, held=True)
            return await self._rows.move(sending, TransferState.UNKNOWN, sending.state)
        except (OutcomeUnknown, Unavailable):
            return await self._rows.move(sending, TransferState.UNKNOWN, sending.state)
        return await self._rows.move(replace(sending, sent_as=sent_as), TransferState.SENT, sending.state)

    async def _await_hand(self, transfer: TreasuryTransfer) -> str:
        """Ask a person to withdraw, once, and look whether somebody has."""
        if made := await self._made(transfer):
            return await self._found(transfer, made)
        if transfer.decision == Decision.GIVE_UP:
            return await self._void(transfer, Decision.GIVE_UP, held=True)
        if transfer.decision == Decision.DONE_BY_HAND:
            return await self._rows.move(transfer, TransferState.SENDING, transfer.state)
        if transfer.reason == ASKED_BY_HAND:
            return await self._rows.stay(transfer, "a person is to withdraw it")
        if reason := await self._frozen(transfer):
            return await self._rows.stay(transfer, f"frozen by {reason}")
        await self._check_address(transfer)
        async with self._store.transaction():
            to = {"address": transfer.to.address, "tag": transfer.to.tag, "code": transfer.to.network}
            await self._news.tell("transfer_by_hand", transfer, **to)
            asked = replace(transfer, reason=ASKED_BY_HAND, sent_at=self._clock.now())
            return await self._rows.stay(asked, "a person is asked to withdraw it")

    async def _void(self, transfer: TreasuryTransfer, reason: str, *, held: bool) -> str:
        """End what has definitely not left."""
        async with self._store.transaction():
            if held:
                await self._release(transfer)
            await self._news.void(transfer, reason)
            voided = replace(transfer, reason=reason)
            return f"{await self._rows.move(voided, TransferState.VOID, transfer.state)}: {reason}"

    async def _release(self, transfer: TreasuryTransfer) -> None:
        await self._ledger.release(transfer.cause)
        if transfer.fee:
            await self._ledger.release(transfer.fee_cause)

    # Without an answer.

    async def _look_up(self, transfer: TreasuryTransfer) -> str:
        """Look a withdrawal up in what the venue lists; only a person may end the search (EX2)."""
        if made := await self._made(transfer):
            return await self._found(transfer, made)
        if transfer.reason == MAY_DECIDE:
            return await self._decided(transfer)
        asked_at = transfer.sent_at or transfer.created_at
        if self._clock.now() - asked_at <= UNANSWERED_FOR:
            return await self._rows.stay(transfer, "the venue lists none yet", SOON)
        if not await self._unchanged(transfer):
            async with self._store.transaction():
                await self._news.tell("transfer_unlisted", transfer)
                return await self._rows.stay(transfer, "not listed, but the balance is not what it was")
        async with self._store.transaction():
            await self._news.tell("transfer_unanswered", transfer)
            return await self._rows.stay(replace(transfer, reason=MAY_DECIDE), "a person is to decide")

    async def _decided(self, transfer: TreasuryTransfer) -> str:
        """Do what a person has decided, if the venue still shows nothing of it."""
        if transfer.decision not in (Decision.RESEND, Decision.GIVE_UP):
            return await self._rows.stay(transfer, "a person is to decide")
        if not await self._unchanged(transfer):
            again = replace(transfer, reason="")
            return await self._rows.stay(again, "the balance is not what it was: nothing is done")
        if transfer.decision == Decision.GIVE_UP:
            return await self._void(transfer, Decision.GIVE_UP, held=True)
        again = replace(transfer, attempts=transfer.attempts + 1, reason="")
        return await self._rows.move(again, TransferState.HELD, transfer.state)

    async def _unchanged(self, transfer: TreasuryTransfer) -> bool:
        """Tell whether the venue holds exactly as much beyond our books as when it was asked."""
        holdings = await self._funds(transfer).holdings(transfer.token.coin)
        return await self._gap(transfer, holdings.total) == transfer.gap

    async def _gap(self, transfer: TreasuryTransfer, holds: Decimal) -> Decimal:
        booked = await self._ledger.balance(venue(transfer.account, transfer.token.coin))
        return holds - booked.total

    async def _made(self, transfer: TreasuryTransfer) -> Sequence[VenueWithdrawal]:
        since = min(transfer.sent_at or transfer.created_at, transfer.created_at) - LOOKS_BACK
        return withdrawals_of(
            transfer, await self._funds(transfer).withdrawals_since(transfer.token.coin, since)
        )

    async def _found(self, transfer: TreasuryTransfer, made: Sequence[VenueWithdrawal]) -> str:
        """Go on with the one withdrawal that the venue lists; with more than one, stop (EX3)."""
        if len(made) > 1:
            return await self._stop(transfer, made)
        sent = replace(transfer, sent_as=made[0].withdrawal_id, reason="")
        if transfer.sent_at is None:
            sent = replace(sent, sent_at=made[0].created_at)
        return await self._rows.move(sent, TransferState.SENT, transfer.state)

    async def _stop(self, transfer: TreasuryTransfer, made: Sequence[VenueWithdrawal]) -> str:
        async with self._store.transaction():
            now, scope = self._clock.now(), scope_of(transfer.account)
            found = " ".join(sorted(one.withdrawal_id for one in made))
            why = f"withdrawn_twice:{transfer.id}:{len(made)}"
            if not await self._freezes.looked_at(scope, why):
                await self._freezes.freeze(scope, why, now)
                await self._news.tell("transfer_twice", transfer, count=str(len(made)), found=found)
        return await self._rows.stay(transfer, f"the venue lists {len(made)} of it")

    # From here on the venue has accepted it.

    async def _follow(self, transfer: TreasuryTransfer) -> str:
        made = await self._made(transfer)
        if len(made) > 1 and transfer.arrives is None:
            return await self._stop(transfer, made)
        if not made:
            return await self._wait(transfer, "the venue does not list it")
        if len(made) > 1:
            await self._stop(transfer, made)
        one = next((each for each in made if each.withdrawal_id == transfer.sent_as), made[0])
        return await self._go_on(transfer, one)

    async def _go_on(self, transfer: TreasuryTransfer, one: VenueWithdrawal) -> str:
        """Take the step that what the venue says of a withdrawal allows."""
        if one.stage is WithdrawalStage.CANCELLED:
            return await self._give_back(transfer)
        if transfer.arrives is None:
            return await self._depart(transfer, one)
        if one.chain_hash and not transfer.chain_hash:
            carried = replace(transfer, chain_hash=one.chain_hash)
            if transfer.state is TransferState.STUCK:
                return await self._rows.stay(carried, "a chain carries it now", SOON)
            return await self._rows.move(carried, TransferState.ON_CHAIN, transfer.state)
        if transfer.arrived is not None:
            return await self._rows.stay(transfer, "less has arrived than can be explained")
        if transfer.chain_hash:
            return await self._arrive(transfer)
        return await self._await_venue(transfer, one)

    async def _await_venue(self, transfer: TreasuryTransfer, one: VenueWithdrawal) -> str:
        """Wait for the venue, and say once when it waits for somebody itself (EX4)."""
        if one.stage is WithdrawalStage.REVIEW and transfer.state is TransferState.SENT:
            async with self._store.transaction():
                await self._news.tell("transfer_in_review", transfer)
                return await self._rows.move(transfer, TransferState.AWAITING_VENUE, transfer.state)
        if one.stage is WithdrawalStage.UNDER_WAY and transfer.state is TransferState.AWAITING_VENUE:
            return await self._rows.move(transfer, TransferState.SENT, transfer.state)
        return await self._wait(transfer, f"the venue says {one.stage}")

    async def _depart(self, transfer: TreasuryTransfer, one: VenueWithdrawal) -> str:
        """Book what the venue says has left: what the chain carries, and the fee it really took (EX5)."""
        try:
            async with self._store.transaction():
                await self._release(transfer)
                await self._ledger.post(left_venue(transfer, one.arrives, one.fee))
                gone = replace(transfer, arrives=one.arrives, fee=one.fee, sent_as=one.withdrawal_id)
                return await self._rows.stay(gone, "it has left the account", timedelta(0))
        except Refused as error:
            return await self._wait(transfer, f"cannot be booked: {error.code}")

    async def _give_back(self, transfer: TreasuryTransfer) -> str:
        """Book what a venue gives back (EX7); what a chain carries cannot be given back."""
        if transfer.chain_hash:
            async with self._store.transaction():
                why, now = f"cancelled_on_chain:{transfer.id}", self._clock.now()
                await self._freezes.freeze(scope_of(transfer.account), why, now)
                await self._news.tell("transfer_went_back", transfer, stage=WithdrawalStage.CANCELLED)
            return await self._rows.stay(transfer, "the venue cancels what a chain carries")
        async with self._store.transaction():
            if transfer.arrives is None:
                await self._release(transfer)
            else:
                await self._ledger.post(given_back(transfer, transfer.arrives, transfer.fee))
            await self._news.tell("transfer_returned", transfer)
            return await self._rows.move(transfer, TransferState.RETURNED, transfer.state)

    async def _arrive(self, transfer: TreasuryTransfer) -> str:
        """Credit the output that came by the chain's hash, whatever its amount (EX6)."""
        assert transfer.arrives is not None
        async with self._store.transaction():
            hashes = spellings(transfer.chain_hash)
            listed = await self._transfers.arrivals(transfer.token.asset_id, hashes)
            found = arrivals_of(transfer.arrives, listed)
            if len(found) == 1:
                return await self._credit(transfer, found[0], transfer.arrives)
        why = "several outputs came by its hash" if found else "it has not reached Mixin yet"
        return await self._wait(transfer, why)

    async def _credit(self, transfer: TreasuryTransfer, arrival: Arrival, carried: Decimal) -> str:
        done = replace(transfer, arrived=min(arrival.amount, carried))
        await self._transfers.take_arrival(arrival.output_id, transfer.id)
        await self._ledger.post(reached_mixin(transfer, arrival.amount, carried))
        if done.short:
            await self._news.tell("transfer_short", transfer, missing=plain(done.short))
            if transfer.state is TransferState.STUCK:
                return await self._rows.stay(done, "less has arrived than can be explained")
            return await self._rows.move(done, TransferState.STUCK, transfer.state)
        if arrival.amount > carried:
            await self._news.tell("transfer_over", transfer, extra=plain(arrival.amount - carried))
        await self._addresses.proven(
            place_at_mixin(transfer.token.coin, network_of(transfer.token.network)), transfer.to
        )
        return await self._rows.move(done, TransferState.CREDITED, transfer.state)

    async def _wait(self, transfer: TreasuryTransfer, why: str) -> str:
        """Wait on; when that lasts longer than its network ever takes, say so once (TX6)."""
        if transfer.state is TransferState.STUCK or not is_late(transfer, self._clock.now()):
            return await self._rows.stay(transfer, why, LATER)
        async with self._store.transaction():
            await self._news.tell("transfer_stuck", transfer, reason=why)
            return await self._rows.move(replace(transfer, reason=why), TransferState.STUCK, transfer.state)

    # Parts of steps.

    def _funds(self, transfer: TreasuryTransfer) -> VenueFunds:
        return self._accounts[transfer.account].funds

    async def _frozen(self, transfer: TreasuryTransfer) -> str:
        """Return why nothing of this account or coin is to be asked for, or an empty text (WI1)."""
        return await self._freezes.frozen(scope_of(transfer.account), coin_scope(transfer.token.coin))

    async def _check_terms(self, transfer: TreasuryTransfer) -> None:
        """Compare what the venue asks now with what was agreed to (TX5).

        Raises:
            Refused: ``network_closed``, ``fee_changed``.
        """
        terms = await self._funds(transfer).terms(transfer.token.coin, transfer.to.network)
        if not terms.withdrawals:
            raise Refused("network_closed")
        if terms.fee > transfer.fee or terms.fee_inside != transfer.fee_inside:
            raise Refused("fee_changed")

    async def _check_address(self, transfer: TreasuryTransfer) -> None:
        """Compare Mixin's deposit address with the one that was approved, and with the plan's (TX2).

        Raises:
            Refused: it differs, or is not approved.
        """
        network = network_of(transfer.token.network)
        said = await self._chains.deposit_address(transfer.token.asset_id, network.chain_id)
        entry = await self._addresses.check(
            place_at_mixin(transfer.token.coin, network), said, transfer.account
        )
        if (entry.said.address, entry.said.tag) != (transfer.to.address, transfer.to.tag):
            raise Refused("address_replaced")
