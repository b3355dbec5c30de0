"""Every subcommand. A new one is a module of its own with a ``COMMAND``, and a line here."""

from adapters.cli import backup, candles, chain, doctor, drill, export, keys, migrate, reconcile, recover

COMMANDS = (
    migrate.COMMAND,
    doctor.COMMAND,
    chain.COMMAND,
    keys.COMMAND,
    reconcile.COMMAND,
    recover.COMMAND,
    export.COMMAND,
    candles.COMMAND,
    drill.COMMAND,
    backup.BACKUP,
    backup.RESTORE,
)
