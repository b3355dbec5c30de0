"""The chat page in a real browser: a person meets a bot, pays it, and is paid."""

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Error, Page, async_playwright, expect

from tests.sandbox.mixin.wire import Emulator, Here, WireClient
from tests.sandbox.mixin.worlds import ALICE, BOB, BOT, BTC, USDT, Client, begun, name, text_of

pytestmark = pytest.mark.browser

PLACES = ("/usr/lib/chromium/chromium-headless-shell", "/usr/bin/chromium-headless-shell")
TRACE = name()
LINK = f"https://mixin.one/pay/{BOT['user_id']}?asset={USDT}&amount=1000.25&memo=D-1&trace={TRACE}"


def chromium() -> str | None:
    named = os.environ.get("MRMARKET_CHROMIUM") or next((p for p in PLACES if Path(p).exists()), None)
    return named or shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
async def emulator(tmp_path: Path) -> AsyncIterator[Here]:
    async with Here(tmp_path / "mixin").running() as it:
        yield it


@pytest.fixture
async def bot(emulator: Here) -> AsyncIterator[WireClient]:
    """Give a small bot that answers over Blaze as long as the test runs."""
    async with aiohttp.ClientSession() as http:
        client = WireClient(emulator, http)
        answering = asyncio.create_task(answer(client))
        yield client
        answering.cancel()
        with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError):
            await answering


async def answer(client: WireClient) -> None:
    """Greet, offer a pay link, thank for money, and draw one of everything on ``/show``."""
    pen = Client(begun(), BOT)
    async with client.blaze() as line:
        await line.send("LIST_PENDING_MESSAGES")
        while True:
            data = (await line.hear(60)).get("data", {})
            if not data.get("category"):
                continue
            await line.send(
                "ACKNOWLEDGE_MESSAGE_RECEIPT", {"message_id": data["message_id"], "status": "READ"}
            )
            who = next((p for p in (ALICE, BOB) if p["user_id"] == data["user_id"]), None)
            said = text_of(data)
            if who is None or (
                data["category"] != "PLAIN_TEXT" and json.loads(said)["amount"].startswith("-")
            ):
                continue
            replies = REPLIES.get(said if data["category"] == "PLAIN_TEXT" else "money", [])
            messages = [pen.message(who, content, category) for category, content in replies]
            if messages:
                await client.call("POST", "/messages", messages)


def buttons(*items: tuple[str, str, str]) -> tuple[str, str]:
    made = [{"label": label, "color": color, "action": action} for label, color, action in items]
    return "APP_BUTTON_GROUP", json.dumps(made)


CARD = {
    "app_id": BOT["user_id"],
    "title": "BTC/USDT",
    "description": "3 levels",
    "actions": [{"label": "Stop", "color": "#C5595A", "action": "input:/stop 1"}],
}
GREETING = [("PLAIN_TEXT", "Welcome <b>!</b>"), buttons(("Deposit", "#5979F0", "input:/deposit"))]
REPLIES = {
    "Hi": GREETING,
    "你好": GREETING,
    "/deposit": [("PLAIN_TEXT", "Pay here."), buttons(("Pay", "#52A98B", LINK))],
    "money": [
        (
            "PLAIN_POST",
            "### Thanks\n\n| Coin | Free |\n|:--|--:|\n| USDT | **1,000.25** |\n\n<img src=x>",
        )
    ],
    "/show": [("APP_CARD", json.dumps(CARD))],
}


@pytest.fixture
async def page(emulator: Here) -> AsyncIterator[Page]:
    """Give the page, and fail when the browser complains about anything."""
    async with async_playwright() as playwright:
        try:
            browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        except Error as e:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"NO BROWSER, THE CHAT PAGE IS NOT TESTED: {str(e).splitlines()[0]}")
        page = await browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
        await page.goto(emulator.urls["chat"])
        yield page
        await browser.close()
    assert complaints == []


