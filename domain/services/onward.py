"""How a payout is a treasury transfer: paid to a chain, and followed in the transfer's own row."""

from dataclasses import replace

from domain.errors import InvariantBroken
from domain.ids import AssetId, TransferId
from domain.ledger.model import Cause
from domain.money import Token
from domain.payouts.model import Payout, PayoutState
from domain.payouts.onward import fee_request_id
from domain.ports.chain_wallet import ChainPayment, ChainWallet
from domain.ports.clock import Clock
from domain.ports.ledger import Ledger
from domain.ports.transfers import TransferStore
from domain.ports.wallet import BuiltTransaction, SendState, SentTransaction, Wallet
from domain.services.tokens import Tokens
from domain.services.transfer_rows import OvertakenError
from domain.services.treasury_accounts import scope_of
from domain.treasury.bookings import fee_promise, left_mixin, promise
from domain.treasury.model import TransferState, TreasuryTransfer

MEMO = "treasury"


class OnwardPayments:
    """What ``PayoutService`` does otherwise for the treasury.

    ``build``, ``accepted`` and ``begun`` ask Mixin; every other call joins the transaction of the payout's
    step.
    """

    def __init__(
        self, ledger: Ledger, chains: ChainWallet, transfers: TransferStore, tokens: Tokens, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._chains = chains
        self._transfers = transfers
        self._tokens = tokens
        self._clock = clock

    async def build(
        self, payout: Payout, inputs: tuple[str, ...], fee_inputs: tuple[str, ...]
    ) -> BuiltTransaction:
        """Return the bytes of one transaction, or of the pair, of which none goes without the other (TX4)."""
        onward = payout.onward
        assert onward is not None
        return await self._chains.build_onward(
            ChainPayment(
                payout.request_id,
                payout.token.asset_id,
                onward.to,
                payout.pays,
                onward.fee,
                MEMO,
                inputs,
                fee_inputs,
            )
        )

    async def accepted(self, payout: Payout, main: SentTransaction, wallet: Wallet) -> SentTransaction | None:
        """Return the main transaction once its fee's is accepted too, final only when both are.

        Raises:
            InvariantBroken: ``other_transaction``: another one than ours goes by the fee's request id.
        """
        if payout.fee_apart is None:
            return main
        fee = await wallet.find(fee_request_id(payout.request_id))
        if fee is None or fee.state is SendState.CHECKED:
            return None
        assert payout.onward is not None
        if fee.transaction_hash != payout.onward.fee_hash:
            raise InvariantBroken("other_transaction", payout=payout.id, theirs=fee.transaction_hash)
        return main if fee.state is SendState.SPENT else replace(main, state=fee.state)

    async def begun(self, payout: Payout, wallet: Wallet) -> bool:
        """Tell whether either half of a pair was accepted: then it can only be completed (TX4)."""
        halves = [await wallet.find(each) for each in (payout.request_id, fee_request_id(payout.request_id))]
        return any(half is not None and half.state is not SendState.CHECKED for half in halves)

    async def scope(self, payout: Payout) -> AssetId:
        """Return the scope of the freeze that stops this transfer beside those of the wallet."""
        return scope_of((await self._of(payout)).account)

    async def promise(self, payout: Payout) -> None:
        """Hold what is about to be reserved, of the wallet itself."""
        transfer = await self._of(payout)
        await self._ledger.hold(promise(transfer))

    async def follow(self, payout: Payout) -> None:
        """Bring the transfer to where its payout now is, with the books (TX1, TX3)."""
        transfer = await self._of(payout)
        match payout.state:
            case PayoutState.RESERVED:
                await self._move(transfer, TransferState.HELD)
            case PayoutState.SIGNED:
                sending = replace(transfer, sent_at=self._clock.now(), sent_as=payout.request_id)
                await self._move(sending, TransferState.SENDING)
            case PayoutState.SENT if transfer.state is TransferState.HELD:  # by a life before this one
                sending = replace(transfer, sent_at=self._clock.now(), sent_as=payout.request_id)
                await self._move(sending, TransferState.SENDING)
            case PayoutState.DONE:
                await self._depart(transfer)
            case PayoutState.REFUSED:
                await self._release(transfer, held=True)
                await self._move(replace(transfer, reason=payout.reason), TransferState.VOID)
            case PayoutState.CANCELLED:
                await self._release(transfer, held=False)
                await self._move(replace(transfer, reason=payout.reason), TransferState.VOID)

    async def promise_fee(self, transfer: TreasuryTransfer) -> None:
        """Hold the fee of the owner's own money.

        Raises:
            Refused: ``insufficient_funds``: people's money pays no fee of the treasury's.
        """
        if hold := fee_promise(transfer, self._fee_token(transfer).coin):
            await self._ledger.hold(hold)

    async def _depart(self, transfer: TreasuryTransfer) -> None:
        await self._release(transfer, held=True)
        await self._ledger.post_all(left_mixin(transfer, self._fee_token(transfer)))
        await self._move(replace(transfer, arrives=transfer.amount), TransferState.SENT)

    async def _release(self, transfer: TreasuryTransfer, *, held: bool) -> None:
        owners: list[Cause] = [transfer.cause] if held else []
        for owner in [*owners, *([transfer.fee_cause] if transfer.fee else [])]:
            await self._ledger.release(owner)

    def _fee_token(self, transfer: TreasuryTransfer) -> Token:
        return self._tokens.get(transfer.fee_asset).token

    async def _of(self, payout: Payout) -> TreasuryTransfer:
        return await self._transfers.get(TransferId(payout.id))

    async def _move(self, transfer: TreasuryTransfer, state: TransferState) -> None:
        moved = replace(transfer, state=state, due_at=self._clock.now())
        if not await self._transfers.save(moved, transfer.state):
            raise OvertakenError
