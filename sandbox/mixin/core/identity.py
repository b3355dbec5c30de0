"""Who is asking: request tokens over the raw path and body, and profiles."""

import base64
import binascii
import hashlib
import json
from itertools import islice
from typing import Any

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from sandbox.mixin.core import rows
from sandbox.mixin.core.calls import Call, Request
from sandbox.mixin.core.errors import missing, unauthorized
from sandbox.mixin.core.times import rfc3339
from sandbox.mixin.core.world import SECOND, World

CLOCK_TOLERANCE_S = 300


def authenticate(world: World, request: Request, *, handshake: bool = False) -> rows.User:
    """Return the user whose session signed exactly this request, and remember the token as used.

    A Blaze handshake has no ``X-Request-Id``; there the id of the token is only kept from being used twice.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    parts = token.split(".")
    if scheme != "Bearer" or len(parts) != 3:
        raise unauthorized("no bearer token of three parts")
    header, claims = _json(parts[0]), _json(parts[1])
    if header.get("alg") != "EdDSA":
        raise unauthorized("alg is not EdDSA")
    user = world.state.users.find(str(claims.get("uid")))
    if user is None or claims.get("sid") != user.session_id:
        raise unauthorized("unknown user or session")
    _check_signature(user, token)
    _check_claims(world, request, claims)
    _use_once(world, request, str(claims.get("jti", "")), handshake)
    return user


def _json(part: str) -> dict[str, Any]:
    try:
        value = json.loads(unpadded(part))
    except ValueError as e:
        raise unauthorized("a part of the token is not JSON") from e
    if not isinstance(value, dict):
        raise unauthorized("a part of the token is not an object")
    return value


def unpadded(text: str) -> bytes:
    """Return the bytes of URL-safe base64 without padding; strict about the alphabet."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as e:
        raise unauthorized("a part of the token is not base64url") from e


def _check_signature(user: rows.User, token: str) -> None:
    signed, _, signature = token.rpartition(".")
    try:
        VerifyKey(bytes.fromhex(user.session_public_key)).verify(signed.encode(), unpadded(signature))
    except (BadSignatureError, ValueError) as e:
        raise unauthorized("the signature is not by this session") from e


def _check_claims(world: World, request: Request, claims: dict[str, Any]) -> None:
    now = world.clock() // SECOND
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:
        raise unauthorized("iat and exp are whole seconds")
    if expires <= now:
        raise unauthorized("the token has expired")
    if abs(now - issued) > CLOCK_TOLERANCE_S:
        raise unauthorized("iat is more than five minutes off")
    if claims.get("scp") != "FULL":
        raise unauthorized("scp is not FULL")
    covered = hashlib.sha256(request.method.encode() + request.target.encode() + request.body).hexdigest()
    if claims.get("sig") != covered:
        raise unauthorized("sig does not cover this method, path and body")


def _use_once(world: World, request: Request, jti: str, handshake: bool) -> None:
    if not jti or (not handshake and request.headers.get("x-request-id") != jti):
        raise unauthorized("jti is not the X-Request-Id")
    tokens = world.state.tokens
    if jti in tokens:
        raise unauthorized("the token was used before")
    now = world.clock()
    tokens.put(rows.Token(jti, now))
    for oldest in list(islice(tokens, 2)):
        if now - oldest.seen_at > 2 * CLOCK_TOLERANCE_S * SECOND:
            tokens.drop(oldest.jti)


def profile(user: rows.User) -> dict[str, Any]:
    """Return a user as others see them."""
    shape: dict[str, Any] = {
        "type": "user",
        "user_id": user.user_id,
        "identity_number": user.identity_number,
        "full_name": user.name,
        "biography": "",
        "avatar_url": "",
        "relationship": "STRANGER",
        "is_verified": False,
        "is_scam": False,
        "has_safe": True,
        "membership": {"plan": "none", "expired_at": rfc3339(0)},
        "created_at": rfc3339(user.created_at),
    }
    if user.is_bot:
        shape["app"] = {
            "type": "app",
            "app_id": user.user_id,
            "app_number": user.identity_number,
            "name": user.name,
            "resource_patterns": list(user.resource_patterns),
            "capabilities": ["CONTACT", "GROUP"],
        }
    return shape


def me(world: World, call: Call) -> dict[str, Any]:
    user = call.caller
    return profile(user) | {
        "session_id": user.session_id,
        "spend_public_key": user.spend_public_key,
        "tip_key_base64": base64.urlsafe_b64encode(bytes.fromhex(user.spend_public_key))
        .rstrip(b"=")
        .decode(),
        "language": user.language,
        "fiat_currency": "USD",
        "relationship": "ME",
    }


def find_user(world: World, call: Call) -> dict[str, Any]:
    """Answer a profile by user id or identity number."""
    word = call.words["id"]
    user = world.state.users.find(word) or next(iter(world.state.users.by("number", word)), None)
    if user is None:
        raise missing("user")
    return profile(user)


def fetch_users(world: World, call: Call) -> list[dict[str, Any]]:
    users = (world.state.users.find(user_id) for user_id in call.texts())
    return [profile(user) for user in users if user]


def fetch_sessions(world: World, call: Call) -> list[dict[str, Any]]:
    users = (world.state.users.find(user_id) for user_id in call.texts())
    return [
        {
            "type": "session",
            "user_id": user.user_id,
            "session_id": user.session_id,
            "public_key": _curve25519(user.session_public_key),
            "platform": "Bot" if user.is_bot else "Android",
        }
        for user in users
        if user
    ]


def _curve25519(ed25519_hex: str) -> str:
    point = VerifyKey(bytes.fromhex(ed25519_hex)).to_curve25519_public_key().encode()
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()
