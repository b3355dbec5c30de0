"""Master keys: what wraps the keys of secrets. They live in files of their own, never in a database.

A master key has parts, each derived from it: for what the chat needs, for what moves money, for what the
Angel needs to clear a book. A process that only talks is given the first part
alone, the Angel its own. Its ``kid`` names a key and says nothing of it.
"""

import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from domain.secrets import Secret

ROOT_BYTES = 32
SHORTEST_PASSPHRASE = 16
_FEWEST_BYTES = 12
"""How many different bytes a random key has at least (32 of them have fewer once in 10^16)."""
_HEADER = (
    "# Keys of MrMarket: whoever has this file and the database has the secrets in it. Keep them apart.\n"
    "# The first line is used for what is sealed now, the others open what was sealed before.\n"
)
_WHOLE = re.compile(r"mrmarket-master-1 ([0-9a-f]{64})", re.ASCII)
_PART = re.compile(r"mrmarket-(chat|angel)-1 ([0-9a-f]{16}) ([0-9a-f]{64})", re.ASCII)
_PLACEHOLDER = re.compile(r"change[-_ ]?me|^(.)\1*$", re.IGNORECASE)


class BadMasterKey(ValueError):
    """The master key cannot be used; the text says what to do and never repeats it."""


class Purpose(StrEnum):
    """The parts of a master key."""

    CHAT = "chat"
    MONEY = "money"
    ANGEL = "angel"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A name, and a wrapping key for each purpose its holder was given."""

    kid: str
    wrapping: Mapping[Purpose, Secret[bytes]]
    root: Secret[bytes] | None = None
    """What all parts come from, unless one part alone was given."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a passphrase becomes a key; kept in the clear beside what it opens."""

    salt: bytes
    n: int = 2**17
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        """Refuse what would be too weak, or would stop the machine, whoever wrote it."""
        if len(self.salt) < 16 or not 2**14 <= self.n <= 2**20 or self.r != 8 or not 1 <= self.p <= 4:
            raise BadMasterKey("The salt of the passphrase was changed in the database: restore a backup.")


def new_derivation() -> Derivation:
    """Return a fresh salt with the present cost: 128 MB and about half a second."""
    return Derivation(os.urandom(16))


def new_root() -> Secret[bytes]:
    """Return a fresh 256-bit key."""
    return Secret(os.urandom(ROOT_BYTES))


def master_of(root: Secret[bytes]) -> MasterKey:
    """Return the master key of 32 random bytes.

    Raises:
        BadMasterKey: it is of another length, or not random.
    """
    if len(root.reveal()) != ROOT_BYTES or len(set(root.reveal())) < _FEWEST_BYTES:
        raise BadMasterKey("A master key is 32 random bytes: let mrmarket keys init make one.")
    wrapping = {purpose: _derived(root, f"wrap {purpose}") for purpose in Purpose}
    return MasterKey(_derived(root, "kid").reveal()[:8].hex(), wrapping, root)


def from_passphrase(passphrase: Secret[str], derivation: Derivation) -> MasterKey:
    """Return the master key that a passphrase makes with a salt.

    Raises:
        BadMasterKey: the passphrase is too short, or a placeholder.
    """
    text = _checked(passphrase).reveal()
    cost = {"n": derivation.n, "r": derivation.r, "p": derivation.p}
    stretched = Scrypt(salt=derivation.salt, length=ROOT_BYTES, **cost)
    return master_of(Secret(stretched.derive(text.encode())))


def _checked(passphrase: Secret[str]) -> Secret[str]:
    text = passphrase.reveal()
    if len(text) < SHORTEST_PASSPHRASE or _PLACEHOLDER.search(text):
        raise BadMasterKey(
            f"A master passphrase has at least {SHORTEST_PASSPHRASE} characters and is not a placeholder."
        )
    return passphrase


def read_private(path: Path, what: str) -> Secret[str]:
    """Return the text of a file that nobody else may read.

    Raises:
        BadMasterKey: it cannot be read, is empty, or others can read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(65536).decode()
    except OSError as error:
        raise BadMasterKey(f"{what} {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadMasterKey(f"{what} {path} is no text.") from None
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise BadMasterKey(f"Others can read or change {path}: chmod 400 {path}.")
    if not text.strip():
        raise BadMasterKey(f"{what} {path} is empty.")
    return Secret(text)


def read_masters(path: Path) -> list[MasterKey]:
    """Return the master keys in a key file, the one in use first.

    Raises:
        BadMasterKey: with a sentence that says what is wrong and what to do.
    """
    lines = [line.strip() for line in read_private(path, "The key file").reveal().splitlines()]
    masters = [_read_line(path, line) for line in lines if line and not line.startswith("#")]
    if not masters or len({master.kid for master in masters}) < len(masters):
        raise BadMasterKey(f"The key file {path} holds no key, or one twice.")
    return masters


def _read_line(path: Path, line: str) -> MasterKey:
    if found := _WHOLE.fullmatch(line):
        return master_of(Secret(bytes.fromhex(found[1])))
    if found := _PART.fullmatch(line):
        return MasterKey(found[2], {Purpose(found[1]): Secret(bytes.fromhex(found[3]))})
    raise BadMasterKey(f"{path} holds a line that is no key: let mrmarket keys init make the file.")


def read_passphrases(path: Path) -> list[Secret[str]]:
    """Return the passphrases in a file, one a line, the one in use first.

    Raises:
        BadMasterKey: it cannot be read, is empty, others can read it, or one is too short.
    """
    lines = read_private(path, "The passphrase file").reveal().splitlines()
    return [_checked(Secret(line)) for line in lines if line.strip()]


def write_masters(path: Path, masters: Sequence[MasterKey]) -> None:
    """Write the key file, whole or not at all, and beside it those for the bot and the Angel.

    Raises:
        OSError: it cannot be written.
        BadMasterKey: only a part of a key is known here, and the others would be lost.
    """
    whole = "".join(_whole(path, master) for master in masters)
    write_parts(path, masters)
    write_private(path, _HEADER + whole)


def write_parts(path: Path, masters: Sequence[MasterKey]) -> None:
    """Write the files with the parts that bot and Angel are given, beside the key file.

    Raises:
        OSError: one cannot be written.
    """
    for file, purpose in ((bot_file(path), Purpose.CHAT), (angel_file(path), Purpose.ANGEL)):
        write_private(file, _HEADER + "".join(_part(master, purpose) for master in masters))


def bot_file(path: Path) -> Path:
    """Return where the part that the bot is given lies."""
    return path.with_name(f"{path.name}.bot")


def angel_file(path: Path) -> Path:
    """Return where the part that the Angel is given lies."""
    return path.with_name(f"{path.name}.angel")


def _whole(path: Path, master: MasterKey) -> str:
    if master.root is None:
        raise BadMasterKey(f"{path} is a part of a key: name the whole one.")
    return f"mrmarket-master-1 {master.root.reveal().hex()}\n"


def _part(master: MasterKey, purpose: Purpose) -> str:
    return f"mrmarket-{purpose}-1 {master.kid} {master.wrapping[purpose].reveal().hex()}\n"


def write_private(path: Path, text: str) -> None:
    """Write a file that only we may read, whole or not at all, and durably."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def kids(masters: Iterable[MasterKey]) -> list[str]:
    """Return the names of master keys."""
    return [master.kid for master in masters]


def _derived(root: Secret[bytes], info: str) -> Secret[bytes]:
    stretch = HKDF(SHA256(), length=32, salt=None, info=f"mrmarket 1 {info}".encode())
    return Secret(stretch.derive(root.reveal()))
