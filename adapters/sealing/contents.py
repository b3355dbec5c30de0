"""What is inside sealed secrets: the bot's keystore, its spend key, a venue account's keys."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.db.secrets import PostgresSecrets
from adapters.exchange.account import VenueKey
from adapters.mixin.keystore import Keystore, keystore_of, public_facts_of, seed_of
from adapters.sealing.envelope import CannotOpen, Kind, Sealed, unseal
from adapters.sealing.masters import MasterKey
from adapters.sealing.venue_keys import unseal_venue_keys
from domain.secrets import Secret

BOT = "bot"
"""The name of the bot's own secrets: an instance has one bot."""

_SEALED = "the sealed keystore"


def pack_session(keystore: Keystore) -> Secret[bytes]:
    """Return the keystore without its spend key, as it is sealed."""
    facts = public_facts_of(keystore) | {"session_private_key": keystore.session_seed.reveal().hex()}
    return Secret(json.dumps(facts, sort_keys=True).encode())


def pack_spend_key(seed: Secret[bytes]) -> Secret[bytes]:
    """Return a spend key as it is sealed."""
    return Secret(seed.reveal().hex().encode())


async def open_keystore(secrets: PostgresSecrets, masters: Iterable[MasterKey], *, spends: bool) -> Keystore:
    """Return the bot's keystore; with its spend key only for the process that spends.

    Raises:
        CannotOpen: nothing was sealed yet, or it does not open, or it is of another instance.
    """
    masters = list(masters)
    session = _one(await secrets.current(Kind.SESSION_KEY), Kind.SESSION_KEY, BOT)
    facts = _json(unseal(session, masters))
    spend_seed = None
    if spends:
        spend = _one(await secrets.current(Kind.SPEND_KEY), Kind.SPEND_KEY, BOT)
        _same_instance(spend, session.label.instance)
        spend_seed = seed_of(unseal(spend, masters).reveal().decode(), _SEALED, "the spend key")
    keystore = keystore_of(facts, _SEALED, spend_seed)
    _same_instance(session, keystore.app_id)
    return keystore


async def open_venue_keys(
    secrets: PostgresSecrets, masters: Iterable[MasterKey], instance: str
) -> dict[str, VenueKey]:
    """Return the keys of every venue account, by its name.

    Raises:
        CannotOpen: one does not open, or is of another instance.
    """
    current = await secrets.current(Kind.VENUE_KEY)
    for sealed in current.values():
        _same_instance(sealed, instance)
    return unseal_venue_keys(current, masters)


def _json(value: Secret[bytes]) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(value.reveal())
    return facts


def _one(current: Mapping[str, Sealed], kind: Kind, name: str) -> Sealed:
    if name not in current:
        raise CannotOpen(
            f"No {kind} of {name} is sealed here, or this login may not read it: run mrmarket keys import."
        )
    return current[name]


def _same_instance(sealed: Sealed, instance: str) -> None:
    if sealed.label.instance != instance:
        raise CannotOpen(f"{sealed.label} belongs to another instance. Restore a backup of the table.")
