"""A process among others: its name, and a memory of which nothing reaches a disk or another process."""

import ctypes
import os
import resource
import secrets
import socket
import sys

_PR_SET_DUMPABLE = 4


def own_name() -> str:
    """Return a new name for this process, which no other one has or had."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def keep_memory_private() -> None:
    """Switch core dumps off, and keep other processes of the same user from reading our memory.

    The limit is lowered for good, so that children have it too. Where the kernel knows no ``prctl`` the
    limit alone stands.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
