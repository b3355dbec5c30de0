"""``mrmarket migrate``: the same as ``python -m adapters.db.migrate``."""

from argparse import Namespace

from adapters.cli.command import Command
from adapters.db import migrate


def run(_: Namespace) -> int:
    """Bring the database to the present schema and its roles to their rights."""
    migrate.main()
    return 0


COMMAND = Command("migrate", "bring the database to the present schema", run)
