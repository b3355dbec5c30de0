"""Sets the stage: servers, migrations, the far sides, and then the product's own processes."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sandbox.addresses import choose_ports
from sandbox.children import CannotStart, dies_with_us, last_lines, read_password
from sandbox.parts import ROOT, Part, python_part, wait_for_ready_line
from sandbox.postgres import Postgres, forget_processes, start_postgres
from sandbox.redis import start_redis
from sandbox.runfile import StateDirectory
from sandbox.supervisor import Say, Supervisor
from sandbox.world import World, ensure_world, give_stop_bot, owner_of, write_keys

PRODUCT = ("bot", "workers", "webapp", "angel")
_LOGINS = ("migrate", "app", "workers", "angel", "web", "stop", "poller")
_LOGIN_OF = {"bot": "app", "workers": "workers", "webapp": "web", "angel": "angel", "listener": "stop"}
_KEY_FILE_OF = {"bot": ".bot", "workers": "", "angel": ".angel"}  # parts of the key, and the whole
_FOR_ANGELS = ("VENUE_ACCOUNTS_FILE", "REQUEST_EXPIRY_MS", "LEASE_", "MARKET_CLOCK_URL")
"""What the Angel is told of all settings: it knows no Mixin, no Redis and no owner."""
_FOR_LISTENERS = ("MIXIN_",)
"""What the listener is told of all settings: it knows no exchange either."""
_APART = {"angel": _FOR_ANGELS, "listener": _FOR_LISTENERS}
_DATABASE = "mrmarket"
_WORLD_WITHIN_S = 60.0
_BOOKS = "reconciliation"
"""The check of ``/ready`` that only a person in the chat can mend."""

# A far side on this machine answers at once, so what production waits out for half a minute is short here.
_TIMING = {
    "UNKNOWN_LOOKUP_WINDOW_S": "3",
    "STOP_SETTLE_S": "1",
    "REQUEST_EXPIRY_MS": "2000",
    "SWEEP_INTERVAL_S": "1",
    "LEASE_RENEW_S": "1",
    "LEASE_TIMEOUT_S": "1",
    "LEASE_TTL_S": "5",
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds the stage waits for all to be ready; less where only the books are behind."""

    ready_s: float = 120.0
    books_s: float = 15.0
    reasons_every_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    state: Path
    port: int | None = None
    replay: Path | None = None
    pace: str = "market"
    fees: str | None = None
    speed: str = ""
    venues: str = "binance"
    listener: bool = False

    @property
    def market(self) -> str:
        """Return which market the venues' state belongs to, in a few words."""
        market = f"replay {self.replay.name} {self.pace}" if self.replay else "live"
        return market if self.venues == "binance" else f"{market} {self.venues}"

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the parts of the world that are exchanges here; the first one is the market's clock."""
        return {"binance": ("venue",), "gate": ("gate",), "both": ("venue", "gate")}[self.venues]


