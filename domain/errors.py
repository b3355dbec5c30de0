"""Errors, sorted by what the caller should do next.

An error carries a code and facts, never words: the bot words it in the person's
language, the log prints it as it is.
"""

from typing import ClassVar


class MrMarketError(Exception):
    """Something did not go as asked."""

    advice: ClassVar[str] = "look at the log"

    def __init__(self, code: str, /, **facts: object) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        """Return code and facts in one line, for logs."""
        return " ".join([self.code, *(f"{name}={value}" for name, value in self.facts.items())])


class Refused(MrMarketError):
    """A definite no: nothing happened; tell the person why."""

    advice = "tell the person"


class Unavailable(MrMarketError):
    """Nothing happened because somebody did not answer; try again later."""

    advice = "try later"


class OutcomeUnknown(MrMarketError):
    """It may or may not have happened; look it up before anything else."""

    advice = "look it up"


class InvariantBroken(MrMarketError):
    """Something that must always hold does not; stop and wake a person."""

    advice = "stop and wake a person"
