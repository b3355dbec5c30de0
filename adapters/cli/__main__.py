"""The command line: ``mrmarket``, or ``python -m adapters.cli``."""

import argparse
import sys
from collections.abc import Sequence

from adapters.cli.command import CannotDo
from adapters.cli.commands import COMMANDS
from adapters.process import keep_memory_private
from domain.errors import MrMarketError


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="mrmarket",
        description="Look after an instance of MrMarket. Settings come from the environment and .env.",
    )
    words = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        part = words.add_parser(command.name, help=command.summary, description=command.summary)
        command.arguments(part)
        part.set_defaults(run=command.run)
    return whole


def main(words: Sequence[str] | None = None) -> int:
    """Do what the words say and return the exit code: 0 done, 1 not done, 2 not understood."""
    keep_memory_private()
    asked = parser().parse_args(words)
    try:
        code: int = asked.run(asked)
    except (CannotDo, MrMarketError) as error:
        print(error, file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
