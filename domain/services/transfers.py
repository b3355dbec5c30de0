"""Treasury transfers: made from a plan, and driven by whoever holds the wallet."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable
from domain.ids import Ids, TransferId, VenueAccountName
from domain.money import MIXIN_PLACES, ZERO, Token, plain, round_down
from domain.payouts.onward import ChainAddress
from domain.ports.chain_wallet import ChainWallet
from domain.ports.clock import Clock
from domain.ports.freezes import FreezeStore, coin_scope
from domain.ports.store import Store
from domain.ports.transfers import TransferStore
from domain.services.addresses import AddressService, Place, place_at_mixin, place_at_venue
from domain.services.to_mixin import ToMixin
from domain.services.to_venue import ToVenue
from domain.services.tokens import Tokens
from domain.services.transfer_rows import LATER, OvertakenError, TransferRows
from domain.services.treasury_accounts import TreasuryAccount, scope_of
from domain.treasury.addresses import AddressState
from domain.treasury.model import ENDED, Direction, TransferState, TreasuryTransfer
from domain.treasury.networks import network_of
from domain.treasury.tags import tagged

DUE_AT_ONCE = 50
TAGS_LAST = timedelta(days=7)
LOOKED_BACK = timedelta(days=1)


class TransferService:
    """Drives transfers; holds nothing in memory, so any worker that holds the wallet may take any step."""

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        chains: ChainWallet,
        store: Store,
        transfers: TransferStore,
        freezes: FreezeStore,
        addresses: AddressService,
        rows: TransferRows,
        tokens: Tokens,
        accounts: Mapping[VenueAccountName, TreasuryAccount],
        to_venue: ToVenue,
        to_mixin: ToMixin,
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._chains = chains
        self._store = store
        self._transfers = transfers
        self._freezes = freezes
        self._addresses = addresses
        self._rows = rows
        self._tokens = tokens
        self._accounts = accounts
        self._to_venue = to_venue
        self._steps: Mapping[Direction, Callable[[TreasuryTransfer], Awaitable[str]]] = {
            Direction.TO_VENUE: to_venue.step,
            Direction.TO_MIXIN: to_mixin.step,
        }

    async def due(self) -> Sequence[TransferId]:
        """Return the transfers that have a step to take now, the oldest first."""
        return await self._transfers.due(self._clock.now(), DUE_AT_ONCE)

    async def advance(self, transfer_id: TransferId) -> str:
        """Take one step and say what happened; without a clear answer, say so and look again later.

        Raises:
            InvariantBroken: what must hold does not; it is looked at again later, and nothing else was done.
        """
        transfer = await self._transfers.get(transfer_id)
        if transfer.state in ENDED:
            return f"{transfer.cause} is {transfer.state}: nothing to do"
        if transfer.account not in self._accounts:  # the owner took it out of the file meanwhile
            return f"{transfer.cause} {await self._rows.stay(transfer, 'nobody speaks for its account')}"
        try:
            return f"{transfer.cause} {await self._steps[transfer.direction](transfer)}"
        except OvertakenError:
            return f"{transfer.cause} was moved on by somebody else"
        except (Refused, Unavailable, OutcomeUnknown) as error:
            stands = await self._transfers.get(transfer_id)
            return f"{transfer.cause} {await self._rows.stay(stands, str(error), LATER)}"
        except InvariantBroken:
            await self._rows.stay(await self._transfers.get(transfer_id), "broken", LATER)
            raise

    async def look_back(self) -> str:
        """Look again at what venues have credited of late: none may go back (TX8)."""
        credited = await self._transfers.credited_since(self._clock.now() - LOOKED_BACK)
        said = [await self._to_venue.look_again(transfer) for transfer in credited]
        return "; ".join(filter(None, said))

    # From a plan.

    async def plan(
        self,
        direction: Direction,
        account: VenueAccountName,
        token: Token,
        amount: Decimal,
        most: Decimal | None = None,
    ) -> TransferId:
        """Store a transfer of which about this amount arrives; to an address not proven a canary goes first.

        ``most`` is what may leave for it, where that is more: fees, tags and least amounts are beside it.

        Raises:
            Refused: ``transfers_frozen``; ``address_not_approved`` (a proposal is stored);
                ``network_unmapped``, ``network_unknown``, ``network_closed``; ``amount_too_small`` with the
                minimum; ``transfer_unresolved``; ``fee_token_unknown``.
        """
        if reason := await self._freezes.frozen(scope_of(account), coin_scope(token.coin)):
            raise Refused("transfers_frozen", account=account, reason=reason)
        if direction is Direction.TO_VENUE:
            transfer = await self._planned_to_venue(account, token, amount)
        else:
            transfer = await self._planned_to_mixin(account, token, amount, most or amount)
        async with self._store.transaction():
            await self._transfers.add(transfer)
        return transfer.id

    async def _planned_to_venue(
        self, account: VenueAccountName, token: Token, amount: Decimal
    ) -> TreasuryTransfer:
        at, network = self._accounts[account], network_of(token.network)
        place = place_at_venue(account, at.venue, token.coin, network)
        terms = await at.funds.terms(token.coin, place.code)
        if not terms.deposits:
            raise Refused("network_closed", account=account, network=token.network)
        said, proven = await self._address(place, await at.funds.deposit_address(token.coin, place.code))
        to = ChainAddress(network.chain_id, said.address, said.tag)
        # A venue may credit a mere dust, which Mixin would not pay out: a canary is what we would take in.
        canary = max(terms.least_deposit, self._tokens.get(token.asset_id).least_deposit)
        # Whole units of what the venue reads: a chain may carry fewer places than Mixin keeps.
        asked = round_down(amount if proven else canary, min(terms.places, MIXIN_PLACES))
        if asked < terms.least_deposit or asked <= 0:
            raise Refused("amount_too_small", minimum=plain(terms.least_deposit))
        quoted = [
            fee
            for fee in await self._chains.network_fees(token.asset_id, to)
            if not fee.amount or self._tokens.find(fee.asset_id)
        ]
        if not quoted:
            raise Refused("fee_token_unknown", coin=token.coin)
        fee = next((one for one in quoted if one.asset_id == token.asset_id), quoted[0])
        return TreasuryTransfer(
            direction=Direction.TO_VENUE,
            amount=asked,
            fee=fee.amount,
            fee_asset=fee.asset_id,
            to=to,
            canary=not proven,
            by_hand=False,
            client_id=self._ids.client_order_id(),
            id=TransferId(self._ids.new_id()),
            account=account,
            token=token,
            state=TransferState.PLANNED,
            created_at=self._clock.now(),
            due_at=self._clock.now(),
        )

    async def _planned_to_mixin(
        self, account: VenueAccountName, token: Token, amount: Decimal, most: Decimal
    ) -> TreasuryTransfer:
        at, network = self._accounts[account], network_of(token.network)
        code = network.code_at(at.venue)
        terms = await at.funds.terms(token.coin, code)
        if not terms.withdrawals:
            raise Refused("network_closed", account=account, network=token.network)
        place = place_at_mixin(token.coin, network)
        said, proven = await self._address(
            place, await self._chains.deposit_address(token.asset_id, network.chain_id)
        )
        transfer_id, now = TransferId(self._ids.new_id()), self._clock.now()
        places, least = min(terms.places, MIXIN_PLACES), terms.least_withdrawal
        block = Decimal(1).scaleb(4 - places)  # by so much a tag may lower an amount
        beside = ZERO if terms.fee_inside else terms.fee
        wanted = least + block
        if proven:
            fee = terms.fee if terms.fee_inside else ZERO
            wanted = min(max(amount + fee + block, wanted), most - beside)
        taken = await self._transfers.amounts_since(account, token.coin, now - TAGS_LAST)
        asked = tagged(wanted, places, transfer_id, set(taken))
        if asked < least:
            raise Refused("amount_too_small", minimum=plain(least))
        return TreasuryTransfer(
            direction=Direction.TO_MIXIN,
            amount=asked,
            fee=terms.fee,
            fee_asset=token.asset_id,
            fee_inside=terms.fee_inside,
            to=ChainAddress(code, said.address, said.tag),
            canary=not proven,
            by_hand=at.by_hand,
            client_id=self._ids.client_order_id(),
            id=transfer_id,
            account=account,
            token=token,
            state=TransferState.PLANNED,
            created_at=now,
            due_at=now,
        )

    async def _address(self, place: Place, said: ChainAddress) -> tuple[ChainAddress, bool]:
        """Return the approved address, and whether a canary has arrived there."""
        entry = await self._addresses.usable(place)
        if entry is None:
            await self._addresses.note(place, said)
            raise Refused("address_not_approved", place=place.name, coin=place.coin)
        return entry.said, entry.state is AddressState.PROVEN