class Stage:
    """Everything that runs, and where it is."""

    patience = Patience()

    def __init__(self, options: Options, directory: StateDirectory, say: Say) -> None:
        self.supervisor = Supervisor(say, self.tell, directory.kept_down)
        self._options, self._directory, self._say = options, directory, say
        self._ports: dict[str, int] = {}
        self._urls: dict[str, Any] = {}
        self._server: Postgres
        self._keys: dict[str, str] = {}
        self._exchanges: dict[str, Part] = {}
        self._ready = False

    def set(self) -> str:
        """Start everything in the order things need each other; return the chat's address when all answer.

        Raises:
            CannotStart: with a sentence that says what to do.
        """
        self._directory.keep_market(self._options.market)
        self._ports = choose_ports(self._options.port)
        world = ensure_world(self.world_file)
        if self._options.listener:
            give_stop_bot(self.world_file, world)
        mixin, venue = self._start_worlds()
        self._start_servers()
        env = environment(os.environ)
        self._migrate(env)
        forget_processes(self._server)
        self._meet(mixin, venue)
        self._keys = write_keys(world, self._directory.path / "keys", self._venues())
        env |= self._settings(world)
        self._seal_keys(env)
        own = {name: apart(env, _APART[name]) if name in _APART else env for name in self._product}
        own = {name: env | self._own(name) for name, env in own.items()}
        self.supervisor.start(*(self._python(name, [name], own[name]) for name in own))
        self._directory.lend(own["workers"])
        self._wait_until_ready()
        self._ready = True
        self.tell()
        chat: str = self._urls["chat"]
        return chat

    def tell(self) -> None:
        """Write the run file anew, if everything is up."""
        if self._ready:
            self._directory.tell(self.facts())

    def facts(self) -> dict[str, Any]:
        """Return what other programs need to connect."""
        return {
            "pid": os.getpid(),
            "written_at": datetime.now(UTC).isoformat(),
            "market": self._options.market,
            "urls": self._urls,
            "ports": self._ports,
            "pids": {"sandbox": os.getpid(), **self.supervisor.pids()},
            "keys": self._keys,
            "world": str(self.world_file),
            "state": str(self._directory.path),
            "logs": str(self.logs),
        }

    @property
    def _product(self) -> tuple[str, ...]:
        """Return the product's own processes, by the names of their modules."""
        return (*PRODUCT, "listener") if self._options.listener else PRODUCT

    @property
    def world_file(self) -> Path:
        """Return where the world's people and keys are kept."""
        return self._directory.path / "world.json"

    @property
    def logs(self) -> Path:
        """Return the directory of log files."""
        return self._directory.path / "logs"

    def _start_worlds(self) -> tuple[Part, Part]:
        env = environment(os.environ)
        options = self._options
        extra = ["--replay", str(options.replay), "--pace", options.pace] if options.replay else []
        extra += ["--fees", options.fees] if options.fees else []
        extra += ["--speed", options.speed] if options.speed else []
        mixin = self._python("mixin", self._world_command("mixin", "chat", *options.parts), env)
        for number, name in enumerate(options.parts, start=1):
            words = [*self._world_command(name, name, "chat"), "--name", name, "--seed", str(number), *extra]
            self._exchanges[name] = self._python(name, ["sandbox.venue", *words[1:]], env)
        self.supervisor.start(mixin, *self._exchanges.values())
        return mixin, self._exchanges[options.parts[0]]

    def _world_command(self, name: str, port: str, *others: str) -> list[str]:
        """Return how a far side is started: where it lies and listens, and who sees what it sends."""
        state, number = self._directory.path / name, self._ports[port]
        rails = " ".join(f"http://127.0.0.1:{self._ports[other]}/sandbox/rails" for other in others)
        where = ["--state", str(state), "--port", str(number), "--world", str(self.world_file)]
        return [f"sandbox.{name}", *where, "--rails", rails]

    def _venues(self) -> dict[str, dict[str, str]]:
        """Return the addresses of each exchange."""
        first, *more = self._options.parts
        return {first: self._urls["venue"], **{name: self._urls[name] for name in more}}

    def _start_servers(self) -> None:
        """Start the servers as parts of their own, so that one that falls is started again."""
        began, state = time.monotonic(), self._directory.path
        self.supervisor.start(
            Part("postgres", self._launch_postgres, state / "postgres" / "postgres.log", signal.SIGINT),
            Part("redis", self._launch_redis, state / "redis" / "redis.log"),
        )
        self._say(f"Postgres and Redis answer ({time.monotonic() - began:.1f} s)")

    def _launch_postgres(self) -> "subprocess.Popen[bytes]":
        server = start_postgres(self._directory.path / "postgres", self._ports["postgres"])
        self._server = server
        self._urls["database"] = server.url()
        self._passwords.mkdir(exist_ok=True, mode=0o700)
        self._urls["logins"] = {
            login: server.url(
                login=f"mrmarket_{login}", password=read_password(self._passwords / f"db_{login}")
            )
            for login in _LOGINS
        }
        return server.process

    @property
    def _passwords(self) -> Path:
        """Return the directory with the passwords of the database's roles, a file each."""
        return self._directory.path / "logins"

    def _own(self, process: str) -> dict[str, str]:
        """Return the settings that let a process in with its own login, and name its keys and no others."""
        login = _LOGIN_OF[process]
        own = {"MRMARKET_DATABASE_URL": self._address(f"mrmarket_{login}", self._passwords / f"db_{login}")}
        own["MRMARKET_HEALTH_PORT"] = str(self._ports[f"{process}_health"])
        if process in ("workers", "angel", "listener"):
            own["MRMARKET_HALT_FILE"] = str(self._directory.path / "halt.json")
        if process == "listener":
            own["MRMARKET_STOP_KEYSTORE_FILE"] = self._keys["stop"]
            own["MRMARKET_STOP_PEOPLE"] = owner_of(ensure_world(self.world_file))
        if process == "workers":
            own["MRMARKET_MARKER_FILE"] = str(self._directory.path / "marker.json")
        if process == "angel":
            own["MRMARKET_ANGEL_DIR"] = str(self._directory.path / "angel")
            own["MRMARKET_ANGEL_WITNESS_URL"] = f"{self._urls['web']}/ready"
        if process in _KEY_FILE_OF:
            own["MRMARKET_MASTER_KEY_FILE"] = str(self._key_file) + _KEY_FILE_OF[process]
        return own

    @property
    def _owners_address(self) -> str:
        return self._address("mrmarket", self._directory.path / "postgres" / "password")

    def _address(self, login: str, password: Path) -> str:
        """Return the database's address, with the password in a file: no environment holds it."""
        return f"postgres://{login}@127.0.0.1:{self._ports['postgres']}/{_DATABASE}?{_named(password)}"

    @property
    def _key_file(self) -> Path:
        """Return what opens the keys sealed in the database."""
        return self._directory.path / "keys" / "master.key"

    @property
    def _redis_password(self) -> Path:
        return self._directory.path / "redis" / "password"

    def _launch_redis(self) -> "subprocess.Popen[bytes]":
        server = start_redis(self._directory.path / "redis", self._ports["redis"])
        self._urls["redis"] = server.url
        return server.process

    def _migrate(self, env: Mapping[str, str]) -> None:
        began = time.monotonic()
        self._command("migrate", ["migrate"], {**env, "MRMARKET_ROLE_PASSWORDS_DIR": str(self._passwords)})
        self._say(f"the database has its present form ({time.monotonic() - began:.1f} s)")

    def _seal_keys(self, env: Mapping[str, str]) -> None:
        """Seal the keys of the bot and the venue in the database, where the product finds them."""
        own = {
            "MRMARKET_MASTER_KEY_FILE": str(self._key_file),
            "MRMARKET_DATABASE_URL": self._owners_address,
        }
        files = ["--keystore", self._keys["bot"], "--venues", self._keys["venues"]]
        self._command("keys", ["keys", "import", "--make-key", *files], {**env, **own})

    def _command(self, name: str, words: Sequence[str], env: Mapping[str, str]) -> None:
        """Let the owner's command line do something, as the owner of the database."""
        log = self.logs / f"{name}.log"
        with log.open("ab") as output:
            done = subprocess.run(
                [sys.executable, "-m", "adapters.cli", *words],
                cwd=ROOT,
                env={**env, "MRMARKET_MIGRATE_DATABASE_URL": self._owners_address},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=dies_with_us(),
                check=False,
            )
        if done.returncode:
            said = last_lines(log, 12)
            raise CannotStart(f"`mrmarket {' '.join(words[:2])}` failed; {log} ends with:\n{said}")

    def _meet(self, mixin: Part, venue: Part) -> None:
        """Wait for both far sides and note where they answer."""
        messenger = wait_for_ready_line(mixin, _WORLD_WITHIN_S)["urls"]
        exchange = wait_for_ready_line(venue, _WORLD_WITHIN_S)["urls"]
        for name in self._options.parts[1:]:
            self._urls[name] = wait_for_ready_line(self._exchanges[name], _WORLD_WITHIN_S)["urls"]
        self._urls |= {
            "chat": messenger["chat"],
            "mixin_api": messenger["api"],
            "mixin_blaze": messenger["blaze"],
            "web": f"http://127.0.0.1:{self._ports['web']}",
            "mixin": messenger,
            "venue": exchange,
            "health": {name: f"http://127.0.0.1:{self._ports[f'{name}_health']}" for name in self._product},
            **({"stop_chat": f"{messenger['chat']}?bot=stop"} if self._options.listener else {}),
        }
        self._say(f"Mixin and the venue answer (market: {self._options.market})")

    def _settings(self, world: World) -> dict[str, str]:
        """Return what an owner would write into the environment of the product's processes."""
        said = {
            "REDIS_URL": f"redis://127.0.0.1:{self._ports['redis']}/0?{_named(self._redis_password)}",
            "MIXIN_API_URL": self._urls["mixin_api"],
            "MIXIN_BLAZE_URL": self._urls["mixin_blaze"],
            "COINGECKO_URL": self._urls["venue"]["coingecko"],
            "VENUE_ACCOUNTS_FILE": self._keys["accounts"],
            "OWNER_ID": owner_of(world),
            "PUBLIC_URL": self._urls["web"],
            "CHAT_URL": self._urls["chat"],
            "WEB_PORT": str(self._ports["web"]),
            **_TIMING,
        }
        if self._options.pace == "lockstep" and self._options.replay:
            said["MARKET_CLOCK_URL"] = f"{self._urls['venue']['control']}/clock"
            said["SWEEP_INTERVAL_S"] = "5"  # of recorded time, which passes as fast as we can follow
        return {f"MRMARKET_{name}": value for name, value in said.items()}

    def _python(self, name: str, arguments: list[str], env: Mapping[str, str]) -> Part:
        return python_part(name, arguments, self.logs / f"{name}.log", env)

    def _wait_until_ready(self) -> None:
        """Wait for everything that is to answer; books that are behind only a person in the chat can mend."""
        began = told = up = time.monotonic()
        while missing := _not_ready(self._ports["web"]):
            self.supervisor.round()
            now = time.monotonic()
            reasons = "; ".join(f"{name} {reason}" for name, reason in missing.items())
            if missing.keys() != {_BOOKS}:
                up = now
            elif now - up > self.patience.books_s:
                self._say(f"everything answers, but {reasons}: the owner's /reconcile says more")
                return
            if now - began > self.patience.ready_s:
                raise CannotStart(f"Not everything came up: {reasons}. The logs are in {self.logs}.")
            if now - told > self.patience.reasons_every_s:
                told = now
                self._say(f"still waiting: {reasons}")
            time.sleep(0.1)


