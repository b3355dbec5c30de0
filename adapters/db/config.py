"""How this program reaches its database: one address in, tortoise's settings out."""

import pkgutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from adapters.db import models

APP = "models"
"""Tortoise's name of our app; also the folder below ``migrations/``."""

CONNECTION = "default"

_SESSION = {
    "application_name": "mrmarket",
    "timezone": "UTC",
    "jit": "off",
}
"""How long a session waits and dawdles is its role's (``adapters.db.grants``)."""


async def _keep_session(connection: object) -> None:
    """Do nothing when a connection returns to the pool: nobody here changes a session."""


def connection_of(dsn: str) -> dict[str, Any]:
    """Return asyncpg's arguments for an address such as ``postgres://user:password@host:5432/name``.

    Taken from the query are ``sslmode``, and ``password_file``, which keeps the password out of the
    environment; all other options are ours to set.

    Raises:
        OSError: the file with the password cannot be read.
    """
    url = urlsplit(dsn)
    if url.scheme not in ("postgres", "postgresql"):
        raise ValueError(f"a database address begins with postgres://, not {url.scheme}:")
    connection: dict[str, Any] = {
        "host": url.hostname or "127.0.0.1",
        "port": url.port or 5432,
        "user": unquote(url.username or "mrmarket"),
        "password": unquote(url.password) if url.password else None,
        "database": unquote(url.path.removeprefix("/")) or "mrmarket",
    }
    query = parse_qs(url.query)
    if sslmode := query.get("sslmode"):
        connection["ssl"] = sslmode[0]
    if file := query.get("password_file"):
        connection["password"] = Path(file[0]).read_text(encoding="utf-8").strip()
    return connection


def tortoise_config(dsn: str, connections: int = 8) -> dict[str, Any]:
    """Return tortoise's configuration: one pool, every module of ``adapters.db.models``."""
    pool = {
        "minsize": 1,
        "maxsize": connections,
        "timeout": 10,
        "command_timeout": 30,
        "reset": _keep_session,
        "server_settings": dict(_SESSION),
    }
    return {
        "connections": {
            CONNECTION: {
                "engine": "tortoise.backends.asyncpg",
                "credentials": connection_of(dsn) | pool,
            }
        },
        "apps": {APP: {"models": [*model_modules(), "aerich.models"], "default_connection": CONNECTION}},
        "use_tz": True,
        "timezone": "UTC",
    }


def model_modules() -> list[str]:
    """Return the names of all modules with models, sorted: a new file is found by being there."""
    return sorted(f"{models.__name__}.{found.name}" for found in pkgutil.iter_modules(models.__path__))
