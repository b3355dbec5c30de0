"""Identifiers of the Mixin protocol: all of them hashes of something both sides know."""

import base64
import hashlib
import uuid
from collections.abc import Iterable


def unique_id(*parts: str) -> str:
    """Return the UUID from the MD5 of the joined parts, version 3 and variant bits set."""
    digest = bytearray(hashlib.md5("".join(parts).encode(), usedforsecurity=False).digest())
    digest[6] = digest[6] & 0x0F | 0x30
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


def conversation_id(one: str, other: str) -> str:
    """Return the id of the private conversation of two users, in either order."""
    return unique_id(*sorted((one, other)))


def group_conversation_id(owner: str, name: str, participants: Iterable[str], random_id: str) -> str:
    """Return the id of a group conversation."""
    group = unique_id(*sorted((owner, name)))
    for part in (random_id, *sorted(participants)):
        group = unique_id(*sorted((group, part)))
    return group


def output_id(transaction_hash: str, index: int) -> str:
    """Return the id of a transaction's output."""
    return unique_id(f"{transaction_hash}:{index}")


def members_hash(members: Iterable[str]) -> str:
    """Return SHA3-256 (hex) of the sorted, joined member ids."""
    return hashlib.sha3_256("".join(sorted(members)).encode()).hexdigest()


def kernel_asset_id(asset_id: str) -> str:
    """Return the 32-byte name (hex) an asset has inside transactions."""
    return hashlib.sha3_256(asset_id.encode()).hexdigest()


def b64url(data: bytes) -> str:
    """Return URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Return the bytes of base64 in either alphabet, padded or not.

    Raises:
        ValueError: the text is not base64.
    """
    plain = text.strip().rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def pkce_challenge(random_bytes: bytes) -> tuple[str, str]:
    """Return verifier and challenge; Mixin hashes the raw bytes, not the verifier's text."""
    return b64url(random_bytes), b64url(hashlib.sha256(random_bytes).digest())
