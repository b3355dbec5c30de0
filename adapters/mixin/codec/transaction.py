"""Safe transactions, version 5: encoding, strict decoding, hash (mixin.md §5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal

from blake3 import blake3

from adapters.mixin.codec.keys import is_valid_point

MAGIC = b"\x77\x77\x00\x05"
PLACES = 8
MAX_SLICE = 256
MAX_REFERENCES = 16
MAX_INDEX = 1024
SCRIPT, WITHDRAWAL = 0x00, 0xA1

_PRESENT, _ABSENT = b"\x77\x77", b"\x00\x00"
_NO_MASK = bytes(32)
_WIDE = Context(prec=100)  # amounts may have 256 bits


class BadTransaction(ValueError):
    """Bytes or parts that are no valid transaction; the text says why."""


@dataclass(frozen=True, slots=True)
class Input:
    """An output that is spent."""

    hash: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a withdrawal leaves the network to."""

    address: str
    tag: str


@dataclass(frozen=True, slots=True)
class Output:
    """A new output: one-time keys of its owners, or a way out of the network."""

    amount: Decimal
    keys: tuple[bytes, ...] = ()
    mask: bytes = _NO_MASK
    script: bytes = b""
    withdrawal: Destination | None = None

    @property
    def threshold(self) -> int:
        """Return how many owners must sign."""
        return self.script[2] if self.script else 0


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is signed: one asset, inputs, outputs, references to other transactions, a memo."""

    asset: bytes
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    extra: bytes = b""
    references: tuple[bytes, ...] = ()
    signatures: tuple[tuple[tuple[int, bytes], ...], ...] = ()

    @property
    def unsigned(self) -> "Transaction":
        """Return the same without signatures."""
        return replace(self, signatures=())


def script(threshold: int) -> bytes:
    """Return the script that asks for so many signatures."""
    return bytes((0xFF, 0xFE, threshold))


def units(amount: Decimal) -> int:
    """Return an amount in units of 0.00000001.

    Raises:
        BadTransaction: it is not positive and finite, or has more than eight places (SDKs cut or
            round those silently; we refuse).
    """
    if not amount.is_finite() or amount <= 0:
        raise BadTransaction(f"amount {amount} is not positive")
    scaled = amount.scaleb(PLACES, _WIDE)
    if scaled != scaled.to_integral_value(context=_WIDE):
        raise BadTransaction(f"amount {amount} has more than {PLACES} places")
    return int(scaled)


def encode(tx: Transaction) -> bytes:
    """Return the bytes of a transaction, signed when it carries signatures."""
    parts = [MAGIC, tx.asset, _u16(len(tx.inputs))]
    parts += [spent.hash + _u16(spent.index) + _u16(0) + _ABSENT + _ABSENT for spent in tx.inputs]
    parts += [_u16(len(tx.outputs)), *(_encode_output(output) for output in tx.outputs)]
    parts += [_u16(len(tx.references)), *tx.references]
    parts += [len(tx.extra).to_bytes(4, "big"), tx.extra, _u16(len(tx.signatures))]
    for signed in tx.signatures:
        parts += [_u16(len(signed)), *(_u16(index) + signature for index, signature in sorted(signed))]
    return b"".join(parts)


def transaction_hash(tx: Transaction) -> str:
    """Return BLAKE3-256 (hex) of the encoding without signatures."""
    return blake3(encode(tx.unsigned)).hexdigest()


def _encode_output(output: Output) -> bytes:
    kind = SCRIPT if output.withdrawal is None else WITHDRAWAL
    body = [
        bytes((0, kind)),
        _amount(units(output.amount)),
        _u16(len(output.keys)),
        *output.keys,
        output.mask,
    ]
    body.append(_sized(output.script))
    if output.withdrawal is None:
        return b"".join([*body, _ABSENT])
    out = output.withdrawal
    return b"".join([*body, _PRESENT, _sized(out.address.encode()), _sized(out.tag.encode())])


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "big")


def _sized(data: bytes) -> bytes:
    return _u16(len(data)) + data


def _amount(number: int) -> bytes:
    return _sized(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def decode(raw: bytes) -> Transaction:
    """Return the transaction in bytes, checked: canonical, within limits, nothing after its end.

    Raises:
        BadTransaction: with the rule that was broken.
    """
    reader = _Reader(raw)
    if reader.take(4) != MAGIC:
        raise BadTransaction("not a transaction of version 5")
    tx = Transaction(
        asset=reader.take(32),
        inputs=tuple(_read_input(reader) for _ in range(reader.u16())),
        outputs=tuple(_read_output(reader) for _ in range(reader.u16())),
        references=tuple(reader.take(32) for _ in range(reader.u16())),
        extra=reader.take(int.from_bytes(reader.take(4), "big")),
        signatures=tuple(
            tuple((reader.u16(), reader.take(64)) for _ in range(reader.u16())) for _ in range(reader.u16())
        ),
    )
    if not reader.at_end or encode(tx) != raw:
        raise BadTransaction("the encoding is not canonical")
    check(tx)
    return tx


def check(tx: Transaction) -> None:
    """Refuse what the network refuses, as far as the bytes alone tell.

    Raises:
        BadTransaction: with the rule that was broken.
    """
    rules: Sequence[tuple[bool, str]] = (
        (1 <= len(tx.inputs) <= MAX_SLICE, f"1 to {MAX_SLICE} inputs"),
        (1 <= len(tx.outputs) <= MAX_SLICE, f"1 to {MAX_SLICE} outputs"),
        (len(set(tx.inputs)) == len(tx.inputs), "no input twice"),
        (all(spent.index <= MAX_INDEX for spent in tx.inputs), f"input index at most {MAX_INDEX}"),
        (len(tx.references) <= MAX_REFERENCES, f"at most {MAX_REFERENCES} references"),
        (all(output.withdrawal is None for output in tx.outputs[1:]), "a withdrawal is output 0"),
        (_keys_are_distinct(tx), "no key twice"),
        (all(map(_output_is_sound, tx.outputs)), "keys and masks are points, scripts have a threshold"),
        (len(tx.signatures) in (0, len(tx.inputs)), "one signature map per input"),
    )
    for holds, rule in rules:
        if not holds:
            raise BadTransaction(f"rule broken: {rule}")


def _keys_are_distinct(tx: Transaction) -> bool:
    keys = [key for output in tx.outputs for key in output.keys]
    return len(set(keys)) == len(keys)


def _output_is_sound(output: Output) -> bool:
    if output.withdrawal is not None:
        return not output.keys and not output.script and output.mask == _NO_MASK
    points = all(map(is_valid_point, (output.mask, *output.keys)))
    return points and len(output.script) == 3 and output.script[:2] == b"\xff\xfe" and output.threshold <= 64


def _read_input(reader: "_Reader") -> Input:
    spent = Input(reader.take(32), reader.u16())
    if reader.take(6) != bytes(6):
        raise BadTransaction("genesis, deposit and mint inputs are the kernel's")
    return spent


def _read_output(reader: "_Reader") -> Output:
    kind = reader.u16()
    amount = reader.sized()
    if kind not in (SCRIPT, WITHDRAWAL) or not amount or amount[0] == 0:
        raise BadTransaction("output of unknown type, or amount not minimal")
    keys = tuple(reader.take(32) for _ in range(reader.u16()))
    mask, code = reader.take(32), reader.sized()
    flag = reader.take(2)
    if flag != (_ABSENT if kind == SCRIPT else _PRESENT):
        raise BadTransaction("withdrawal flag does not match the output's type")
    try:
        out = Destination(reader.sized().decode(), reader.sized().decode()) if flag == _PRESENT else None
    except UnicodeDecodeError as e:
        raise BadTransaction("withdrawal address is not text") from e
    return Output(Decimal(int.from_bytes(amount, "big")).scaleb(-PLACES, _WIDE), keys, mask, code, out)


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._raw)

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._raw):
            raise BadTransaction("the bytes end too early")
        self._at += count
        return self._raw[self._at - count : self._at]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def sized(self) -> bytes:
        return self.take(self.u16())
