"""What kills an instance for a drill and starts it again: the sandbox's supervisor, or the owner's commands.

The commands are the only children that a process of ours with keys ever has: keys of rehearsal accounts, and
the children see no setting of ours.
"""

import asyncio
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.cli.command import CannotDo
from adapters.settings import PREFIX

_KILLED = ("bot", "workers", "webapp", "listener", "redis")
"""The parts of the sandbox that are killed; Postgres stays, for only there it is said that all is safe."""
_GONE_WITHIN_S = 15.0
_COMMAND_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class SandboxControl:
    """Tells the sandbox's supervisor by a file whom to kill and keep down."""

    state: Path

    async def kill(self) -> None:
        """Have them killed, and return when they are gone."""
        pids: dict[str, int] = facts_of(self.state)["pids"]
        killed = {name: pid for name, pid in pids.items() if name in _KILLED}
        (self.state / "drill").write_text("\n".join(killed) + "\n")
        try:
            async with asyncio.timeout(_GONE_WITHIN_S):
                while any(map(_runs, killed.values())):  # noqa: ASYNC110 - the end of others' processes
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise CannotDo("The sandbox's supervisor did not kill anybody. Is it of this release?") from error

    async def start(self) -> None:
        """Let them be started again."""
        (self.state / "drill").unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class CommandControl:
    """Runs the owner's own commands."""

    down: str
    up: str

    async def kill(self) -> None:
        """Run the command that kills, and return when it has ended well."""
        await _run(self.down)

    async def start(self) -> None:
        """Run the command that starts all again."""
        await _run(self.up)


def facts_of(state: Path) -> dict[str, Any]:
    """Return what the sandbox says of itself.

    Raises:
        CannotDo: none runs there.
    """
    try:
        facts: dict[str, Any] = json.loads((state / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotDo(f"No sandbox runs from {state}. Start one with `make run`.") from error
    return facts


async def _run(command: str) -> None:
    try:
        words = shlex.split(command)
        env = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        process = await asyncio.create_subprocess_exec(*words, env=env, stdin=asyncio.subprocess.DEVNULL)
        code = await asyncio.wait_for(process.wait(), _COMMAND_WITHIN_S)
    except (OSError, ValueError, TimeoutError) as error:
        raise CannotDo(f"`{command}` could not be done: {type(error).__name__} {error}") from error
    if code:
        raise CannotDo(f"`{command}` ended with code {code}.")


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
