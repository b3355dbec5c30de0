"""Looks for planted secrets wherever a program may have let them lie, in every writing they may have."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path


def writings(secret: str) -> Iterator[bytes]:
    """Return how a secret may be written: as it is, in hex, in base64 wherever it begins there."""
    for raw in {secret.encode(), *_as_bytes(secret)}:
        yield raw
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        for offset in range(3):
            whole = base64.b64encode(bytes(offset) + raw)
            core = whole[(offset * 4 + 2) // 3 : len(whole) - 4]  # what stands beside it does not change it
            yield core
            yield core.translate(bytes.maketrans(b"+/", b"-_"))
    yield secret.encode("utf-16-le")


def _as_bytes(secret: str) -> list[bytes]:
    try:
        return [bytes.fromhex(secret)]
    except ValueError:
        return []


def hits(places: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[str]:
    """Return every secret found, and where."""
    return [
        f"{name} in {place}"
        for name, secret in secrets.items()
        for writing in set(writings(secret))
        for place, content in places.items()
        if writing in content
    ]


def files(*roots: Path, without: Iterable[Path] = ()) -> dict[str, bytes]:
    """Return the contents of all files below some roots, but those where secrets belong."""
    spared = set(without)
    return {
        str(path): path.read_bytes()
        for root in roots
        for path in root.rglob("*")
        if path.is_file() and path not in spared and not spared & set(path.parents)
    }
