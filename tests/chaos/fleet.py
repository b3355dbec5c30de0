"""The stage of chaos with a second worker beside the first: ``python -m tests.chaos.fleet``."""

from collections.abc import Mapping

import sandbox.__main__ as command
from sandbox.children import free_port
from sandbox.parts import Part
from tests.chaos.stage import ChaosStage

WORKERS = ("workers", "more_workers")
"""Both are ``python -m workers``; each has a file of its own in which it marks the newest books."""


class FleetStage(ChaosStage):
    """Starts the second worker as soon as everything answers."""

    def set(self) -> str:
        chat = super().set()
        self.supervisor.start(self._more)
        self.tell()
        return chat

    def _python(self, name: str, arguments: list[str], env: Mapping[str, str]) -> Part:
        if name == WORKERS[0]:
            own = {
                "MRMARKET_HEALTH_PORT": str(free_port()),
                "MRMARKET_MARKER_FILE": str(self._directory.path / "more_marker.json"),
            }
            self._more = super()._python(WORKERS[1], arguments, {**env, **own})
        return super()._python(name, arguments, env)


if __name__ == "__main__":
    raise SystemExit(command.run(command.parse(), FleetStage))
