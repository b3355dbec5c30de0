"""One process of the sandbox: how it is started, what its log says, and how it is stopped."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.children import CannotStart, dies_with_us, last_lines

ROOT = Path(__file__).resolve().parent.parent
_LARGEST_LOG = 20_000_000
_PATIENCE_S = 20.0  # for an orderly end
_LONGEST_PAUSE_S = 15.0
_STEADY_S = 30.0  # who ran this long is forgiven earlier falls

Launch = Callable[[], "subprocess.Popen[bytes]"]


@dataclass(slots=True)
class Part:
    """A process that is kept running; ``launch`` starts it (and returns when it serves, for servers)."""

    name: str
    launch: Launch
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    process: "subprocess.Popen[bytes] | None" = None
    falls: int = 0
    started_at: float = 0.0
    again_at: float | None = None
    _read_to: int = field(default=0, repr=False)

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self.process.pid if self.process and self.process.poll() is None else None

    def start(self) -> None:
        """Start the process; what its log says from here on is new."""
        self._read_to = self.log.stat().st_size if self.log.exists() else 0
        self.started_at, self.again_at = time.monotonic(), None
        self.process = self.launch()

    def look(self, now: float) -> str | None:
        """Start the process again if it ended and its pause is over; say what happened, if anything."""
        if self.again_at is not None:
            return self._try_again() if now >= self.again_at else None
        if self.process is None or self.process.poll() is None:
            return None
        code = self.process.returncode
        if code == 0 or code == -signal.SIGKILL:
            return self._fell(now, f"ended with {_ending(code)}")
        return self._fell(now, f"ended with {_ending(code)} ({last_lines(self.log, 1).strip()[:200]})")

    def _try_again(self) -> str:
        try:
            self.start()
        except CannotStart as error:
            return self._fell(time.monotonic(), f"could not start: {error}")
        return f"{self.name} was started again"

    def _fell(self, now: float, how: str) -> str:
        self.falls = 1 if now - self.started_at > _STEADY_S else self.falls + 1
        pause = min(0.5 * 2 ** (self.falls - 1), _LONGEST_PAUSE_S)
        self.again_at = now + pause
        return f"{self.name} {how}; it is started again in {pause:.1f} s"

    def new_lines(self) -> list[str]:
        """Return the whole lines its log gained since the last call."""
        if not self.log.exists():
            return []
        if self.log.stat().st_size < self._read_to:  # it was put aside, and a new one begun
            self._read_to = 0
        with self.log.open("rb") as file:
            file.seek(self._read_to)
            gained = file.read()
        whole = gained[: gained.rfind(b"\n") + 1]
        self._read_to += len(whole)
        return whole.decode(errors="replace").splitlines()

    def kill(self) -> bool:
        """Kill the process as a fall of the machine would; return whether it ran."""
        ran = self.pid is not None
        if ran and self.process:
            self.process.kill()
            self.process.wait()
        return ran

    def ask_to_stop(self) -> None:
        """Send the signal that ends the process in order."""
        self.again_at = None
        if self.process and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def wait(self, hurried: Callable[[], bool]) -> None:
        """Return when the process is gone; patience ends sooner when hurried."""
        if self.process is None:
            return
        deadline = time.monotonic() + _PATIENCE_S
        while self.process.poll() is None:
            if hurried() or time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                return
            time.sleep(0.02)


def python_part(name: str, arguments: Sequence[str], log: Path, env: Mapping[str, str]) -> Part:
    """Return a part that runs ``python -m …``, its output in a log file, killed when we are."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def launch() -> "subprocess.Popen[bytes]":
        _make_room(log)
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=dies_with_us(signal.SIGKILL),  # its state is safe at every moment
                start_new_session=True,  # Ctrl-C goes to the supervisor, which stops it in turn
            )

    return Part(name, launch, log)


def wait_for_ready_line(part: Part, within_s: float) -> dict[str, Any]:
    """Return what a world process says of itself when it serves: ``{"ready": true, "urls": …}``.

    Raises:
        CannotStart: it ended, or said nothing in time.
    """
    deadline = time.monotonic() + within_s
    while True:
        ended = part.pid is None
        for line in part.new_lines():
            if (said := read_json(line)) and said.get("ready") is True:
                return said
        if ended:
            raise CannotStart(f"{part.name} did not start; its log ends with:\n{last_lines(part.log, 12)}")
        if time.monotonic() > deadline:
            raise CannotStart(f"{part.name} was not ready within {within_s:.0f} s; see {part.log}")
        time.sleep(0.02)


def read_json(line: str) -> dict[str, Any] | None:
    """Return a line that is one JSON object, else nothing."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"


def _make_room(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
