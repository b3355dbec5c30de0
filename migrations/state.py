"""Write what the models look like now into the newest migration: ``python -m migrations.state``.

aerich compares the models with this ``MODELS_STATE`` to find drift. It is a block of base64 that no two
people can merge, so it is never merged: after a rebase it is written anew.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from aerich.utils import decompress_dict, get_formatted_compressed_data, get_models_describe
from tortoise import Tortoise

from adapters.db.config import APP, tortoise_config

FILES = Path(__file__).parent / APP


def newest() -> Path:
    """Return the migration with the highest number."""
    return max(FILES.glob("[0-9]*_*.py"), key=lambda path: int(path.name.split("_")[0]))


async def present() -> dict[str, Any]:
    """Return the models as aerich describes them, without asking a database."""
    await Tortoise.init(config=tortoise_config("postgres://nobody@127.0.0.1/nothing"), init_connections=False)
    return dict(json.loads(json.dumps(get_models_describe(APP))))


def written(path: Path) -> dict[str, Any]:
    """Return the models as a migration knows them."""
    lines = path.read_text().rpartition("MODELS_STATE = (\n")[2].splitlines()[:-1]
    return dict(decompress_dict("".join(line.strip(' "') for line in lines)))


def write(path: Path, models: dict[str, Any]) -> bool:
    """Put the models at the end of a migration; return whether that changed it."""
    before = path.read_text()
    body = before.partition("MODELS_STATE = ")[0].rstrip()
    after = f"{body}\n\n\nMODELS_STATE = (\n    {get_formatted_compressed_data(models).strip()}\n)\n"
    path.write_text(after)
    return after != before


if __name__ == "__main__":
    migration = newest()
    changed = write(migration, asyncio.run(present()))
    print(f"{migration.name}: {'state renewed' if changed else 'state was right'}")  # noqa: T201 - a command's answer
