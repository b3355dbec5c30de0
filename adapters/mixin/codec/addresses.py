"""Addresses people and wallets are known by: ``XIN…``, ``MIX…``, and invoices ``MIN…`` (mixin.md §5.5)."""

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.mixin.codec.ids import b64url

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_MIX_VERSION = 2


def main_address(spend_public: bytes, view_public: bytes) -> str:
    """Return the ``XIN…`` address of a key pair on the main network."""
    keys = spend_public + view_public
    return "XIN" + base58(keys + _checksum(b"XIN" + keys))


def main_address_keys(address: str) -> tuple[bytes, bytes]:
    """Return spend and view public keys of a ``XIN…`` address.

    Raises:
        ValueError: it is no such address, or its checksum is wrong.
    """
    data = _checked(address, "XIN")
    if len(data) != 64:
        raise ValueError("a XIN address holds two keys")
    return data[:32], data[32:]


def mix_payload(members: Sequence[str], threshold: int) -> bytes:
    """Return the bytes of a ``MIX…`` address: members are user ids, or ``XIN…`` addresses."""
    parts = (b"".join(main_address_keys(m)) if m.startswith("XIN") else uuid.UUID(m).bytes for m in members)
    return bytes((_MIX_VERSION, threshold, len(members))) + b"".join(parts)


def mix_address(members: Sequence[str], threshold: int) -> str:
    """Return the ``MIX…`` address of a wallet owned by members."""
    payload = mix_payload(members, threshold)
    return "MIX" + base58(payload + _checksum(b"MIX" + payload))


def mix_address_payload(address: str) -> bytes:
    """Return the payload of a ``MIX…`` address.

    Raises:
        ValueError: it is no such address, or its checksum is wrong.
    """
    return _checked(address, "MIX")


@dataclass(frozen=True, slots=True)
class InvoiceEntry:
    """One payment of an invoice; references point to earlier entries or to transactions."""

    trace_id: str
    asset_id: str
    amount: Decimal
    extra: bytes = b""
    index_references: tuple[int, ...] = ()
    hash_references: tuple[bytes, ...] = ()


def invoice(recipient: str, entries: Iterable[InvoiceEntry]) -> str:
    """Return the ``MIN…`` invoice that asks a payer for several payments to a ``MIX…`` recipient."""
    mix = mix_address_payload(recipient)
    listed = list(entries)
    payload = b"\x00" + len(mix).to_bytes(2, "big") + mix + bytes([len(listed)])
    payload += b"".join(map(_entry_bytes, listed))
    return "MIN" + b64url(payload + _checksum(b"MIN" + payload))


def _entry_bytes(entry: InvoiceEntry) -> bytes:
    amount = format(entry.amount.quantize(Decimal("1e-8")), "f").encode()
    parts = [uuid.UUID(entry.trace_id).bytes, uuid.UUID(entry.asset_id).bytes, bytes([len(amount)]), amount]
    parts += [len(entry.extra).to_bytes(2, "big"), entry.extra]
    parts.append(bytes([len(entry.index_references) + len(entry.hash_references)]))
    parts += [b"\x01" + bytes([index]) for index in entry.index_references]
    parts += [b"\x00" + reference for reference in entry.hash_references]
    return b"".join(parts)


def base58(data: bytes) -> str:
    """Return base58 text; leading zero bytes become ones."""
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\x00"))) + text


def unbase58(text: str) -> bytes:
    """Return the bytes of base58 text.

    Raises:
        ValueError: a character is not of the alphabet.
    """
    number = 0
    for character in text:
        number = number * 58 + _ALPHABET.index(character)
    body = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes(len(text) - len(text.lstrip("1"))) + body


def _checked(address: str, prefix: str) -> bytes:
    if not address.startswith(prefix):
        raise ValueError(f"not a {prefix} address")
    data = unbase58(address.removeprefix(prefix))
    payload, checksum = data[:-4], data[-4:]
    if checksum != _checksum(prefix.encode() + payload):
        raise ValueError(f"the checksum of the {prefix} address is wrong")
    return payload


def _checksum(data: bytes) -> bytes:
    return hashlib.sha3_256(data).digest()[:4]
