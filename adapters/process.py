"""A process among others: its name, and a memory that leaves for no disk nor other process, and is quick."""

import ctypes
import gc
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


def settle_memory() -> None:
    """Leave out of every later search for garbage what was made until now: it lasts as long as the process.

    What a start-up makes are hundreds of thousands of objects, and looking through them all takes a tenth of
    a second in which no market is answered.
    """
    gc.collect()
    gc.freeze()
