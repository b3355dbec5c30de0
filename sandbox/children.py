"""Child processes that never outlive us, and the identity that servers refusing root run under."""

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_NOBODY = 65534
_libc = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None


class CannotStart(Exception):
    """Something of the sandbox cannot start; the text is a sentence that says what to do."""


def dies_with_us(sig: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Return what a new child runs first: a wish to get ``sig`` when the thread that started it ends.

    Survives ``exec`` and ``unshare``. Start children from the main thread.
    """

    starter = os.getpid()

    def ask_kernel() -> None:
        if _libc is not None and hasattr(_libc, "prctl"):
            _libc.prctl(_PR_SET_PDEATHSIG, sig)
            if os.getppid() != starter:  # it ended before we asked
                os._exit(1)

    return ask_kernel


@dataclass(frozen=True, slots=True)
class Guise:
    """How a server that refuses root is started: what stands before its command, and who owns its files."""

    prefix: tuple[str, ...] = ()
    owner: int | None = None  # None: we ourselves

    def dress(self, command: Sequence[str]) -> list[str]:
        """Return the command in this guise."""
        return [*self.prefix, *command]

    def own(self, state: Path) -> None:
        """Make a directory and all below belong to who runs in this guise; only root can and needs to."""
        owner = os.getuid() if self.owner is None else self.owner
        if os.getuid() == 0 and state.stat().st_uid != owner:
            for path in (state, *state.rglob("*")):
                os.chown(path, owner, owner, follow_symlinks=False)


_NAMESPACE = Guise(("unshare", "-U", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "--"))
# A change of user forgets the wish to end with us, so it is made again after it.
_OTHER_USER = Guise(
    ("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "--pdeathsig=INT", "--"),
    _NOBODY,
)


def find_guise(program: Path) -> Guise:
    """Return how to start a program that refuses root and users without a name (``sandbox.md`` §5).

    A user namespace maps us to *nobody* inside and leaves files ours outside: no account is made, no mode
    of any file is changed. Where namespaces are forbidden, root becomes *nobody* for good.

    Raises:
        CannotStart: neither is to be had here.
    """
    guises = [Guise()] if os.getuid() != 0 and _has_a_name() else [_NAMESPACE]
    if os.getuid() == 0:
        guises.append(_OTHER_USER)
    for guise in guises:
        if _works(guise.dress([str(program), "--version"])):
            return guise
    raise CannotStart(
        f"{program.name} refuses to run as root, and this machine allows no user namespaces "
        f"nor lets other users read {program.parent}. Run MrMarket as an ordinary user."
    )


def _works(command: Sequence[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _has_a_name() -> bool:
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return True


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int) -> bool:
    """Tell whether a port of the loopback interface can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def read_password(path: Path) -> str:
    """Return the password kept in a file, making both when there is none."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(24))
    return path.read_text().strip()


def last_lines(path: Path, count: int = 5) -> str:
    """Return the end of a log file, for an error message."""
    if not path.exists():
        return "(no log)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
