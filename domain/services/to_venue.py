"""A treasury transfer from Mixin to a venue account, step by step (TX1-TX9).

What leaves Mixin is a payout and walks a payout's states; the transfer follows it, and takes over when Mixin
has released the coins: until a chain carries them, the venue sees them, and the venue has credited them.
"""

from collections.abc import Mapping
from dataclasses import replace

from domain.errors import OutcomeUnknown, Refused
from domain.ids import Ids, UserId, VenueAccountName, WithdrawalId
from domain.money import ZERO, plain
from domain.payouts.model import OPEN_TO_CANCEL, Payout, PayoutState, Purpose
from domain.payouts.onward import NetworkFee, Onward
from domain.ports.chain_wallet import ChainWallet
from domain.ports.clock import Clock
from domain.ports.freezes import FreezeStore, coin_scope
from domain.ports.ledger import Ledger
from domain.ports.store import Store
from domain.ports.venue_funds import DepositStage, VenueDeposit
from domain.ports.wallet import Wallet
from domain.ports.withdrawals import PayoutStore
from domain.services.addresses import AddressService, place_at_venue
from domain.services.onward import OnwardPayments
from domain.services.transfer_matching import LOOKS_BACK, deposits_of
from domain.services.transfer_news import TransferNews
from domain.services.transfer_rows import SOON, TransferRows
from domain.services.treasury_accounts import STALE_AFTER, TreasuryAccount, is_late, scope_of
from domain.treasury.bookings import reached_venue
from domain.treasury.model import TransferState, TreasuryTransfer
from domain.treasury.networks import network_of

STALE = "stale"
FEE_CHANGED = "fee_changed"


