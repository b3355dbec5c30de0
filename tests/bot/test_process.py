"""The chat process as a whole: the sandbox's Mixin on one side, Postgres on the other, no Redis."""

import asyncio
import base64
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.bootstrap import money_services, open_world
from adapters.settings import Settings, load_settings
from bot.__main__ import main, talk, until_told
from tests.adapters.mixin.conftest import Mixin

STICKER = base64.urlsafe_b64encode(b'{"sticker_id":"77aa0000-0000-4000-8000-000000000001"}').decode()

pytestmark = pytest.mark.database


@pytest.fixture
def settings(mixin: Mixin, migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    venues = tmp_path / "venues.json"
    venues.write_text("[]")
    said = {
        "DATABASE_URL": migrated_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "MIXIN_API_URL": mixin.base,
        "MIXIN_BLAZE_URL": mixin.base.replace("http", "ws") + "/",
        "MIXIN_KEYSTORE_FILE": mixin.keys["bot"],
        "VENUE_ACCOUNTS_FILE": str(venues),
        "OWNER_ID": mixin.owner_id,
    }
    for name, value in said.items():
        monkeypatch.setenv(f"MRMARKET_{name}", value)
    return load_settings()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Run the bot meanwhile, and end it as a crash would: wherever it stands."""
    bot = asyncio.create_task(talk(settings))
    try:
        yield
    finally:
        bot.cancel()
        await asyncio.wait([bot])
        if not bot.cancelled():
            bot.result()


async def shown(mixin: Mixin, who: str = "alice") -> list[dict[str, Any]]:
    """Return everything the bot has said to a person."""
    history = await mixin.get(f"people/{who}/messages?after=0")
    return [message for message in history["messages"] if not message["mine"]]


async def told(mixin: Mixin, words: str, who: str = "alice", times: int = 1) -> dict[str, Any]:
    """Wait until a person was told some words so many times; return the last such message."""
    async with asyncio.timeout(20):
        while True:
            found = [message for message in await shown(mixin, who) if words in message.get("text", "")]
            if len(found) >= times:
                return found[-1]
            await asyncio.sleep(0.05)


async def test_person_deposits_and_asks_for_it_back(mixin: Mixin, settings: Settings) -> None:
    async with running(settings), open_world(settings) as world:
        await mixin.post("people/alice/say", text="Hi")
        await told(mixin, "Welcome to MrMarket")
        for text, answer in (
            ("/deposit", "Which coin"),
            ("USDT", "How much USDT"),
            ("1000", "Tap the button"),
        ):
            await mixin.post("people/alice/say", text=text)
            await told(mixin, answer)
        [pay] = [
            button["action"]
            for message in await shown(mixin)
            for button in message.get("buttons") or []
            if button["label"] == "Pay now"
        ]
        assert (await mixin.post("people/alice/pay", link=pay))["status"] == "paid"
        await mixin.settled()
        assert "booked" in await money_services(world).deposits.collect()  # the float of its birth as well
        await told(mixin, "1,000 USDT (Ethereum) has arrived")
        for text, answer in (
            ("/withdraw", "USDT: 1,000"),
            ("USDT", "You have 1,000"),
            ("250.5", "You receive: 250.5"),
            ("yes", "250.5 USDT is on its way"),
            ("/balance", "749.5 available, 250.5 on its way out"),
        ):
            await mixin.post("people/alice/say", text=text)
            await told(mixin, answer)
        assert len(await money_services(world).withdrawals.due()) == 1


async def test_chinese_is_answered_in_chinese(mixin: Mixin, settings: Settings) -> None:
    async with running(settings):
        await mixin.post("people/bob/say", text="余额")
        await told(mixin, "你还没有资产", "bob")


async def test_bot_that_dies_anywhere_answers_everything_once(mixin: Mixin, settings: Settings) -> None:
    for number in range(8):
        await mixin.post("people/alice/say", text=f"/run {100 + number}")
        async with running(settings):
            await asyncio.sleep(0.05 + 0.06 * number)
    async with running(settings):
        for number in range(8):
            await told(mixin, f"no market maker with number {100 + number}")
        await asyncio.sleep(0.5)
    said = [message["text"] for message in await shown(mixin) if "no market maker" in message.get("text", "")]
    assert len(said) == len(set(said)) == 8
    assert [int(text.split("number ")[1].split(".")[0]) for text in said] == list(range(100, 108))


async def test_stickers_are_answered_and_recalls_are_not(mixin: Mixin, settings: Settings) -> None:
    async with running(settings):
        await mixin.post("people/alice/say", text="", category="PLAIN_STICKER", data_base64=STICKER)
        await told(mixin, "only read plain text")
        await mixin.post("people/alice/say", text="/help")
        await told(mixin, "What you can send me")


async def test_first_owner_comes_by_the_code_that_the_bot_prints(
    mixin: Mixin, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed() -> str:
        [message] = re.findall("/claim [A-Z2-7-]+", capsys.readouterr().out)
        return str(message)

    nobodys = settings.model_copy(update={"owner_id": None})
    async with running(nobodys):
        await mixin.post("people/alice/say", text="/claim AAAA-BBBB-CCCC-DDDD")
        await told(mixin, "That is not the code")
    first = printed()
    async with running(nobodys):
        await mixin.post("people/alice/say", text=first)
        await told(mixin, "That is not the code", times=2)  # a restart printed another
        await mixin.post("people/alice/say", text=printed())
        await told(mixin, "You are the owner of this instance now")
        await mixin.post("people/alice/say", text="/whoami")
        await told(mixin, "You are the owner.")
    with capture_logs() as logs:
        async with running(settings):  # which name somebody else
            await mixin.post("people/bob/say", text="/claim X")
            await told(mixin, "This instance has an owner", who="bob")
    assert "Nobody owns" not in capsys.readouterr().out
    assert "settings name another owner than the database, which counts" in [one["event"] for one in logs]


async def test_term_signal_ends_the_loops() -> None:
    asyncio.get_running_loop().call_later(0.05, signal.raise_signal, signal.SIGTERM)
    await asyncio.wait_for(until_told([asyncio.sleep(60)]), 5)


async def test_loop_that_ends_by_itself_ends_the_process_loudly() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(until_told([broken(), asyncio.sleep(60)]), 5)


def test_keystore_that_cannot_be_used_ends_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bot.json").write_text(json.dumps({"client_id": "old"}))
    for name, value in {
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "MIXIN_KEYSTORE_FILE": str(tmp_path / "bot.json"),
        "VENUE_ACCOUNTS_FILE": str(tmp_path / "bot.json"),
        "OWNER_ID": "773e5e77-4107-45c2-b648-8fc722ed77f5",
    }.items():
        monkeypatch.setenv(f"MRMARKET_{name}", value)
    monkeypatch.setattr("bot.__main__.configure_logging", lambda *_, **__: None)
    with pytest.raises(SystemExit, match="MrMarket cannot start"):
        main()
