"""The owner's rehearsal on a whole sandbox, and STOP said while the bot is dead."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.assurance import Assure
from tests.chaos.shop import open_trading
from tests.journeys.instance import ROOT, Instance, until
from tests.journeys.steps import fills

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1800)]


class Sandbox(Instance):
    """``python -m sandbox`` on a machine that does other things too."""

    READY_WITHIN_S = 300
    PATIENCE = 6


async def drill(state: Path) -> tuple[int, str]:
    """Let the owner's command line rehearse; return its code and what it said."""
    words = ("-m", "adapters.cli", "drill", "angel", "--sandbox", str(state), "--lang", "en")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), 420)
    return process.returncode or 0, said.decode()


async def test_a_drill_passes_and_is_shown_and_a_stop_reaches_workers_without_the_bot(
    tmp_path: Path, assure: Assure
) -> None:
    state = tmp_path / "state"
    async with Sandbox(state, "--listener") as sandbox:
        code, said = await drill(state)
        assert (code, "no order of ours rests" in said) == (1, True), said
        await open_trading(sandbox.person("Alice"))
        await until(lambda: fills(sandbox), 180, "trading has begun")
        code, said = await drill(state)
        assert code == 0, said
        shown: dict[str, Any] = (await sandbox.call(f"{sandbox.facts['urls']['web']}/ready"))["angel_drill"]
        assert shown["verdict"] == "passed", shown
        had = await fills(sandbox)
        await until(lambda: _more(sandbox, had), 180, "trading goes on after the drill")
        await say_stop(sandbox, state)
    assure("drill", 1, 0, flat_ms=int(shown["flat_s"] * 1000), back_ms=int(shown["back_s"] * 1000))


async def say_stop(sandbox: Sandbox, state: Path) -> None:
    """Let the owner say STOP to the listener while the bot is dead, and see all stop."""
    (state / "drill").write_text("bot")
    await sandbox.mixin("people/owner/say?bot=stop", "POST", text="STOP")
    await until(lambda: _told(sandbox, "This stops everything"), 60, "a confirmation is asked for")
    messages = (await sandbox.mixin("people/owner/messages?after=0&bot=stop"))["messages"]
    [button] = [button for message in messages for button in message.get("buttons", ())]
    said = button["action"].removeprefix("input:")
    await sandbox.mixin("people/owner/say?bot=stop", "POST", text=said)
    await until(lambda: _told(sandbox, "STOP is carried out"), 60, "workers have carried it out")
    await until(lambda: _nothing_rests(sandbox), 60, "nothing rests")
    runs = await sandbox.rows("SELECT state FROM runs WHERE kind = 'strategy'")
    assert {row["state"] for row in runs} <= {"stopping", "stopped"}
    assert not (state / "halt.json").exists()
    (state / "drill").unlink()


async def _told(sandbox: Sandbox, words: str) -> bool:
    messages = (await sandbox.mixin("people/owner/messages?after=0&bot=stop"))["messages"]
    return any(words in message.get("text", "") for message in messages)


async def _more(sandbox: Sandbox, had: int) -> bool:
    return await fills(sandbox) > had


async def _nothing_rests(sandbox: Sandbox) -> bool:
    return len((await sandbox.venue("books"))["open_orders"]) == 0
