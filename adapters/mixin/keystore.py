"""The bot's keys, read from a file and never shown."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.mixin.codec.keys import public_key

_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)


class BadKeystore(ValueError):
    """The keystore cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Keystore:
    """Who the bot is, the key that signs requests, and the key that signs money (when given)."""

    app_id: str
    session_id: str
    session_seed: bytes = field(repr=False)
    server_public_key: bytes = field(repr=False)
    spend_seed: bytes | None = field(repr=False, default=None)

    @property
    def spend_public_key(self) -> bytes:
        """Return the public half of the spend key.

        Raises:
            BadKeystore: this process was given no spend key.
        """
        return public_key(self.spending)

    @property
    def spending(self) -> bytes:
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
    facts = _read(path)
    if "app_id" not in facts:
        hint = "It looks like a legacy one. " if "client_id" in facts or "pin_token" in facts else ""
        raise BadKeystore(
            f"{path} is no current keystore. {hint}Download a new one from the developer dashboard."
        )
    spend = spend_key_file.read_text().strip() if spend_key_file else facts.get("spend_private_key")
    return Keystore(
        app_id=str(facts["app_id"]),
        session_id=str(facts.get("session_id", "")),
        session_seed=_key(path, facts, "session_private_key"),
        server_public_key=_key(path, facts, "server_public_key"),
        spend_seed=_key(spend_key_file or path, {"spend_private_key": spend}, "spend_private_key")
        if spend
        else None,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text())
    except OSError as e:
        raise BadKeystore(f"The keystore {path} cannot be read: {e.strerror}.") from e
    except ValueError as e:
        raise BadKeystore(f"The keystore {path} is not JSON.") from e
    if not isinstance(facts, dict):
        raise BadKeystore(f"The keystore {path} holds no JSON object.")
    return facts


def _key(path: Path, facts: dict[str, Any], name: str) -> bytes:
    text = str(facts.get(name, "")).lower()
    if not _KEY.fullmatch(text):
        raise BadKeystore(f"{name} in {path} is not a key of 64 hexadecimal digits (an ed25519 seed).")
    return bytes.fromhex(text)
