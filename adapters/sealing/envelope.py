"""The envelope: a secret under a data key of its own, the data key under a master key.

AES-256-GCM twice. What a secret is (whose, which, of what kind, which version) is bound to both layers,
so that a row moved elsewhere does not open. Nothing here reads or writes.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.sealing.masters import MasterKey, Purpose
from domain.secrets import Secret

NONCE_BYTES, KEY_BYTES, TAG_BYTES = 12, 32, 16
WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES

Random = Callable[[int], bytes]


class Kind(StrEnum):
    """What a secret is for."""

    SESSION_KEY = "session_key"
    """The bot's keystore without its spend key: who it is, and what signs its requests."""
    SPEND_KEY = "spend_key"
    VENUE_KEY = "venue_key"
    """API key and secret of one venue account."""
    ANGEL_KEY = "angel_key"
    """The same for the Angel, without what pays out."""


PURPOSE = {
    Kind.SESSION_KEY: Purpose.CHAT,
    Kind.SPEND_KEY: Purpose.MONEY,
    Kind.VENUE_KEY: Purpose.MONEY,
    Kind.ANGEL_KEY: Purpose.ANGEL,
}
"""Which part of a master key wraps which kind: who was given one part opens nothing of the others."""


class CannotOpen(ValueError):
    """A sealed secret does not open; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a sealed secret is, in the clear: bound to it, so that it is nothing else."""

    instance: str
    """The bot's user id: one instance's rows do not open in another."""
    id: str
    kind: Kind
    name: str
    version: int

    def __str__(self) -> str:
        """Return it as people say it."""
        return f"{self.kind} {self.name} version {self.version}"

    def bound(self, layer: str) -> bytes:
        """Return the bytes that are authenticated with a layer: every field behind its length."""
        fields = ("mrmarket-sealed-1", layer, self.instance, self.id, self.kind, self.name, str(self.version))
        return b"".join(len(part).to_bytes(4, "big") + part for part in (field.encode() for field in fields))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret as it is kept."""

    label: Label
    nonce: bytes
    ciphertext: bytes
    kid: str
    """Which master key wraps the data key."""
    wrapped_key: bytes


def seal(label: Label, value: Secret[bytes], master: MasterKey, random: Random = os.urandom) -> Sealed:
    """Return a secret sealed under a fresh data key.

    Raises:
        CannotOpen: the master key given has not the part that this kind needs.
    """
    data_key, nonce = random(KEY_BYTES), random(NONCE_BYTES)
    ciphertext = AESGCM(data_key).encrypt(nonce, value.reveal(), label.bound("secret"))
    return Sealed(label, nonce, ciphertext, master.kid, _wrap(label, Secret(data_key), master, random))


def unseal(sealed: Sealed, masters: Iterable[MasterKey]) -> Secret[bytes]:
    """Return the secret.

    Raises:
        CannotOpen: no master key given opens it, or it was changed since it was sealed.
    """
    data_key = _unwrap(sealed, masters)
    try:
        value = AESGCM(data_key.reveal()).decrypt(
            sealed.nonce, sealed.ciphertext, sealed.label.bound("secret")
        )
    except InvalidTag as error:
        raise CannotOpen(_changed(sealed)) from error
    return Secret(value)


def rewrap(
    sealed: Sealed, masters: Iterable[MasterKey], to: MasterKey, random: Random = os.urandom
) -> Sealed:
    """Return the same secret with its data key under another master key; the secret itself is not opened.

    Raises:
        CannotOpen: no master key given opens the data key.
    """
    data_key = _unwrap(sealed, masters)
    return replace(sealed, kid=to.kid, wrapped_key=_wrap(sealed.label, data_key, to, random))


def _wrap(label: Label, data_key: Secret[bytes], master: MasterKey, random: Random) -> bytes:
    nonce, wrapping = random(NONCE_BYTES), _wrapping_key(label, master)
    return nonce + AESGCM(wrapping.reveal()).encrypt(
        nonce, data_key.reveal(), label.bound(f"key {master.kid}")
    )


def _unwrap(sealed: Sealed, masters: Iterable[MasterKey]) -> Secret[bytes]:
    master = next((known for known in masters if known.kid == sealed.kid), None)
    if master is None:
        raise CannotOpen(f"{sealed.label} is wrapped with master key {sealed.kid}, which was not given.")
    wrapping = _wrapping_key(sealed.label, master)
    nonce, wrapped = sealed.wrapped_key[:NONCE_BYTES], sealed.wrapped_key[NONCE_BYTES:]
    try:
        data_key = AESGCM(wrapping.reveal()).decrypt(nonce, wrapped, sealed.label.bound(f"key {sealed.kid}"))
    except InvalidTag as error:
        raise CannotOpen(_changed(sealed)) from error
    return Secret(data_key)


def _wrapping_key(label: Label, master: MasterKey) -> Secret[bytes]:
    purpose = PURPOSE[label.kind]
    if purpose not in master.wrapping:
        raise CannotOpen(f"{label} needs the {purpose} half of master key {master.kid}, which was not given.")
    return master.wrapping[purpose]


def _changed(sealed: Sealed) -> str:
    return (
        f"{sealed.label} does not open: its row was changed, or belongs to another instance. "
        "Put back a backup of the table, or import the secret again."
    )
