"""Write what the models look like now into the newest migration: ``python -m migrations.state``.

aerich compares the models with this ``MODELS_STATE`` to find drift. It is a block of base64 that no two
people can merge, so it is never merged: after a rebase it is written anew.
"""

import asyncio
import re
from pathlib import Path

from aerich.utils import get_formatted_compressed_data, get_models_describe
from tortoise import Tortoise

from adapters.db.config import APP, tortoise_config

FILES = Path(__file__).parent / APP
_STATE = re.compile(r"^MODELS_STATE = .*\Z", re.MULTILINE | re.DOTALL)


def newest() -> Path:
    """Return the migration with the highest number."""
    return max(FILES.glob("[0-9]*_*.py"), key=lambda path: int(path.name.split("_")[0]))


async def state() -> str:
    """Return the models as aerich writes them, without asking a database."""
    await Tortoise.init(config=tortoise_config("postgres://nobody@127.0.0.1/nothing"), init_connections=False)
    return str(get_formatted_compressed_data(get_models_describe(APP)))


def write(path: Path, models: str) -> bool:
    """Put the state at the end of a migration; return whether that changed it."""
    text = path.read_text()
    renewed = _STATE.sub(lambda _: f"MODELS_STATE = (\n    {models.strip()}\n)\n", text)
    if "MODELS_STATE = " not in text:
        renewed = f"{text.rstrip()}\n\n\nMODELS_STATE = (\n    {models.strip()}\n)\n"
    path.write_text(renewed)
    return renewed != text


if __name__ == "__main__":
    migration = newest()
    changed = write(migration, asyncio.run(state()))
    print(f"{migration.name}: {'state renewed' if changed else 'state was right'}")  # noqa: T201 - a command's answer
