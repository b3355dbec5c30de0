"""What a process that holds keys does first: nothing of its memory may reach a disk or another process."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """Switch core dumps off, and keep other processes of the same user from reading our memory.

    The limit is lowered for good, so that children have it too. Where the kernel knows no ``prctl`` the
    limit alone stands.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
