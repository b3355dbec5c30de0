"""T17: secrets planted in a whole instance, money moved and things broken; then looked for everywhere."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from adapters.sealing.masters import Purpose, read_masters
from sandbox.postgres import _binaries
from sandbox.world import create_world
from tests.canary import files, hits
from tests.journeys.instance import ROOT, Instance, until
from tests.journeys.steps import deposit, withdraw

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

PRODUCT = ("bot", "workers", "webapp", "angel")
PASSPHRASE = "correct horse battery staple canary"
BELONGS = ("world.json", "keys", "logins", "mixin", "venue", "run.json", "wrong")
"""Where secrets are meant to be: files for their owner alone, and the far sides' own state."""

JWT = re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")

BROKEN = """
import asyncio, sys, traceback
import structlog
from adapters.bootstrap import open_world
from adapters.logging import configure_logging
from adapters.settings import load_settings
settings = load_settings()
configure_logging("json", "debug", process="broken")

async def fail():
    async with open_world(settings, holds_money=True) as world:
        keystore, venue_keys, spend = world.keystore, world.venue_keys, world.keystore.spending
        accounts = settings.venue_accounts(venue_keys)
        log = structlog.get_logger()
        log.info("looked", world=world, settings=settings, keystore=keystore, keys=venue_keys, spend=spend)
        try:
            raise RuntimeError(f"{keystore} {venue_keys} {accounts} {settings} {spend!r}")
        except RuntimeError as error:
            log.exception("failed", accounts=accounts)
            shown = traceback.TracebackException.from_exception(error, capture_locals=True)
            print("".join(shown.format()), file=sys.stderr)
            raise

asyncio.run(fail())
"""


def planted(state: Path) -> dict[str, str]:
    """Return every secret of an instance that runs, by what it is."""
    world = json.loads((state / "world.json").read_text())
    [account] = world["venue"]["accounts"]
    [master] = read_masters(state / "keys" / "master.key")
    assert master.root is not None
    return {
        "session key": world["bot"]["session_private_key"],
        "spend key": world["bot"]["spend_private_key"],
        "venue api key": account["api_key"],
        "venue secret": account["secret"],
        "withdrawal api key": account["withdrawal_key"]["api_key"],
        "withdrawal secret": account["withdrawal_key"]["secret"],
        "master key": master.root.reveal().hex(),
        "master key, chat half": master.wrapping[Purpose.CHAT].reveal().hex(),
        "master key, money half": master.wrapping[Purpose.MONEY].reveal().hex(),
        "passphrase": PASSPHRASE,
        "password of the database's owner": (state / "postgres" / "password").read_text().strip(),
        "password of Redis": (state / "redis" / "password").read_text().strip(),
        **{f"password of {login.name}": login.read_text().strip() for login in (state / "logins").iterdir()},
    }


def settings_of(instance: Instance, state: Path) -> dict[str, str]:
    """Return the settings of the workers, as the sandbox gives them."""
    ports, urls = instance.facts["ports"], instance.facts["urls"]
    people = json.loads((state / "world.json").read_text())["people"]
    said = {
        "ENV_FILE": "",
        "DATABASE_URL": f"postgres://mrmarket_workers@127.0.0.1:{ports['postgres']}/mrmarket"
        f"?password_file={state / 'logins' / 'db_workers'}",
        "REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0?password_file={state / 'redis' / 'password'}",
        "MASTER_KEY_FILE": str(state / "keys" / "master.key"),
        "VENUE_ACCOUNTS_FILE": str(state / "keys" / "accounts.json"),
        "MIXIN_API_URL": urls["mixin_api"],
        "OWNER_ID": people[-1]["user_id"],
    }
    return {f"MRMARKET_{name}": value for name, value in said.items()}


def go_wrong(state: Path, env: dict[str, str], secrets: dict[str, str]) -> dict[str, bytes]:
    """Run what ends badly, with the very keys of the instance; return what each said."""
    wrong = state / "wrong"
    wrong.mkdir()
    (wrong / "passphrase").write_text(PASSPHRASE)
    (wrong / "passphrase").chmod(0o400)
    venues = (state / "keys" / "venues.json").read_text()
    (wrong / "venues.json").write_text(venues.replace('"venue"', '"venu"'))
    key, database = "MRMARKET_MASTER_KEY_FILE", env["MRMARKET_DATABASE_URL"]
    bots = database.replace("_workers", "_app")
    commands: dict[str, tuple[list[str], dict[str, str]]] = {
        "a failure with keys at hand": (["-c", BROKEN], {}),
        "the wrong login": (
            ["-m", "workers"],
            {"MRMARKET_DATABASE_URL": database.replace("_workers@", "_web@")},
        ),
        "the login of the bot": (["-m", "workers"], {"MRMARKET_DATABASE_URL": bots}),
        "the wrong half": (["-m", "workers"], {key: env[key] + ".bot"}),
        "a passphrase that is none": (
            ["-m", "bot"],
            {key: "", "MRMARKET_MASTER_PASSPHRASE_FILE": str(wrong / "passphrase")},
        ),
        "broken venues": (["-m", "workers"], {"MRMARKET_VENUE_ACCOUNTS_FILE": str(wrong / "venues.json")}),
        "a password that is no part of an address": (
            ["-m", "bot"],
            {"MRMARKET_REDIS_URL": f"redis://:{secrets['password of Redis']}/x@127.0.0.1:1/0"},
        ),
        "the doctor": (["-m", "adapters.cli", "doctor"], {}),
    }
    started = {
        name: subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, **env, **changes},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for name, (command, changes) in commands.items()
    }
    said = {name: process.communicate(timeout=90)[0] for name, process in started.items()}
    for name, process in started.items():
        assert (process.returncode == 0) == (name == "the doctor"), said[name].decode()
    assert b"failed" in said["a failure with keys at hand"]
    assert b"RuntimeError" in said["a failure with keys at hand"]
    return said


