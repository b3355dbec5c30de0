"""The sandbox with a proxy in every way between our processes and the rest: ``python -m tests.chaos.stage``.

Whoever falls is started again after half a second, however often it fell, unless the file ``down`` of the
state directory names it; our processes read their clock with an offset (``tests/chaos/clock``).
"""

import os
import re
import time
from pathlib import Path
from typing import Any

import sandbox.__main__ as command
from sandbox.children import free_port
from sandbox.parts import Part, wait_for_ready_line
from sandbox.runfile import StateDirectory
from sandbox.stage import Options, Stage
from sandbox.supervisor import Say, Supervisor
from sandbox.world import World

SEED = "CHAOS_SEED"
CLOCK_FILE = "CHAOS_CLOCK_FILE"
DOWN = "down"

_TARGETS = {"mixin": "chat", "venue": "venue", "postgres": "postgres", "redis": "redis"}
_CLOCK = Path(__file__).parent / "clock"
_WITHIN_S, _HELD_S = 120.0, 0.5
_LEASES = {"MRMARKET_LEASE_RENEW_S": "2", "MRMARKET_LEASE_TIMEOUT_S": "2", "MRMARKET_LEASE_TTL_S": "10"}
"""As in production: the sandbox's shorter ones are for who waits for a take-over."""


class Untiring(Supervisor):
    """Forgives every fall: the pause before a start never grows. Whom ``down`` names stays down."""

    down: Path | None = None

    def round(self) -> None:
        """Look at every part once."""
        held = self.down.read_text().split() if self.down and self.down.exists() else []
        for part in self.parts:
            part.falls = 0
            if part.again_at is not None and part.name in held:
                part.again_at = time.monotonic() + _HELD_S
        super().round()


class ChaosStage(Stage):
    """A stage on which our processes reach everything through the proxy; those who test go straight."""

    def __init__(self, options: Options, directory: StateDirectory, say: Say) -> None:
        super().__init__(options, directory, say)
        self.supervisor = Untiring(say, self.tell)
        self.supervisor.down = directory.path / DOWN
        self._through = {name: free_port() for name in (*_TARGETS, "control")}

    def facts(self) -> dict[str, Any]:
        """Return what other programs need, with the proxy's address and the clock's file."""
        control = f"http://127.0.0.1:{self._through['control']}"
        return {**super().facts(), "proxy": control, "clock": str(self._clock_file)}

    @property
    def _clock_file(self) -> Path:
        return self._directory.path / "clock_offset_s"

    def _start_worlds(self) -> tuple[Part, Part]:
        """Start the proxy first: it waits for nobody."""
        routes = [f"{name}:{self._through[name]}:{self._ports[port]}" for name, port in _TARGETS.items()]
        words = ["--control", str(self._through["control"]), "--seed", os.environ.get(SEED, "0")]
        words += [word for route in routes for word in ("--route", route)]
        proxy = self._python("proxy", ["tests.chaos.proxy", *words], os.environ)
        self.supervisor.start(proxy)
        wait_for_ready_line(proxy, _WITHIN_S)
        self._clock_file.write_text("0")
        return super()._start_worlds()

    def _meet(self, mixin: Part, venue: Part) -> None:
        super()._meet(mixin, venue)
        straight = self._urls["venue"]
        self._urls["venue"] = {
            name: url if name == "control" else self._bent(url) for name, url in straight.items()
        }

    def _settings(self, world: World) -> dict[str, str]:
        settings = {name: self._bent(value) for name, value in super()._settings(world).items()}
        return settings | _LEASES | {"PYTHONPATH": str(_CLOCK), CLOCK_FILE: str(self._clock_file)}

    def _own(self, process: str) -> dict[str, str]:
        return {name: self._bent(value) for name, value in super()._own(process).items()}

    def _bent(self, value: str) -> str:
        """Return an address with the proxy's port in the place of the one behind it."""
        through = {str(self._ports[port]): str(self._through[name]) for name, port in _TARGETS.items()}
        return re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda port: through.get(port[0], port[0]), value)


if __name__ == "__main__":
    raise SystemExit(command.run(command.parse(), ChaosStage))
