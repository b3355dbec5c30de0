"""The keys of a process, from where its owner keeps them: sealed in the database, or in plain files."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.db.secrets import PostgresSecrets
from adapters.db.store import PostgresStore
from adapters.exchange.account import VenueKey
from adapters.mixin.keystore import BadKeystore, Keystore, load_keystore, without_spend_key
from adapters.sealing.contents import open_keystore, open_venue_keys
from adapters.sealing.envelope import CannotOpen
from adapters.sealing.keyring import KeySource, load_masters
from adapters.sealing.masters import BadMasterKey, read_masters
from adapters.settings import Settings


@dataclass(frozen=True, slots=True)
class Keys:
    """What a process signs with."""

    keystore: Keystore
    venue_keys: Mapping[str, VenueKey] | None = None
    """By account, where they are sealed; otherwise they stand in the owner's file."""


def keys_in_files(settings: Settings, *, holds_money: bool) -> Keys | None:
    """Return the keys in plain files; ``None`` when they are sealed, and what opens them is in order.

    Raises:
        BadKeystore: a file cannot be used.
    """
    if not settings.sealed:
        return plain_keys(settings, holds_money=holds_money)
    try:
        if settings.master_key_file:
            read_masters(settings.master_key_file)
        else:
            key_source(settings).passphrases()
    except BadMasterKey as error:
        raise BadKeystore(str(error)) from error
    return None


def plain_keys(settings: Settings, *, holds_money: bool) -> Keys:
    """Return the keys in plain files; the spend key only for the process that moves money.

    Raises:
        BadKeystore: a file cannot be used.
    """
    if settings.mixin_keystore_file is None:
        raise BadKeystore("Set MRMARKET_MASTER_KEY_FILE, or MRMARKET_MIXIN_KEYSTORE_FILE.")
    keystore = load_keystore(settings.mixin_keystore_file, settings.mixin_spend_key_file)
    return Keys(keystore if holds_money else without_spend_key(keystore))


async def sealed_keys(settings: Settings, store: PostgresStore, *, holds_money: bool) -> Keys:
    """Return the keys sealed in the database; spend key and venue keys only for who moves money.

    Raises:
        BadKeystore: the master key cannot be used, or does not open what is needed.
        Unavailable: the database does not answer.
    """
    secrets = PostgresSecrets(store)
    try:
        masters = await load_masters(key_source(settings), secrets)
        keystore = await open_keystore(secrets, masters, spends=holds_money)
        if not holds_money:
            return Keys(keystore)
        return Keys(keystore, await open_venue_keys(secrets, masters, keystore.app_id))
    except (BadMasterKey, CannotOpen) as error:
        raise BadKeystore(str(error)) from error


def key_source(settings: Settings) -> KeySource:
    """Return where the settings say that the master key is."""
    return KeySource(settings.master_key_file, settings.master_passphrase_file)
