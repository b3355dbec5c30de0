"""Keys on ed25519: spend keys, view keys, and the one-time keys made from both (mixin.md §5.3–5.4)."""

import hashlib

from blake3 import blake3
from nacl import bindings as ed
from nacl.signing import SigningKey

from adapters.mixin.codec.ids import unique_id


def public_key(seed: bytes) -> bytes:
    """Return the ed25519 public key of a 32-byte seed."""
    return bytes(SigningKey(seed).verify_key)


def scalar_of_seed(seed: bytes) -> bytes:
    """Return the private scalar of a seed: clamped, then reduced modulo the group order."""
    half = bytearray(hashlib.sha512(seed).digest()[:32])
    half[0] &= 0xF8
    half[31] = half[31] & 0x3F | 0x40
    return reduce64(bytes(half) + bytes(32))


def reduce64(wide: bytes) -> bytes:
    """Return 64 little-endian bytes modulo the group order."""
    return ed.crypto_core_ed25519_scalar_reduce(wide)


def add_scalars(one: bytes, other: bytes) -> bytes:
    """Return the sum of two scalars modulo the group order."""
    return ed.crypto_core_ed25519_scalar_add(one, other)


def base_point(scalar: bytes) -> bytes:
    """Return scalar · G."""
    return ed.crypto_scalarmult_ed25519_base_noclamp(scalar)


def is_valid_point(point: bytes) -> bool:
    """Tell whether bytes are a canonical point of the prime-order group."""
    return len(point) == 32 and ed.crypto_core_ed25519_is_valid_point(point)


def ghost_public_key(r: bytes, view_public: bytes, spend_public: bytes, index: int) -> bytes:
    """Return the one-time key of a receiver: H(r·A, i)·G + B, with ``r`` a scalar and mask = r·G."""
    shared = _hash_scalar(ed.crypto_scalarmult_ed25519_noclamp(r, view_public), index)
    return ed.crypto_core_ed25519_add(base_point(shared), spend_public)


def view_of(view_private: bytes, mask: bytes, index: int) -> bytes:
    """Return the scalar a server hands out for one output: H(a·mask, i)."""
    return _hash_scalar(ed.crypto_scalarmult_ed25519_noclamp(view_private, mask), index)


def one_time_scalar(view: bytes, spend_seed: bytes) -> bytes:
    """Return the private scalar of an output: view + spend."""
    return add_scalars(view, scalar_of_seed(spend_seed))


def client_side_r(trace_id: str, index: int, spend_seed: bytes) -> bytes:
    """Return the scalar a payer derives itself for a main-network (``XIN…``) receiver."""
    trace_hash, seed_hash = _trace_hashes(trace_id, index)
    return reduce64(trace_hash + blake3(seed_hash + spend_seed).digest())


def ghost_hint(trace_id: str, index: int) -> str:
    """Return a stable hint for one output of a request, so that a retry gets the same keys."""
    return unique_id(trace_id, "OUTPUT", str(index))


def go_sdk_hint(trace_id: str, index: int) -> str:
    """Return the hint the Go SDK derives, for comparison: any stable one works."""
    trace_hash, seed_hash = _trace_hashes(trace_id, index)
    return unique_id(trace_hash.hex(), seed_hash.hex())


def _trace_hashes(trace_id: str, index: int) -> tuple[bytes, bytes]:
    trace_hash = blake3(trace_id.encode()).digest()
    minimal = index.to_bytes((index.bit_length() + 7) // 8, "big")
    return trace_hash, blake3(trace_hash + minimal).digest()


def _hash_scalar(point: bytes, index: int) -> bytes:
    return _to_scalar(_to_scalar(point + uvarint(index)))


def _to_scalar(data: bytes) -> bytes:
    once = blake3(data).digest()
    return reduce64(once + blake3(once).digest())


def uvarint(value: int) -> bytes:
    """Return a number in groups of seven bits, low first, high bit meaning more."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
