"""The keys of venue accounts as they are sealed: the whole for the workers, what trades for the Angel."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from adapters.exchange.account import VenueKey
from adapters.sealing.envelope import CannotOpen, Sealed, unseal
from adapters.sealing.masters import MasterKey
from domain.secrets import Secret


def pack_venue_key(key: VenueKey) -> Secret[bytes]:
    """Return a venue account's keys as they are sealed."""
    facts: dict[str, Any] = _parts_of(key)
    if key.withdrawal:
        facts["withdrawal_key"] = _parts_of(key.withdrawal)
    return Secret(json.dumps(facts, sort_keys=True).encode())


def pack_angel_key(key: VenueKey) -> Secret[bytes]:
    """Return what the Angel is given of a venue account's keys: what trades, nothing that pays out."""
    return Secret(json.dumps(_parts_of(key), sort_keys=True).encode())


def unseal_venue_keys(current: Mapping[str, Sealed], masters: Iterable[MasterKey]) -> dict[str, VenueKey]:
    """Return the keys in sealed rows, by the account's name.

    Raises:
        CannotOpen: one does not open, or they are of two instances.
    """
    if len({sealed.label.instance for sealed in current.values()}) > 1:
        raise CannotOpen("These keys belong to two instances. Restore a backup of the table.")
    masters = list(masters)
    return {name: _key_of(json.loads(unseal(each, masters).reveal())) for name, each in current.items()}


def _parts_of(key: VenueKey) -> dict[str, str]:
    parts = {"api_key": key.api_key.reveal(), "secret": key.secret.reveal()}
    return parts | {"passphrase": key.passphrase.reveal()} if key.passphrase else parts


def _key_of(facts: Mapping[str, Any]) -> VenueKey:
    own = facts.get("withdrawal_key")
    withdrawal = _key_of(own) if own else None
    passphrase = Secret(str(facts["passphrase"])) if facts.get("passphrase") else None
    return VenueKey(Secret(facts["api_key"]), Secret(facts["secret"]), withdrawal, passphrase)
