"""Blaze frames: one gzip member with one JSON object."""

import gzip
import json
import zlib
from typing import Any

MAX_FRAME = 4 * 1024 * 1024


def pack_frame(message: dict[str, Any]) -> bytes:
    """Return a binary frame."""
    return gzip.compress(json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode(), mtime=0)


def unpack_frame(frame: bytes) -> dict[str, Any]:
    """Return the object in a frame.

    Raises:
        ValueError: not gzip, not JSON, not an object, or larger than four megabytes unpacked.
    """
    inflate = zlib.decompressobj(wbits=31)
    try:
        text = inflate.decompress(frame, MAX_FRAME)
        if inflate.unconsumed_tail or not inflate.eof:
            raise ValueError("frame too large or cut")
        message = json.loads(text)
    except zlib.error as e:
        raise ValueError("frame is not gzip") from e
    except RecursionError as e:
        raise ValueError("frame is nested too deeply") from e
    if not isinstance(message, dict):
        raise ValueError("frame holds no object")  # noqa: TRY004  # callers treat every bad frame alike
    return message
