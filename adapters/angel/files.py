"""The Angel's own files, in a directory of its own: its log, what it has kept of the store, and its name."""

import errno
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from adapters.sealing.envelope import Kind, Label, Sealed
from adapters.sealing.masters import write_private
from domain.angel.entries import Entry
from domain.angel.watch import Sign, Standing
from domain.errors import Unavailable
from domain.ids import VenueAccountName
from domain.leases import Scope
from domain.market.model import Pair
from domain.ports.angel import Memory

_PREFIX = "angel:"

_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)
"""What reading a file raises that is not as we wrote it."""

_LONGEST = 4_000_000
"""How many bytes a log has before it is put aside, once the store has all of it."""


def own_name(directory: Path) -> str:
    """Return this Angel's name among holders of leases: the same in each of its lives, and nobody else's."""
    file, name = directory / "name", ""
    with suppress(OSError):
        name = file.read_text(encoding="utf-8", errors="replace").strip()
    if not name.startswith(_PREFIX):  # the database would take no other's word
        name = f"{_PREFIX}{socket.gethostname()}:{secrets.token_hex(4)}"
        with suppress(OSError):  # a full disk: the next life has another name, and waits for this one's end
            write_private(file, f"{name}\n")
    return name


@contextmanager
def alone_in(directory: Path) -> Iterator[bool]:
    """Keep other Angels out of a directory meanwhile; tell whether none is there.

    Two of one name would take an account from each other for ever. A disk on which nothing can be kept shut
    keeps nobody from watching.
    """
    try:
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield True
        return
    try:
        yield _locked(lock)
    finally:
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


class DiaryFile:
    """One line of JSON for each entry, appended and never changed, as ``domain.ports.angel.Diary``.

    A line ``{"noted": id}`` says that the store has that entry too. What a fall or a full disk cut off is no
    entry. Nothing that is wrong with the file keeps the Angel from its work.
    """

    def __init__(self, path: Path) -> None:
        """Read what earlier lives wrote, as far as it can be read."""
        self._path = path
        self._open: dict[str, Entry] = {}
        text = ""
        with suppress(OSError):
            text = path.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            self._read(line)
        self._torn = not text.endswith("\n") and text != ""
        if not self._open and len(text) > _LONGEST:
            with suppress(OSError):
                path.replace(path.with_name(f"{path.name}.1"))
                self._torn = False

    def write(self, entry: Entry) -> None:
        """Write an entry down so that it outlives this process and this machine's fall.

        Raises:
            Unavailable: ``diary_unwritable``.
        """
        self._append(json.dumps(entry.line()), durably=True)
        self._open[entry.id] = entry

    def noted(self, entry: Entry) -> None:
        """Note that the store has it too; if that gets lost, the store is told again and does nothing."""
        if self._open.pop(entry.id, None) is not None:
            self._append(json.dumps({"noted": entry.id}), durably=False)

    def unnoted(self) -> Sequence[Entry]:
        """Return what the store may not have yet, oldest first."""
        return list(self._open.values())

    def _append(self, line: str, *, durably: bool) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n" if self._torn else f"{line}\n")
                file.flush()
                if durably:
                    os.fsync(file.fileno())
            self._torn = False
        except OSError as error:
            self._torn = True  # half of the line may be there: the next one begins anew
            raise Unavailable("diary_unwritable", path=str(self._path), why=str(error.strerror)) from error

    def _read(self, line: str) -> None:
        try:
            said = json.loads(line)
            if "noted" in said:
                self._open.pop(said["noted"], None)
            else:
                entry = Entry.read(said)
                self._open[entry.id] = entry
        except _UNREADABLE:
            return


class KeepsakeFile:
    """What the Angel keeps of the store, in one small file, as ``domain.ports.angel.Keepsake``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, memory: Memory) -> None:
        """Keep it, in place of what was kept before."""
        signs = [
            [
                *(sign.scope, sign.epoch, sign.holder, sign.standing, sign.renewed_ago_s, sign.left_s),
                sign.left_behind,
            ]
            for sign in memory.signs
        ]
        pairs = {account: list(map(str, pairs)) for account, pairs in memory.pairs.items()}
        write_private(self._path, json.dumps({"signs": signs, "pairs": pairs}))

    def recall(self) -> Memory:
        """Return what was kept last, nothing at first."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            signs = [_sign(row) for row in kept["signs"]]
            pairs = {VenueAccountName(name): list(map(Pair.parse, of)) for name, of in kept["pairs"].items()}
        except _UNREADABLE:
            return Memory((), {})
        return Memory(signs, pairs)


def _sign(row: Sequence[Any]) -> Sign:
    scope, epoch, holder, standing, ago_s, left_s, *behind = row  # an older copy does not say it
    left_behind = bool(behind and behind[0])
    times = float(ago_s), float(left_s)
    return Sign(
        Scope(str(scope)), int(epoch), str(holder), Standing(standing), *times, left_behind=left_behind
    )


class SealedCopy:
    """The Angel's keys as they are sealed in the database: whoever finds the file cannot open it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, current: Mapping[str, Sealed]) -> None:
        """Keep them, in place of what was kept before."""
        write_private(self._path, json.dumps([_row(sealed) for _, sealed in sorted(current.items())]))

    def recall(self) -> dict[str, Sealed]:
        """Return what was kept last by the account's name, nothing at first."""
        try:
            kept = [_sealed(row) for row in json.loads(self._path.read_text(encoding="utf-8"))]
        except _UNREADABLE:
            return {}
        return {sealed.label.name: sealed for sealed in kept}


def _row(sealed: Sealed) -> dict[str, Any]:
    label = sealed.label
    return {
        "instance": label.instance,
        "id": label.id,
        "kind": label.kind,
        "name": label.name,
        "version": label.version,
        "nonce": sealed.nonce.hex(),
        "ciphertext": sealed.ciphertext.hex(),
        "kid": sealed.kid,
        "wrapped_key": sealed.wrapped_key.hex(),
    }


def _sealed(row: Mapping[str, Any]) -> Sealed:
    label = Label(row["instance"], row["id"], Kind(row["kind"]), row["name"], row["version"])
    nonce, ciphertext, wrapped = (bytes.fromhex(row[part]) for part in ("nonce", "ciphertext", "wrapped_key"))
    return Sealed(label, nonce, ciphertext, row["kid"], wrapped)
