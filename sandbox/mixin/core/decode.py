"""A raw transaction read strictly: one reading of the bytes, nothing left over, nothing in a second way.

Written apart from the codec that clients build with, so that the two check each other.
"""

from dataclasses import dataclass

from blake3 import blake3

from sandbox.mixin.core.errors import invalid

SCRIPT, WITHDRAWAL = 0x00, 0xA1
LARGEST_BYTES = 4 * 1024 * 1024
HIGHEST_INDEX = 1024
_PRESENT, _ABSENT = b"\x77\x77", b"\x00\x00"


@dataclass(frozen=True, slots=True)
class Out:
    """One output; hex for keys and mask, as rows and JSON have them."""

    kind: int
    units: int
    keys: tuple[str, ...]
    mask: str
    script: bytes
    address: str
    tag: str

    @property
    def threshold(self) -> int:
        return self.script[2] if len(self.script) == 3 else 0


@dataclass(frozen=True, slots=True)
class Tx:
    """A decoded transaction. Inputs are named ``hash:index``; one map of signatures per input, or none."""

    hash: str
    asset: str
    inputs: tuple[str, ...]
    outputs: tuple[Out, ...]
    references: tuple[str, ...]
    extra: bytes
    signatures: tuple[dict[int, bytes], ...]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) != size:
            raise invalid("raw", "ends too early")
        self.at += size
        return piece

    def number(self, size: int = 2) -> int:
        return int.from_bytes(self.take(size))

    def counted(self) -> bytes:
        return self.take(self.number())

    def units(self) -> int:
        amount = self.counted()
        if amount[:1] in {b"", b"\x00"}:
            raise invalid("raw", "an amount is zero or not minimal")
        return int.from_bytes(amount)

    def flag(self) -> bool:
        mark = self.take(2)
        if mark not in {_PRESENT, _ABSENT}:
            raise invalid("raw", "a flag is neither present nor absent")
        return mark == _PRESENT


def read(raw: str) -> Tx:
    """Return the transaction of this lower-case hex, or refuse it."""
    if len(raw) > 2 * LARGEST_BYTES:
        raise invalid("raw", "more than 4 MB")
    try:
        reader = _Reader(bytes.fromhex(raw))
    except ValueError as e:
        raise invalid("raw", "not hex") from e
    if reader.data.hex() != raw:
        raise invalid("raw", "not lower-case hex")
    if reader.take(4) != b"\x77\x77\x00\x05":
        raise invalid("raw", "not a version 5 transaction")
    asset = reader.take(32).hex()
    inputs = tuple(_input(reader) for _ in range(reader.number()))
    outputs = tuple(_output(reader) for _ in range(reader.number()))
    references = tuple(reader.take(32).hex() for _ in range(reader.number()))
    extra = reader.take(reader.number(4))
    body = reader.data[: reader.at]
    signatures = tuple(_signatures(reader) for _ in range(reader.number()))
    if reader.at != len(reader.data):
        raise invalid("raw", "something follows the end")
    return Tx(blake3(body + _ABSENT).hexdigest(), asset, inputs, outputs, references, extra, signatures)


def _input(reader: _Reader) -> str:
    name, index = reader.take(32).hex(), reader.number()
    if index > HIGHEST_INDEX:
        raise invalid("raw", "an input index is above 1024")
    if reader.counted() or reader.flag() or reader.flag():
        raise invalid("raw", "genesis, deposit and mint inputs are not for wallets")
    return f"{name}:{index}"


def _output(reader: _Reader) -> Out:
    if reader.take(1) != b"\x00":
        raise invalid("raw", "an output type is unknown")
    kind, units = reader.number(1), reader.units()
    keys = tuple(reader.take(32).hex() for _ in range(reader.number()))
    mask, script = reader.take(32).hex(), reader.counted()
    address, tag = (reader.counted(), reader.counted()) if reader.flag() else (b"", b"")
    try:
        return Out(kind, units, keys, mask, script, address.decode(), tag.decode())
    except UnicodeDecodeError as e:
        raise invalid("raw", "an address is not text") from e


def _signatures(reader: _Reader) -> dict[int, bytes]:
    signatures: dict[int, bytes] = {}
    for _ in range(reader.number()):
        index, signature = reader.number(), reader.take(64)
        if signatures and index <= max(signatures):
            raise invalid("raw", "key indices do not ascend")
        signatures[index] = signature
    return signatures
