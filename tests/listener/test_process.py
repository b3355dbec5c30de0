"""The listener as a process: the sandbox's Mixin on one side, Postgres on the other, a worker's round."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.bootstrap_runs import stop_carrying
from adapters.clock import SystemClock
from adapters.db.chat import PostgresOutbox
from adapters.db.grants import Role
from adapters.db.store import PostgresStore
from adapters.ids import RandomIds
from adapters.listener_settings import load_listener_settings
from domain.ids import UserId
from domain.market.runs import RunState
from sandbox.world import ensure_world, give_stop_bot
from tests.adapters.mixin.conftest import Mixin, running
from tests.domain.services.trading_world import World
from tests.fakes.roles import make_owner

pytestmark = pytest.mark.database

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def mixin(tmp_path: Path) -> AsyncIterator[Mixin]:
    """Run a Mixin with two bots: the instance's, which is down, and the listener's."""
    file = tmp_path / "world.json"
    world = ensure_world(file)
    give_stop_bot(file, world)
    async with running(tmp_path, facts=world) as running_mixin:
        yield running_mixin


@pytest.fixture
def said(mixin: Mixin, url_of: Callable[[Role], str], tmp_path: Path) -> dict[str, str]:
    """Give what an owner tells the listener."""
    return {
        "MRMARKET_DATABASE_URL": url_of(Role.STOP),
        "MRMARKET_MIXIN_API_URL": mixin.base,
        "MRMARKET_MIXIN_BLAZE_URL": mixin.base.replace("http", "ws") + "/",
        "MRMARKET_STOP_KEYSTORE_FILE": mixin.keys["stop"],
        "MRMARKET_STOP_PEOPLE": f" {mixin.owner_id.upper()} ",
        "MRMARKET_HALT_FILE": str(tmp_path / "halt.json"),
    }


def content(file: Path) -> str:
    return file.read_text() if file.exists() else ""


@asynccontextmanager
async def listening(said: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the process meanwhile."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MRMARKET_")}
    env = {**kept, **said, "MRMARKET_ENV_FILE": "", "MRMARKET_LOG_FORMAT": "json", "NO_PROXY": "127.0.0.1"}
    with log.open("ab") as output:
        words = (sys.executable, "-m", "listener")
        process = await asyncio.create_subprocess_exec(
            *words, cwd=ROOT, env=env, stdout=output, stderr=output
        )
    try:
        async with asyncio.timeout(30):
            while "blaze connected" not in content(log):
                assert process.returncode is None, content(log)
                await asyncio.sleep(0.05)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0, content(log)


async def told(mixin: Mixin, words: str, who: str) -> dict[str, Any]:
    """Wait until a person was told some words; return what came with them."""
    async with asyncio.timeout(15):
        while True:
            history = (await mixin.get(f"people/{who}/messages?after=0&bot=stop"))["messages"]
            for message in history:
                if not message["mine"] and words in message.get("text", ""):
                    return {"buttons": [b for m in history for b in m.get("buttons", ())]}
            await asyncio.sleep(0.05)


async def test_the_owners_stop_is_confirmed_written_carried_out_and_told(
    mixin: Mixin,
    said: dict[str, str],
    store: PostgresStore,
    tmp_path: Path,
) -> None:
    world = World(store)
    await world.person(BTC="0.05", USDT="4000")
    await world.rounds(world.worker(), 2)
    run = await world.start("0.01", "500")
    await make_owner(store, UserId(mixin.owner_id))
    halt = Path(said["MRMARKET_HALT_FILE"])
    async with listening(said, tmp_path / "listener.log"):
        await mixin.post("people/alice/say?bot=stop", text="STOP")
        await told(mixin, "Nothing was done", "alice")
        await mixin.post("people/owner/say?bot=stop", text="停")
        [button] = (await told(mixin, "这会停止一切", "owner"))["buttons"]
        assert content(halt) == ""
        await mixin.post("people/owner/say?bot=stop", text=button["action"].removeprefix("input:"))
        await told(mixin, "已记录", "owner")
        assert json.loads(content(halt))["by"] == mixin.owner_id
        await _carry_out(store, halt)
        await told(mixin, "已执行", "owner")
        assert content(halt) == ""
    assert (await world.runs.get(run.id)).state is RunState.STOPPING
    assert [freeze.scope for freeze in await world.freezes.open()] == ["new"]


async def _carry_out(store: PostgresStore, halt: Path) -> None:
    """Let a worker look, as its loop does each second."""
    ours: Any = SimpleNamespace(
        store=store,
        settings=SimpleNamespace(halt_file=halt),
        notices=PostgresOutbox(store),
        clock=SystemClock(),
        ids=RandomIds(),
    )
    assert "1 runs stop" in await stop_carrying(ours).round()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("STOP_PEOPLE", " , ", "it names nobody"),
        ("STOP_PEOPLE", "alice", "alice is not an id"),
        ("STOP_KEYSTORE_FILE", "", "STOP_KEYSTORE_FILE is missing. Set it to file with the keystore"),
        ("STOP_PEEPLE", "x", "STOP_PEEPLE is not a setting we know"),
    ],
)
def test_wrong_settings_end_with_a_sentence(
    name: str, value: str, sentence: str, said: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for key, each in {**said, f"MRMARKET_{name}": value}.items():
        monkeypatch.setenv(key, each)
    with pytest.raises(SystemExit):
        load_listener_settings()
    assert sentence in capsys.readouterr().err
