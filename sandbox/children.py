"""Child processes that never outlive us, and the identity that servers refusing root run under."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
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

    def ask_kernel() -> None:
        if _libc is not None and hasattr(_libc, "prctl"):
            _libc.prctl(_PR_SET_PDEATHSIG, sig)

    return ask_kernel


def as_somebody(command: Sequence[str]) -> list[str]:
    """Return the command with what Postgres needs in front: it refuses root and users without a name.

    A user namespace maps us to *nobody* inside and leaves files ours outside: no account is made, no owner
    or mode of any file is changed.

    Raises:
        CannotStart: user namespaces are not to be had here.
    """
    if os.getuid() != 0 and _has_a_name():
        return list(command)
    prefix = ["unshare", "-U", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "--"]
    if (
        shutil.which("unshare")
        and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    ):
        return [*prefix, *command]
    raise CannotStart(
        "Postgres refuses to run as root, and this machine allows no user namespaces. "
        "Run MrMarket as an ordinary user, or point MRMARKET_DATABASE_URL at a Postgres of your own."
    )


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


def last_lines(path: Path, count: int = 5) -> str:
    """Return the end of a log file, for an error message."""
    if not path.exists():
        return "(no log)"
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