def _named(password: Path) -> str:
    """Return the part of an address that names the file with the password."""
    return urlencode({"password_file": str(password)})


def apart(env: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the settings without what a process that stands apart has no need of."""
    needed = tuple(f"MRMARKET_{name}" for name in (*names, "ENV_FILE", "BUILD"))
    return {
        name: value
        for name, value in env.items()
        if not name.startswith("MRMARKET_") or name.startswith(needed)
    }


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return what children inherit: nothing of a real instance's settings may leak into play."""
    kept = {name: value for name, value in ours.items() if not name.startswith("MRMARKET_")}
    ours_now = {"MRMARKET_BUILD": "sandbox"}  # who edits the sources while it plays may go on playing
    return (
        kept
        | ours_now
        | {"MRMARKET_ENV_FILE": "", "PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1,localhost"}
    )


def _not_ready(port: int) -> dict[str, str]:
    """Return by check why the product is not ready, in its own words; nothing when it is."""
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        wire.request("GET", "/ready")
        answer = wire.getresponse()
        body = answer.read()
        if answer.status == http.HTTPStatus.OK:
            return {}
        checks: dict[str, str] = json.loads(body)["checks"]
        return {name: reason for name, reason in checks.items() if reason != "ok"}
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return {"pages": "do not answer yet"}
    finally:
        wire.close()
