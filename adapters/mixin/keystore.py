"""The bot's keys, read from a file and never shown."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.mixin.codec.keys import public_key
from domain.secrets import Secret

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LEGACY = frozenset({"client_id", "private_key", "pin", "pin_token"})
_ADVICE = "Download a new one from the developer dashboard."


class BadKeystore(ValueError):
    """The keystore cannot be used; the text says what to do and never repeats a key."""


@dataclass(frozen=True, slots=True)
class Keystore:
    """Who the bot is, the key that signs requests, and the key that signs money (when given)."""

    app_id: str
    session_id: str
    session_seed: Secret[bytes]
    server_public_key: bytes
    spend_seed: Secret[bytes] | None = None

    @property
    def spend_public_key(self) -> bytes:
        """Return the public half of the spend key.

        Raises:
            BadKeystore: this process was given no spend key.
        """
        return public_key(self.spending.reveal())

    @property
    def spending(self) -> Secret[bytes]:
        """Return the spend seed.

        Raises:
            BadKeystore: this process was given no spend key.
        """
        if self.spend_seed is None:
            raise BadKeystore(
                "The keystore has no spend_private_key: add it, or set MRMARKET_MIXIN_SPEND_KEY_FILE."
            )
        return self.spend_seed


def load_keystore(path: Path, spend_key_file: Path | None = None) -> Keystore:
    """Return the keystore in a file; the spend key may stand in a file of its own.

    Raises:
        BadKeystore: with a sentence that says what is wrong and what to do.
    """
    facts = _object(path, _text(path))
    return keystore_of(facts, str(path), _spend_seed(path, facts, spend_key_file))


def load_spend_key(path: Path) -> Secret[bytes]:
    """Return the spend key that stands alone in a file.

    Raises:
        BadKeystore: with a sentence that says what is wrong and what to do.
    """
    return seed_of(_text(path).strip(), str(path), "the spend key")


def keystore_of(facts: Mapping[str, Any], where: str, spend_seed: Secret[bytes] | None = None) -> Keystore:
    """Return the keystore of facts found somewhere.

    Raises:
        BadKeystore: with a sentence that says what is wrong and what to do.
    """
    return Keystore(
        _id(where, facts, "app_id"),
        _id(where, facts, "session_id"),
        seed_of(facts.get("session_private_key"), where, "session_private_key"),
        seed_of(facts.get("server_public_key"), where, "server_public_key").reveal(),
        spend_seed,
    )


def public_facts_of(keystore: Keystore) -> dict[str, str]:
    """Return of a keystore what is no secret, as its file words it."""
    return {
        "app_id": keystore.app_id,
        "session_id": keystore.session_id,
        "server_public_key": keystore.server_public_key.hex(),
    }


def without_spend_key(keystore: Keystore) -> Keystore:
    """Return what a process that only talks needs of a keystore."""
    return replace(keystore, spend_seed=None)


def _spend_seed(path: Path, facts: dict[str, Any], spend_key_file: Path | None) -> Secret[bytes] | None:
    inside = facts.get("spend_private_key") or None
    seed = seed_of(inside, str(path), "spend_private_key") if inside else None
    if spend_key_file is None:
        return seed
    apart = load_spend_key(spend_key_file)
    if seed not in (None, apart):
        raise BadKeystore(f"{path} and {spend_key_file} hold different spend keys. Keep only one of them.")
    return apart


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as e:
        raise BadKeystore(f"The keystore {path} cannot be read: {e.strerror}.") from e
    except UnicodeDecodeError as e:
        raise BadKeystore(f"The keystore {path} is no text. {_ADVICE}") from e


def _object(path: Path, text: str) -> dict[str, Any]:
    if "BEGIN RSA" in text:
        raise BadKeystore(f"{path} holds an RSA key, which Mixin no longer takes. {_ADVICE}")
    try:
        facts = json.loads(text)
    except ValueError as e:
        raise BadKeystore(f"The keystore {path} is not JSON. {_ADVICE}") from e
    if not isinstance(facts, dict):
        raise BadKeystore(f"The keystore {path} holds no JSON object. {_ADVICE}")
    if "app_id" not in facts:
        hint = "It is a legacy one. " if _LEGACY & facts.keys() else ""
        raise BadKeystore(f"{path} is no current keystore. {hint}{_ADVICE}")
    return facts


def _id(where: str, facts: Mapping[str, Any], name: str) -> str:
    text = str(facts.get(name, "")).lower()
    if not _UUID.fullmatch(text):
        raise BadKeystore(f"{name} in {where} is not an id such as 6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10.")
    return text


def seed_of(value: object, where: str, name: str) -> Secret[bytes]:
    """Return a key of 64 hexadecimal digits that are no placeholder.

    Raises:
        BadKeystore: it is none.
    """
    text = str(value).lower()
    if not _KEY.fullmatch(text) or set(text) == {"0"}:
        raise BadKeystore(f"{name} in {where} is not a key of 64 hexadecimal digits (an ed25519 seed).")
    return Secret(bytes.fromhex(text))
