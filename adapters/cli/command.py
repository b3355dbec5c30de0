"""What a subcommand is."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass


class CannotDo(Exception):
    """The command cannot be done; the text is a sentence that says what to do, and repeats no secret."""


def _nothing(_: ArgumentParser) -> None:
    """Take no arguments."""


@dataclass(frozen=True, slots=True)
class Command:
    """A word after ``mrmarket``: what it is for, what it takes, and what it does."""

    name: str
    summary: str
    run: Callable[[Namespace], int]
    """Do it, say so on standard output, and return the exit code; ``CannotDo`` is said for it."""
    arguments: Callable[[ArgumentParser], None] = _nothing
