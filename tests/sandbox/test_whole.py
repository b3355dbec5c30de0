"""`python -m sandbox` as a person meets it: it comes up, mends itself, and leaves nothing behind."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.children import port_is_free

pytestmark = [pytest.mark.journey, pytest.mark.timeout(240)]


class Command:
    """One start of the command, and what it says."""

    def __init__(self, state: Path, root: Path, *more: str) -> None:
        self.run_file = state / "run.json"
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--state", str(state), *more],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until_ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if "is ready" in line:
                return self.facts()
        raise AssertionError("it never was ready:\n" + "".join(self.said))

    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self.run_file.read_text())
        return facts

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        assert self.process.stdout is not None
        self.said += self.process.stdout.readlines()
        self.process.stdout.close()
        return self.process.wait(60)


@pytest.fixture
def start(tmp_path: Path, root: Path) -> Iterator[Callable[..., Command]]:
    """Give a maker of starts; whatever still runs is stopped."""
    started: list[Command] = []

    def make(*more: str) -> Command:
        started.append(Command(tmp_path / "state", root, *(more or ("--port", "0"))))
        return started[-1]

    yield make
    for command in started:
        if command.process.poll() is None:
            command.end(signal.SIGTERM)


def until(holds: Callable[[], object], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def answers(facts: dict[str, Any], path: str) -> bool:
    wire = http.client.HTTPConnection(urlsplit(facts["urls"]["web"]).netloc, timeout=5)
    try:
        wire.request("GET", path)
        return wire.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        wire.close()


def test_it_comes_up_mends_itself_and_stops(
    start: Callable[..., Command], tmp_path: Path, root: Path
) -> None:
    first = start()
    facts = first.until_ready()
    assert facts["urls"]["chat"] in first.said[-1]
    assert {"sandbox", "postgres", "redis", "mixin", "venue", "bot", "workers", "webapp", "angel"} == set(
        facts["pids"]
    )
    assert all(Path(facts["keys"][name]).exists() for name in ("bot", "alice", "bob", "owner", "venues"))
    assert first.run_file.stat().st_mode & 0o777 == 0o600

    asked = subprocess.run(
        [sys.executable, "-m", "adapters.cli", "doctor", "--lang", "en"],
        cwd=root,
        env={**os.environ, "MRMARKET_ENV_FILE": str(tmp_path / "state" / "settings.env")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "main (binance), looked at" in asked.stdout, asked.stdout + asked.stderr

    again = start()
    told, _ = again.process.communicate(timeout=60)
    assert again.process.returncode == 0
    assert "already running" in told
    assert facts["urls"]["chat"] in told

    for name in ("webapp", "bot", "redis", "postgres"):
        os.kill(facts["pids"][name], signal.SIGKILL)
    until(lambda: all(first.facts()["pids"].get(name) not in (None, pid) for name, pid in _killed(facts)))
    until(lambda: answers(facts, "/ready"))
    assert answers(facts, "/"), "the start page has words for all that is asked of the real parts"

    pids = first.facts()["pids"].values()
    assert first.end(signal.SIGTERM) == 0
    assert not any(map(runs, pids))
    assert not first.run_file.exists()
    assert not (tmp_path / "state" / "settings.env").exists()
    assert "is kept in" in first.said[-1]


def _killed(facts: dict[str, Any]) -> list[tuple[str, int]]:
    return [(name, facts["pids"][name]) for name in ("webapp", "bot", "redis", "postgres")]


def test_a_killed_starter_leaves_nobody_and_the_next_finds_everything(start: Callable[..., Command]) -> None:
    first = start()
    facts = first.until_ready()
    world = Path(facts["world"]).read_text()
    first.end(signal.SIGKILL)
    until(lambda: not any(map(runs, facts["pids"].values())), within_s=15)
    assert all(map(port_is_free, facts["ports"].values()))

    second = start()
    now = second.until_ready()
    assert Path(now["world"]).read_text() == world
    said = (Path(now["logs"]) / "bot.log").read_text()
    assert said.count("bot started") == 2, "ready means this bot, not the last one"
    assert second.end(signal.SIGINT) == 0


def test_a_taken_port_that_was_asked_for_is_told(start: Callable[..., Command]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = start("--port", str(taken.getsockname()[1]))
        told, _ = command.process.communicate(timeout=60)
    assert command.process.returncode == 1
    assert "Choose another one with --port" in told


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--replay", "nowhere.txt.gz"), "there is no recording"),
        (("--pace", "lockstep"), "needs a recording"),
    ],
)
def test_a_command_line_that_cannot_be_is_told(
    start: Callable[..., Command], more: tuple[str, ...], sentence: str
) -> None:
    told, _ = (command := start(*more)).process.communicate(timeout=60)
    assert command.process.returncode == 2
    assert sentence in told
