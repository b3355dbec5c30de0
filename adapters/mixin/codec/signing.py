"""Signatures: request tokens, and transactions by one-time keys (mixin.md §1.2, §5.3)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nacl import bindings as ed
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from adapters.mixin.codec.ids import b64url, unb64
from adapters.mixin.codec.keys import base_point, one_time_scalar, reduce64
from adapters.mixin.codec.transaction import Transaction, transaction_hash

_HEADER = {"alg": "EdDSA", "typ": "JWT"}


class BadToken(ValueError):
    """A token that proves nothing; the text says why."""


class WrongKey(ValueError):
    """The one-time key does not open the output: a wrong view, a wrong spend key, or both."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a token is bound to: method, path with query exactly as sent, body exactly as sent."""

    method: str
    uri: str
    body: bytes = b""

    @property
    def digest(self) -> str:
        """Return SHA-256 (hex) of method + URI + body."""
        return hashlib.sha256(self.method.encode() + self.uri.encode() + self.body).hexdigest()


def request_token(
    request: Request,
    app_id: str,
    session_id: str,
    session_seed: bytes,
    request_id: str,
    issued_at: int,
    lifetime_s: int,
) -> str:
    """Return the bearer token for one request; ``request_id`` is also its ``X-Request-Id``."""
    claims: dict[str, str | int] = {
        "uid": app_id,
        "sid": session_id,
        "iat": issued_at,
        "exp": issued_at + lifetime_s,
        "jti": request_id,
        "sig": request.digest,
        "scp": "FULL",
    }
    return sign_claims(claims, session_seed)


def sign_claims(claims: Mapping[str, str | int], seed: bytes) -> str:
    """Return a JWT of the claims in the order given, signed by an ed25519 seed."""
    parts = (b64url(json.dumps(part, separators=(",", ":")).encode()) for part in (_HEADER, dict(claims)))
    text = ".".join(parts)
    return f"{text}.{b64url(SigningKey(seed).sign(text.encode()).signature)}"


def read_claims(token: str) -> dict[str, str | int]:
    """Return the claims of a token that nobody has verified yet.

    Raises:
        BadToken: it is no EdDSA token.
    """
    try:
        header, claims, _ = token.split(".")
        kind, facts = json.loads(unb64(header)), json.loads(unb64(claims))
    except ValueError as e:
        raise BadToken("not a token") from e
    if not isinstance(kind, dict) or kind.get("alg") != "EdDSA" or not isinstance(facts, dict):
        raise BadToken("not an EdDSA token")
    return facts


def verify_token(token: str, session_public_key: bytes) -> None:
    """Check a token's signature.

    Raises:
        BadToken: it was not made by this session's key.
    """
    text, _, signature = token.rpartition(".")
    try:
        VerifyKey(session_public_key).verify(text.encode(), unb64(signature))
    except (BadSignatureError, ValueError) as e:
        raise BadToken("not signed by this session") from e


def sign_hash(scalar: bytes, message: bytes) -> bytes:
    """Return the signature of 32 bytes by a private scalar (not a seed); verifies as ordinary ed25519."""
    z = reduce64(hashlib.sha512(hashlib.sha512(scalar).digest()[32:] + message).digest())
    r = base_point(z)
    c = reduce64(hashlib.sha512(r + base_point(scalar) + message).digest())
    s = ed.crypto_core_ed25519_scalar_add(ed.crypto_core_ed25519_scalar_mul(c, scalar), z)
    return r + s


def verify_hash(key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether a signature of 32 bytes was made by the owner of a one-time key."""
    try:
        VerifyKey(key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


def sign_transaction(
    tx: Transaction, views: Sequence[bytes], spend_seed: bytes, spent_keys: Sequence[Sequence[bytes]]
) -> Transaction:
    """Return the transaction with one signature per input.

    ``views`` are the server's scalars and ``spent_keys`` the keys listed in the spent outputs, both in
    input order. A signature's map index is the position of our key in that list.

    Raises:
        WrongKey: (view + spend)·G is not among an output's keys; nothing is signed then.
    """
    message = bytes.fromhex(transaction_hash(tx))
    scalars = [one_time_scalar(view, spend_seed) for view in views]
    positions = [_position(base_point(k), keys) for k, keys in zip(scalars, spent_keys, strict=True)]
    if len(positions) != len(tx.inputs):
        raise WrongKey("one view is needed for each input")
    signed = (((at, sign_hash(k, message)),) for at, k in zip(positions, scalars, strict=True))
    return replace(tx, signatures=tuple(signed))


def _position(key: bytes, keys: Sequence[bytes]) -> int:
    if key not in keys:
        raise WrongKey("the one-time key is not the spent output's")
    return list(keys).index(key)