def dump(instance: Instance) -> bytes:
    """Return the whole cluster as text: every table, and the roles with what is kept of passwords."""
    env = {"PGPASSWORD": (Path(instance.facts["state"]) / "postgres" / "password").read_text().strip()}
    where = ["-h", "127.0.0.1", "-p", str(instance.facts["ports"]["postgres"]), "-U", "mrmarket"]
    command = [str(_binaries() / "pg_dumpall"), *where, "-l", "mrmarket"]
    dumped = subprocess.run(command, env={**os.environ, **env}, capture_output=True, check=True).stdout
    assert b"COPY public.secrets" in dumped
    return dumped


async def redis_of(instance: Instance) -> dict[str, bytes]:
    """Return everything Redis holds."""
    client: Any = Redis.from_url(instance.facts["urls"]["redis"])
    try:
        keys = await client.keys("*")
        return {f"redis {key!r}": key + (await client.dump(key) or b"") for key in keys}
    finally:
        await client.aclose()


async def pages_of(instance: Instance) -> dict[str, bytes]:
    """Return what the pages say, asked well and badly."""
    paths = ("/", "/live", "/ready", "/nothing", "/%00", "/?a=%ff", "/static/../adapters/settings.py")
    said = {}
    for path in paths:
        async with instance.http.get(instance.facts["urls"]["web"] + path) as answer:
            said[f"page {path}"] = repr(dict(answer.headers)).encode() + await answer.read()
    return said


async def visit_by(instance: Instance, link: str) -> str:
    """Open a link, look at a page with it and fail at one; return the secret that continues the visit."""
    async with instance.http.post(link, allow_redirects=False) as opened:
        assert opened.status == 303
        secret = opened.cookies["visit"].value
    for path, status in (("/history.csv", 200), ("/runs/9", 404), ("/history?run=%00", 200)):
        where = instance.facts["urls"]["web"] + path
        async with instance.http.get(where, headers={"Cookie": f"visit={secret}"}) as answer:
            assert answer.status == status
    return secret


def processes(instance: Instance) -> dict[str, bytes]:
    """Return what the kernel shows of every process of the instance; of ours it shows root alone."""
    shown = {}
    for name, pid in instance.facts["pids"].items():
        for what in ("environ", "cmdline"):
            try:
                shown[f"{what} of {name}"] = Path(f"/proc/{pid}/{what}").read_bytes()
            except PermissionError:
                assert name in PRODUCT
    return shown


def core_limits(instance: Instance) -> set[str]:
    """Return how large a core dump of each process of the product may be."""
    return {
        " ".join(line.split()[4:6])
        for name in PRODUCT
        for line in Path(f"/proc/{instance.facts['pids'][name]}/limits").read_text().splitlines()
        if line.startswith("Max core file size")
    }


async def workers_die(instance: Instance) -> None:
    """Kill the workers, and wait until they act again: the doctor, who is asked next, would miss them."""
    before = await _acting(instance)
    instance.kill("workers")

    async def again() -> bool:
        now = await _acting(instance)
        return all(now.get(scope, 0) > epoch for scope, epoch in before.items())

    await until(again, 90, "leases of the workers that were started again")


async def _acting(instance: Instance) -> dict[str, int]:
    """Return who acts for what; a seat only counts workers, and another one may be taken after a death."""
    rows = await instance.rows(
        "SELECT scope, epoch FROM leases WHERE state = 'held' AND scope NOT LIKE 'seat:%'"
    )
    return {row["scope"]: row["epoch"] for row in rows}


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_no_secret_is_found_anywhere_after_a_life_with_accidents(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "world.json").write_text(json.dumps(create_world()))
    async with Instance(state) as instance:
        alice = instance.person("Alice")
        await alice.asks("Hi", "deposit")
        await deposit(alice, "USDT", "50")
        await alice.asks("/withdraw", "which coin")
        await alice.asks("USDT", "how much")
        await alice.asks("10", "confirm|yes")
        token = (await alice.action("confirm")).rpartition(" ")[2].rpartition(":")[2]
        await alice.asks("/cancel", ".")
        await withdraw(alice, "USDT", "20")
        await alice.asks("/history page", "as files")
        link = await alice.action("open")
        visit = await visit_by(instance, link)
        secrets = planted(state)
        assert len(secrets) >= 12
        assert len(set(secrets.values())) == len(secrets)
        env = settings_of(instance, state)
        assert core_limits(instance) == {"0 0"}
        kernel = processes(instance)
        await workers_die(instance)
        said = await asyncio.to_thread(go_wrong, state, env, secrets)
        seen = said | await redis_of(instance) | await pages_of(instance) | kernel
        seen |= {
            "dump": await asyncio.to_thread(dump, instance),
            "console": "\n".join(instance.lines).encode(),
        }
    spared = [*(state / name for name in BELONGS), state / "redis" / "redis.conf"]
    spared += [state / server / "password" for server in ("postgres", "redis")]
    places = seen | files(state, without=spared)
    assert {state / "logs" / f"{name}.log" for name in (*PRODUCT, "keys", "migrate")} <= {*map(Path, places)}
    assert hits(places, secrets) == []
    assert [place for place, text in places.items() if JWT.search(text)] == []
    beside_the_database = {k: v for k, v in places.items() if k != "dump" and "/postgres/" not in k}
    assert hits(beside_the_database, {"confirmation token": token}) == []
    assert hits(places, {"link": link.rpartition("/")[2], "visit": visit}) == []
    leak = {"log": places[str(state / "logs" / "workers.log")] + secrets["spend key"].encode()}
    assert hits(leak, secrets) == ["spend key in log"]
