"""An instance's secrets, sealed in a database; and a way to look whether all of them still open."""

from dataclasses import dataclass
from pathlib import Path

from adapters.db.secrets import PostgresSecrets
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueKey
from adapters.ids import RandomIds
from adapters.mixin.keystore import Keystore
from adapters.sealing.contents import (
    BOT,
    open_keystore,
    open_venue_keys,
    pack_session,
    pack_spend_key,
)
from adapters.sealing.envelope import Kind, unseal
from adapters.sealing.masters import (
    MasterKey,
    bot_file,
    master_of,
    new_root,
    read_masters,
    write_masters,
)
from adapters.sealing.sealing import Sealing
from adapters.sealing.venue_keys import pack_venue_key
from domain.secrets import Secret

SPEND = Secret(bytes.fromhex("5a" * 32))
KEYS = Keystore(
    "6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10",
    "2b8d0c1a-7f0e-4a57-8e0c-5d2b8a6f9c31",
    Secret(bytes.fromhex("4b" * 32)),
    bytes(range(32)),
    SPEND,
)
VENUES = {
    "main": VenueKey(Secret("the-key-of-main"), Secret("the-secret-of-main")),
    "second": VenueKey(Secret("the-key-of-second"), Secret("the-secret-of-second")),
}
OLD = VenueKey(Secret("an-older-key"), Secret("an-older-secret"))


@dataclass
class Box:
    """What lies in the database and in the key file."""

    store: PostgresStore
    file: Path

    @property
    def secrets(self) -> PostgresSecrets:
        """Return the tables."""
        return PostgresSecrets(self.store)

    @property
    def sealing(self) -> Sealing:
        """Return what the commands do."""
        return Sealing(self.store, self.secrets, RandomIds())

    @property
    def masters(self) -> list[MasterKey]:
        """Return the keys of the file, read anew."""
        return read_masters(self.file)

    async def fill(self) -> None:
        """Make a key file and seal five secrets, one of them an older version."""
        write_masters(self.file, [master_of(new_root())])
        masters, instance = self.masters, KEYS.app_id
        await self.secrets.add_master(masters[0].kid)
        for kind, name, value in (
            (Kind.SESSION_KEY, BOT, pack_session(KEYS)),
            (Kind.SPEND_KEY, BOT, pack_spend_key(SPEND)),
            (Kind.VENUE_KEY, "main", pack_venue_key(OLD)),
            *((Kind.VENUE_KEY, name, pack_venue_key(key)) for name, key in VENUES.items()),
        ):
            await self.sealing.put(instance, kind, name, value, masters)

    async def assert_all_open(self) -> None:
        """Open everything as fresh processes do: every row, the workers' keys, the bot's with its half."""
        masters = self.masters
        for kept in await self.secrets.every():
            assert unseal(kept.sealed, masters).reveal()
        assert await open_keystore(self.secrets, masters, spends=True) == KEYS
        assert await open_venue_keys(self.secrets, masters, KEYS.app_id) == VENUES
        half = read_masters(bot_file(self.file))
        assert (await open_keystore(self.secrets, half, spends=False)).session_seed == KEYS.session_seed

    async def kids(self) -> set[str]:
        """Return which master keys wrap something."""
        return {kept.sealed.kid for kept in await self.secrets.every()}
