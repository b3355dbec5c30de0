"""The address book: proposed by places, approved once by a person, compared to the byte each time (TX2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.errors import Refused
from domain.ids import Ids, UserId, VenueAccountName
from domain.money import Coin
from domain.payouts.onward import ChainAddress
from domain.ports.clock import Clock
from domain.ports.freezes import FreezeStore
from domain.ports.store import Store
from domain.ports.transfers import AddressBook
from domain.roles import Permission
from domain.services.auth import AuthService
from domain.services.confirmations import ConfirmationService
from domain.services.transfer_news import TransferNews
from domain.services.treasury_accounts import scope_of
from domain.treasury.addresses import MIXIN, USABLE, AddressEntry, AddressState, difference, fault_in
from domain.treasury.networks import Network

ACTION = "approve_address"
"""What a confirmation must have been issued for, with ``AddressEntry.params``."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a coin is to go by a network, and what the place itself calls that network."""

    name: str
    coin: Coin
    network: Network
    code: str


class AddressService:
    """Entries of the address book."""

    def __init__(
        self,
        store: Store,
        book: AddressBook,
        freezes: FreezeStore,
        news: TransferNews,
        confirmations: ConfirmationService,
        auth: AuthService,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._book = book
        self._freezes = freezes
        self._news = news
        self._confirmations = confirmations
        self._auth = auth
        self._clock = clock
        self._ids = ids

    async def usable(self, place: Place) -> AddressEntry | None:
        """Return the entry that money may be sent to; ``None`` while nobody has approved one."""
        entries = await self._book.of(place.name, place.coin, place.network.name)
        return next((entry for entry in entries if entry.state in USABLE), None)

    async def note(self, place: Place, said: ChainAddress) -> str:
        """Store what a place says as a proposal, unless it is known, and tell those who may approve it.

        What can be no address of that network is told, and not proposed.
        """
        entries = await self._book.of(place.name, place.coin, place.network.name)
        if any(entry.said == said and entry.state is not AddressState.FROZEN for entry in entries):
            return ""
        entry = AddressEntry(
            self._ids.new_id(),
            place.name,
            place.coin,
            place.network.name,
            said,
            AddressState.PROPOSED,
            self._clock.now(),
        )
        if fault := fault_in(said, place.code, place.network):
            day = replace(
                entry, id=f"{place.name}:{place.coin}:{place.network.name}:{entry.seen_at:%Y-%m-%d}"
            )
            async with self._store.transaction():
                await self._news.address("address_unfit", day, reason=fault)
            return f"{place.name} says an address for {place.coin} that cannot be one: {fault}"
        async with self._store.transaction():
            await self._book.add(entry)
            await self._news.address("address_proposed", entry)
        return f"{place.name} says a new address for {place.coin} by {place.network.name}"

    async def check(self, place: Place, said: ChainAddress, account: VenueAccountName) -> AddressEntry:
        """Return the approved entry if a place still says the very same; otherwise freeze, and tell (TX2).

        ``account`` is whose transfers stop, when they must.

        Raises:
            Refused: ``address_not_approved``; ``address_changed``, ``tag_dropped``, ``tag_changed``,
                ``network_changed``.
        """
        entry = await self.usable(place)
        if entry is None:
            await self.note(place, said)
            raise Refused("address_not_approved", place=place.name, coin=place.coin)
        wrong = difference(entry.said, said) or fault_in(said, place.code, place.network)
        if not wrong:
            return entry
        async with self._store.transaction():
            now = self._clock.now()
            await self._book.save(replace(entry, state=AddressState.FROZEN), entry.state, None, now)
            await self._freezes.freeze(scope_of(account), f"{wrong}:{entry.id}", now)
            heard = {"heard_network": said.network, "heard_address": said.address, "heard_tag": said.tag}
            await self._news.address("address_changed", entry, reason=wrong, **heard)
        raise Refused(wrong, place=place.name, coin=place.coin)

    async def proven(self, place: Place, to: ChainAddress) -> None:
        """Note that a canary has arrived where it was sent; call it in the transaction that credits it."""
        entry = await self.usable(place)
        if entry is None or (entry.said.address, entry.said.tag) != (to.address, to.tag):
            return  # another was approved meanwhile: nothing is known of that
        if entry.state is AddressState.APPROVED:
            done = replace(entry, state=AddressState.PROVEN)
            await self._book.save(done, entry.state, None, self._clock.now())

    # What people do.

    async def list(self, actor: UserId) -> Sequence[AddressEntry]:
        """Return all entries that are not dropped.

        Raises:
            Refused: ``not_allowed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.ADDRESSES_READ)
            return await self._book.all()

    async def ask(self, actor: UserId, entry_id: str) -> tuple[AddressEntry, str]:
        """Return a proposal, and the single-use token with which this person may approve exactly it.

        Raises:
            Refused: ``not_allowed``; ``address_unknown``; ``address_not_proposed``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.ADDRESSES_APPROVE)
            entry = await self._proposed(entry_id)
            return entry, await self._confirmations.issue(actor, ACTION, entry.params)

    async def approve(self, actor: UserId, entry_id: str, confirmation: str, cause: str) -> AddressEntry:
        """Let money be sent to a proposal; what was used before it is dropped. In one commit with its audit.

        Raises:
            Refused: ``not_allowed``; ``address_unknown``; ``address_not_proposed``;
                ``confirmation_unknown``, ``confirmation_used``, ``confirmation_expired``.
        """
        async with self._store.transaction():
            await self._auth.require(actor, Permission.ADDRESSES_APPROVE)
            entry = await self._proposed(entry_id)
            await self._auth.act(actor, Permission.ADDRESSES_APPROVE, entry.params, cause)
            await self._confirmations.consume(actor, confirmation, ACTION, entry.params)
            now = self._clock.now()
            for other in await self._book.of(entry.place, entry.coin, entry.network):
                if other.id != entry.id:
                    await self._book.save(replace(other, state=AddressState.DROPPED), other.state, None, now)
            approved = replace(entry, state=AddressState.APPROVED, approved_by=actor)
            if not await self._book.save(approved, entry.state, actor, now):
                raise Refused("address_not_proposed", id=entry_id)
        return approved

    async def _proposed(self, entry_id: str) -> AddressEntry:
        entry = await self._book.get(entry_id)
        if entry.state is not AddressState.PROPOSED:
            raise Refused("address_not_proposed", id=entry_id)
        return entry


def place_at_mixin(coin: Coin, network: Network) -> Place:
    """Return the place of our own deposit address at Mixin."""
    return Place(MIXIN, coin, network, network.chain_id)


def place_at_venue(account: VenueAccountName, venue: str, coin: Coin, network: Network) -> Place:
    """Return the place of an account's deposit address at a venue.

    Raises:
        Refused: ``network_unmapped``.
    """
    return Place(account, coin, network, network.code_at(venue))
