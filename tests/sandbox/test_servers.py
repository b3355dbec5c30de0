"""The embedded servers: they start, keep what they were given, and never stay behind."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import redis

from sandbox import children
from sandbox.children import CannotStart, Guise, free_port, port_is_free
from sandbox.postgres import _binaries, start_postgres
from sandbox.redis import start_redis


def ask(url: str, statement: str) -> str:
    psql = str(_binaries() / "psql")
    return subprocess.run(
        [psql, "-XqAtc", statement, url], capture_output=True, check=True, text=True
    ).stdout.strip()


def test_postgres_keeps_what_was_committed_when_it_is_killed(tmp_path: Path) -> None:
    first = start_postgres(tmp_path)
    ask(first.url(), "create table kept as select 7 as number")
    first.process.kill()
    first.process.wait()
    time.sleep(0.5)
    second = start_postgres(tmp_path)
    try:
        assert ask(second.url(), "select number from kept") == "7"
    finally:
        second.stop()


def test_postgres_refuses_files_of_another_version_with_advice(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "PG_VERSION").write_text("16\n")
    with pytest.raises(CannotStart, match="Move that directory away"):
        start_postgres(tmp_path)


def test_postgres_on_a_taken_port_says_so(tmp_path: Path) -> None:
    first = start_postgres(tmp_path / "a", durable=False)
    try:
        with pytest.raises(CannotStart, match=r"(?s)did not start.*(in use|could not)"):
            start_postgres(tmp_path / "b", port=first.port, durable=False)
    finally:
        first.stop()
    assert port_is_free(first.port)


def test_redis_starts_answers_and_stops(tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    assert server.url.startswith("redis://:")
    server.stop()
    assert server.process.returncode == 0
    assert port_is_free(server.port)


def test_servers_end_when_their_starter_is_killed(tmp_path: Path) -> None:
    port, other = free_port(), free_port()
    code = (
        "import sys, time; from pathlib import Path; from sandbox.postgres import start_postgres;"
        "from sandbox.redis import start_redis;"
        "state = Path(sys.argv[1]);"
        f"start_postgres(state / 'pg', {port}); start_redis(state / 'redis', {other});"
        "print('up', flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == b"up\n"
    starter.send_signal(signal.SIGKILL)
    starter.communicate()
    deadline = time.monotonic() + 10
    while not (port_is_free(port) and port_is_free(other)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert port_is_free(port)
    assert port_is_free(other)


def test_redis_keeps_what_it_was_given_and_its_password(tmp_path: Path) -> None:
    first = start_redis(tmp_path)
    with redis.Redis.from_url(first.url) as client:
        client.set("kept", "7")
    first.stop()
    second = start_redis(tmp_path, first.port)
    try:
        assert second.url == first.url
        with redis.Redis.from_url(second.url) as client:
            assert client.get("kept") == b"7"
    finally:
        second.stop()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has to become somebody else")
def test_postgres_runs_for_root_where_namespaces_are_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "_NAMESPACE", Guise(("false",)))
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        if not children._works(children._OTHER_USER.dress([str(_binaries() / "postgres"), "--version"])):
            pytest.skip("nobody may not read the binaries here")
        server = start_postgres(Path(name) / "state", durable=False)
        try:
            assert ask(server.url(), "select 7") == "7"
            assert (Path(name) / "state" / "cluster").stat().st_uid == 65534
        finally:
            server.stop()


def test_a_program_that_nobody_can_start_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(children, "_works", lambda command: False)
    with pytest.raises(CannotStart, match="Run MrMarket as an ordinary user"):
        start_postgres(tmp_path)
