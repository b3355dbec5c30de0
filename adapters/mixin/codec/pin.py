"""What the few PIN-protected calls want: TIP messages and their encryption (mixin.md §1.3)."""

import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from nacl import bindings as nacl
from nacl.signing import SigningKey

from adapters.mixin.codec.ids import b64url, unb64


def tip_body(*parts: str) -> bytes:
    """Return the message to sign: SHA-256 of the joined parts, such as ``TIP:ADDRESS:ADD:``, asset, …"""
    return hashlib.sha256("".join(parts).encode()).digest()


def tip_signature(spend_seed: bytes, body: bytes) -> bytes:
    """Return the 64 bytes that stand where a PIN once stood."""
    return SigningKey(spend_seed).sign(body).signature


def safe_registration_signature(user_id: str, spend_seed: bytes) -> str:
    """Return base64url of the signature of SHA3-256 of the user id."""
    return b64url(SigningKey(spend_seed).sign(hashlib.sha3_256(user_id.encode()).digest()).signature)


def shared_key(session_seed: bytes, server_public_key: bytes) -> bytes:
    """Return the AES key that a session shares with the server (X25519 on converted ed25519 keys)."""
    pair = SigningKey(session_seed)
    secret = nacl.crypto_sign_ed25519_sk_to_curve25519(bytes(pair) + bytes(pair.verify_key))
    return nacl.crypto_scalarmult(secret, nacl.crypto_sign_ed25519_pk_to_curve25519(server_public_key))


def encrypt_pin(key: bytes, pin: bytes, seconds: int, counter: int) -> str:
    """Return ``pin_base64``: IV and AES-256-CBC of pin, time and an increasing counter."""
    padder = PKCS7(128).padder()
    plain = pin + seconds.to_bytes(8, "little") + counter.to_bytes(8, "little")
    iv = os.urandom(16)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return b64url(iv + encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize())


def decrypt_pin(key: bytes, pin_base64: str) -> bytes:
    """Return the PIN in ``pin_base64`` without time and counter.

    Raises:
        ValueError: the key is wrong or the text was changed.
    """
    data = unb64(pin_base64)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(data[:16])).decryptor()
    unpadder = PKCS7(128).unpadder()
    plain = unpadder.update(decryptor.update(data[16:]) + decryptor.finalize()) + unpadder.finalize()
    return plain[:-16]
