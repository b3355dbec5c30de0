"""How far a process has come: one that answers and does no work must not pass for well (safety §2.9)."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.leases import Scope

WHOLE = Scope("")
"""The part of a process that is no lease's: the process itself."""

OK = "ok"

NEVER = "was never heard of"
"""Of a process that an instance may do without: nothing is wrong, and nothing is there."""

UNHEARD = "was not heard of in the last seconds"
"""What is said of a kind of process of which none lives."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a process says of one part of its work, by its own monotonic clock: itself, or a lease it holds.

    ``idle_s`` is for how long no round has ended, well or badly; ``late_s`` by how much what was due next
    is overdue. ``waits_for`` is the code of whose silence keeps it, which is not its own fault, or empty.
    ``stuck`` says in words why it does no work; a part that is well says nothing.
    """

    part: Scope
    idle_s: float = 0.0
    late_s: float = 0.0
    waits_for: str = ""
    stuck: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """What a process said last, ``age_s`` ago by the store's clock; ``holder`` is its name among leases."""

    process: str
    holder: str
    progress: Progress
    age_s: float


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a process may say nothing, and how late its work may be, before it counts as dead."""

    unheard_s: float = 10.0
    late_s: float = 20.0


def ill(word: Word, patience: Patience) -> str:
    """Return why a part does no work, or nothing; who waits for somebody else's answer is not ill."""
    said = word.progress
    if word.age_s > patience.unheard_s:
        return f"was not heard of for {word.age_s:.0f} s"
    if said.stuck:
        return said.stuck
    if (idle_s := said.idle_s + word.age_s) > patience.late_s:
        return f"has ended no round for {idle_s:.0f} s"
    if not said.waits_for and said.late_s + word.age_s > patience.late_s:
        return f"is {said.late_s + word.age_s:.0f} s late"
    return ""


def standing(process: str, words: Sequence[Word], patience: Patience) -> str:
    """Return ``ok`` when a process of this kind is heard, and each part of all that are works; or why not."""
    ours = [word for word in words if word.process == process]
    heard = [word for word in ours if word.age_s <= patience.unheard_s]
    if not heard:
        return UNHEARD
    ills = sorted({(word.progress.part, why) for word in heard if (why := ill(word, patience))})
    return "; ".join(f"{part} {why}" if part else why for part, why in ills) or OK