async def test_person_greets_deposits_and_cannot_pay_twice(bot: WireClient, page: Page) -> None:
    await page.get_by_test_id("hi").click()
    await expect(page.get_by_test_id("message").nth(1)).to_contain_text("Welcome <b>!</b>")
    await page.locator("[data-label=Deposit]").click()
    await page.locator("[data-label=Pay]").click()
    sheet = page.get_by_test_id("pay-sheet")
    await expect(sheet.get_by_test_id("pay-amount")).to_have_text("1,000.25 USDT")
    await expect(sheet.get_by_test_id("pay-recipient")).to_contain_text("MrMarket")
    await expect(sheet.get_by_test_id("pay-memo")).to_have_text("D-1")
    await sheet.get_by_test_id("pay-cancel").click()
    await expect(sheet).to_have_count(0)
    await expect(page.get_by_test_id("amount-USDT")).to_have_attribute("data-amount", "10000")
    await page.locator("[data-label=Pay]").click()
    await page.get_by_test_id("pay-confirm").click()
    await expect(page.get_by_test_id("pay-status")).to_have_attribute("data-state", "paid")
    await page.get_by_test_id("pay-done").click()
    await expect(page.get_by_test_id("transfer")).to_have_attribute("data-amount", "-1000.25")
    await expect(page.get_by_test_id("amount-USDT")).to_have_attribute("data-amount", "8999.75")
    await expect(page.locator(".post strong")).to_have_text("1,000.25")
    await expect(page.locator(".post img")).to_have_count(0)
    await page.locator("[data-label=Pay]").click()
    await expect(page.get_by_test_id("pay-status")).to_have_attribute("data-state", "already_paid")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("pay-status")).to_have_count(0)
    books = await bot.control("GET", "/books")
    assert [t["request_id"] for t in books["transactions"]].count(TRACE) == 1


async def test_keyboard_alone_is_enough(bot: WireClient, page: Page) -> None:
    await expect(page.get_by_test_id("composer")).to_be_focused()
    await page.keyboard.type("/show")
    await page.keyboard.press("Enter")
    card = page.get_by_test_id("card")
    await expect(card).to_contain_text("BTC/USDT")
    await card.get_by_test_id("button").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("message").last).to_contain_text("/stop 1")
    await page.get_by_test_id("person-alice").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_test_id("person-bob")).to_have_attribute("aria-checked", "true")
    await expect(page.get_by_test_id("message")).to_have_count(0)


async def test_bob_reads_chinese_until_he_chooses_english(bot: WireClient, page: Page) -> None:
    await page.get_by_test_id("person-bob").click()
    await expect(page.get_by_test_id("hi")).to_have_text("打招呼")
    await page.get_by_test_id("hi").click()
    await expect(page.get_by_test_id("message").first).to_contain_text("你好")
    await page.get_by_test_id("language-en").click()
    await expect(page.get_by_test_id("composer")).to_have_attribute("placeholder", "Message")
    await page.get_by_test_id("person-alice").click()
    await expect(page.get_by_test_id("welcome")).to_be_visible()


async def test_coins_can_be_sent_without_a_link_and_received(bot: WireClient, page: Page) -> None:
    await page.get_by_test_id("transfer-open").click()
    await page.get_by_test_id("transfer-asset").select_option(BTC)
    await page.get_by_test_id("transfer-amount").fill("0.7")
    await page.get_by_test_id("pay-confirm").click()
    await expect(page.get_by_test_id("pay-error")).to_contain_text("Not enough balance")
    await page.get_by_test_id("transfer-amount").fill("0.02")
    await page.get_by_test_id("transfer-memo").fill("surprise")
    await page.get_by_test_id("pay-confirm").click()
    await expect(page.get_by_test_id("pay-status")).to_have_attribute("data-state", "paid")
    await page.get_by_test_id("pay-done").click()
    await expect(page.get_by_test_id("amount-BTC")).to_have_attribute("data-amount", "0.48")
    to_alice = {"to": ALICE["user_id"], "asset_id": USDT, "amount": "12.5"}
    await bot.control("POST", "/people/bob/transfer", to_alice)
    await expect(page.get_by_test_id("amount-USDT")).to_have_attribute("data-amount", "10012.5")


async def test_page_finds_its_way_back_after_a_restart(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path / "mixin")
    await emulator.start()
    async with async_playwright() as playwright:
        if not chromium():
            pytest.skip("NO BROWSER, THE CHAT PAGE IS NOT TESTED")
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = await browser.new_page()
        await page.goto(f"{emulator.urls['chat']}?as=bob")
        await page.get_by_test_id("language-en").click()
        await expect(page.get_by_test_id("link-state")).to_have_text("Connected")
        await emulator.end()
        await expect(page.get_by_test_id("link-state")).to_have_text("Reconnecting…")
        await emulator.start()
        await expect(page.get_by_test_id("link-state")).to_have_text("Connected", timeout=15_000)
        await page.get_by_test_id("composer").fill("still here")
        await page.get_by_test_id("send").click()
        await expect(page.get_by_test_id("message").last).to_contain_text("still here")
        await browser.close()
    await emulator.end()