class ToVenue:
    """Takes steps of transfers to venues."""

    def __init__(
        self,
        store: Store,
        ledger: Ledger,
        clock: Clock,
        ids: Ids,
        bot: UserId,
        wallet: Wallet,
        chains: ChainWallet,
        payouts: PayoutStore,
        freezes: FreezeStore,
        onward: OnwardPayments,
        addresses: AddressService,
        rows: TransferRows,
        news: TransferNews,
        accounts: Mapping[VenueAccountName, TreasuryAccount],
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._bot = bot
        self._wallet = wallet
        self._chains = chains
        self._payouts = payouts
        self._freezes = freezes
        self._onward = onward
        self._addresses = addresses
        self._rows = rows
        self._news = news
        self._accounts = accounts

    async def step(self, transfer: TreasuryTransfer) -> str:
        """Take one step and say what happened."""
        match transfer.state:
            case TransferState.PLANNED:
                return await self._begin(transfer)
            case TransferState.HELD | TransferState.SENDING:
                return await self._rows.stay(transfer, "its payout is under way", SOON)
            case _:
                return await self._follow(transfer)

    async def _begin(self, transfer: TreasuryTransfer) -> str:
        """Hand a plan to the payouts once its address and fee are what was agreed to, or void it."""
        payout = await self._payout(transfer)
        if self._clock.now() - transfer.created_at > STALE_AFTER:
            return await self._void(transfer, payout, STALE)
        scopes = (scope_of(transfer.account), coin_scope(transfer.token.coin))
        if payout is None and (reason := await self._freezes.frozen(*scopes)):
            return await self._rows.stay(transfer, f"frozen by {reason}")
        if payout is not None:
            return await self._rows.stay(transfer, "its payout waits for its turn", SOON)
        account = self._accounts[transfer.account]
        network = network_of(transfer.token.network)
        place = place_at_venue(transfer.account, account.venue, transfer.token.coin, network)
        said = await account.funds.deposit_address(place.coin, place.code)
        try:
            entry = await self._addresses.check(place, said, transfer.account)
        except Refused as error:
            return await self._void(transfer, None, error.code)
        if (entry.said.address, entry.said.tag) != (transfer.to.address, transfer.to.tag):
            return await self._void(transfer, None, "address_replaced")
        quoted = await self._chains.network_fees(transfer.token.asset_id, transfer.to)
        fee = next((one for one in quoted if one.asset_id == transfer.fee_asset), None)
        if fee is None or fee.amount > transfer.fee:
            return await self._void(transfer, None, FEE_CHANGED)
        return await self._hand_over(transfer)

    async def _hand_over(self, transfer: TreasuryTransfer) -> str:
        now = self._clock.now()
        payout = Payout(
            id=WithdrawalId(transfer.id),
            request_id=self._ids.new_id(),
            purpose=Purpose.TRANSFER,
            receiver=self._bot,
            token=transfer.token,
            amount=transfer.amount,
            fee=ZERO,
            state=PayoutState.REQUESTED,
            created_at=now,
            due_at=now,
            onward=Onward(transfer.to, NetworkFee(transfer.fee_asset, transfer.fee)),
        )
        try:
            async with self._store.transaction():
                await self._onward.promise_fee(transfer)
                await self._payouts.add(payout)
                await self._rows.stay(transfer, "", SOON)
        except Refused as error:
            return await self._void(transfer, None, error.code)
        return "is handed to the payouts"

    async def _void(self, transfer: TreasuryTransfer, payout: Payout | None, reason: str) -> str:
        """End a plan of which nothing is reserved; its payout, if any, ends in the same commit."""
        async with self._store.transaction():
            if payout is None:
                voided = replace(transfer, reason=reason)
                await self._rows.move(voided, TransferState.VOID, transfer.state)
            else:
                gone = replace(payout, state=PayoutState.CANCELLED, reason=reason)
                if payout.state not in OPEN_TO_CANCEL or not await self._payouts.save(gone, payout.state):
                    return await self._rows.stay(transfer, "its payout is under way", SOON)
                await self._onward.follow(gone)
            await self._news.void(transfer, reason)
        return f"is void: {reason}"

    async def _payout(self, transfer: TreasuryTransfer) -> Payout | None:
        try:
            return await self._payouts.get(WithdrawalId(transfer.id))
        except Refused:
            return None

    # From here on Mixin has released the coins.

    async def _follow(self, transfer: TreasuryTransfer) -> str:
        if not transfer.chain_hash:
            sent = await self._wallet.find(transfer.sent_as)
            if sent is None or not sent.chain_hash:
                return await self._wait(transfer, "no chain carries it yet")
            carried = replace(transfer, chain_hash=sent.chain_hash)
            if transfer.state is TransferState.STUCK:
                return await self._rows.stay(carried, "a chain carries it now", SOON)
            return await self._rows.move(carried, TransferState.ON_CHAIN, transfer.state)
        if transfer.arrived is not None:
            return await self._rows.stay(transfer, "less has arrived than can be explained")
        funds = self._accounts[transfer.account].funds
        since = (transfer.sent_at or transfer.created_at) - LOOKS_BACK
        found = deposits_of(transfer, await funds.deposits_since(transfer.token.coin, since))
        if len(found) > 1:
            return await self._wait(transfer, "the venue lists several deposits of its hash")
        if not found:
            return await self._wait(transfer, "the venue has not seen it yet")
        return await self._arrive(transfer, found[0])

    async def _arrive(self, transfer: TreasuryTransfer, deposit: VenueDeposit) -> str:
        if deposit.stage is not DepositStage.CREDITED:
            if transfer.state is TransferState.ON_CHAIN:
                return await self._rows.move(transfer, TransferState.SEEN, transfer.state)
            return await self._wait(transfer, f"the venue says {deposit.stage}")
        if not await self._in_trading(transfer, deposit):
            return await self._wait(transfer, "it is being moved to the trading wallet")
        return await self._credit(transfer, deposit)

    async def _in_trading(self, transfer: TreasuryTransfer, deposit: VenueDeposit) -> bool:
        """Tell whether the coins can be traded with; at a venue with two wallets move them there first.

        A repeat moves nothing that is not in the funding wallet, so it needs no answer to be believed (TX7).
        """
        funds, coin = self._accounts[transfer.account].funds, transfer.token.coin
        if not funds.two_wallets or (await funds.holdings(coin)).funding < deposit.amount:
            return True
        try:
            await funds.to_trading(coin, deposit.amount, transfer.client_id)
        except (OutcomeUnknown, Refused):
            return False
        return (await funds.holdings(coin)).funding < deposit.amount

    async def _credit(self, transfer: TreasuryTransfer, deposit: VenueDeposit) -> str:
        """Book what the venue credited and the fee that explains a difference; tell what nothing explains."""
        arrived = min(deposit.amount + deposit.fee, transfer.amount)
        done = replace(transfer, arrived=arrived)
        extra = deposit.amount - transfer.amount
        async with self._store.transaction():
            await self._ledger.post(reached_venue(transfer, deposit.amount, deposit.fee))
            if done.short:
                if transfer.state is TransferState.STUCK:
                    said = await self._rows.stay(done, "less has arrived than can be explained")
                else:
                    said = await self._rows.move(done, TransferState.STUCK, transfer.state)
                await self._news.tell("transfer_short", transfer, missing=plain(done.short))
                return said
            if extra > 0:
                await self._news.tell("transfer_over", transfer, extra=plain(extra))
            account = self._accounts[transfer.account]
            network = network_of(transfer.token.network)
            await self._addresses.proven(
                place_at_venue(transfer.account, account.venue, transfer.token.coin, network), transfer.to
            )
            return await self._rows.move(done, TransferState.CREDITED, transfer.state)

    async def _wait(self, transfer: TreasuryTransfer, why: str) -> str:
        """Wait on; when that lasts longer than its network ever takes, say so once (TX6)."""
        if transfer.state is TransferState.STUCK or not is_late(transfer, self._clock.now()):
            return await self._rows.stay(transfer, why)
        async with self._store.transaction():
            await self._news.tell("transfer_stuck", transfer, reason=why)
            return await self._rows.move(replace(transfer, reason=why), TransferState.STUCK, transfer.state)

    async def look_again(self, transfer: TreasuryTransfer) -> str:
        """Compare a credited deposit with what the venue lists now: what went back is told (TX8)."""
        funds = self._accounts[transfer.account].funds
        since = (transfer.sent_at or transfer.created_at) - LOOKS_BACK
        listed = await funds.deposits_since(transfer.token.coin, since)
        stages = {one.stage for one in deposits_of(transfer, listed)}
        if stages == {DepositStage.CREDITED}:
            return ""
        async with self._store.transaction():
            now, why = self._clock.now(), f"deposit_went_back:{transfer.id}"
            scope = scope_of(transfer.account)
            if await self._freezes.looked_at(scope, why):
                return ""
            await self._freezes.freeze(scope, why, now)
            await self._news.tell(
                "transfer_went_back", transfer, stage=", ".join(sorted(stages)) or "missing"
            )
        return f"{transfer.cause} was credited, and is not any more"
