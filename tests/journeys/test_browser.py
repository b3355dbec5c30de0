"""The journey as a newcomer makes it: in a browser, with taps."""

import os
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, async_playwright, expect

from tests.journeys.books import assert_books_agree, assert_nothing_is_open
from tests.journeys.instance import Instance, until
from tests.journeys.steps import fills

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.timeout(300)]

_CHROMIUM = next(
    (
        path
        for path in map(Path, ("/usr/lib/chromium/chromium-headless-shell", "/usr/bin/chromium"))
        if path.exists()
    ),
    None,
)
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCREENSHOTS = os.environ.get("MRMARKET_SCREENSHOTS")
"""A directory to leave pictures in, for the README and for curious eyes."""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """Give a page of a phone-sized browser."""
    if _CHROMIUM is None:
        assert not os.environ.get("CI"), "CI must have a Chromium: apt-get install chromium-headless-shell"
        pytest.skip("NO BROWSER TEST WAS RUN: there is no Chromium (apt-get install chromium-headless-shell)")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=_CHROMIUM, args=[*_FLAGS])
        page = await browser.new_page(viewport={"width": 1180, "height": 900})
        expect.set_options(timeout=20_000)
        yield page
        await browser.close()


class Chat:
    """The chat page, as hands and eyes use it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def says(self, text: str) -> None:
        """Type and send."""
        await self.page.get_by_test_id("composer").fill(text)
        await self.page.get_by_test_id("send").click()

    async def taps(self, label: str) -> None:
        """Tap the newest button of this name."""
        await self._button(label).click()

    async def sees(self, text: str) -> None:
        """Wait until a message shows a text."""
        newest = (
            self.page.get_by_test_id("message")
            .filter(has_text=re.compile(text, re.IGNORECASE | re.DOTALL))
            .last
        )
        await expect(newest).to_be_visible()

    async def pays(self) -> None:
        """Confirm the pay sheet."""
        await self.page.get_by_test_id("pay-confirm").click()
        await expect(self.page.get_by_test_id("pay-status")).to_have_attribute("data-state", "paid")
        await self.page.get_by_test_id("pay-done").click()

    async def has(self, symbol: str) -> Decimal:
        """Read the wallet's exact balance of a coin."""
        amount = self.page.get_by_test_id(f"amount-{symbol}").first
        return Decimal(await amount.get_attribute("data-amount") or "")

    async def picture(self, name: str) -> None:
        """Leave a screenshot, when asked to."""
        if SCREENSHOTS:
            await self.page.wait_for_timeout(600)  # bubbles fade in
            await self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")

    def _button(self, label: str) -> Locator:
        exact = self.page.get_by_test_id("button").and_(self.page.locator(f'[data-label="{label}"]'))
        return exact.last


async def deposit(chat: Chat, coin: str, amount: str) -> None:
    """Pay a coin in by taps."""
    await chat.says("/deposit")
    await chat.sees("which coin")
    await chat.says(coin)
    await chat.sees(f"how much {coin}")
    await chat.says(amount)
    await chat.sees(f"{coin}.*usually within seconds")
    await chat.taps("Pay now")
    await chat.pays()
    await chat.sees(f"{coin}.*has arrived")


async def withdraw(chat: Chat, coin: str) -> None:
    """Take all of a coin out by taps."""
    await chat.says("/withdraw")
    await chat.sees("which coin do you want to take out")
    await chat.says(coin)
    await chat.sees(f"how much {coin} do you want to take out")
    await chat.taps("All of it")
    await chat.sees(f"you receive.*{coin}.*your own Mixin wallet")
    await chat.taps("Confirm")
    await chat.sees(f"{coin} is in your Mixin wallet")


async def watch(chat: Chat) -> None:
    """Open the live page by its one-time link as a phone does, see it move, and close it."""
    await chat.taps("Live page")
    link = await chat.page.get_by_test_id("page-open").get_attribute("href") or ""
    live = chat.page.get_by_test_id("page-frame").frame_locator("iframe")
    await live.get_by_test_id("open").click()
    await expect(live.get_by_test_id("totals")).to_contain_text("Fills")
    await expect(live.get_by_test_id("quotes").locator("tr.buy").first).to_be_visible()
    as_of = await live.get_by_test_id("as-of").inner_text()
    await expect(live.get_by_test_id("as-of")).not_to_have_text(as_of)  # it is told without being asked
    await chat.picture("live")
    again = await chat.page.request.post(link, headers={"Sec-Fetch-Site": "same-origin"})
    assert again.status == 410
    await live.get_by_test_id("leave").click()
    await expect(live.get_by_test_id("left")).to_be_visible()
    await chat.page.get_by_test_id("page-close").click()


async def test_newcomer_deposits_trades_and_leaves_with_everything(page: Page, tmp_path: Path) -> None:
    async with Instance(tmp_path / "state") as instance:
        await page.goto(instance.facts["urls"]["chat"] + "?as=alice")
        chat = Chat(page)
        await page.get_by_test_id("hi").click()
        await chat.sees("deposit")
        await chat.picture("welcome")
        had = {symbol: await chat.has(symbol) for symbol in ("USDT", "BTC")}
        await deposit(chat, "USDT", "1000")
        await deposit(chat, "BTC", "0.02")
        await chat.says("/new")
        await chat.sees("which pair")
        await chat.taps("BTC/USDT")
        await chat.sees("how close")
        await chat.picture("presets")
        await chat.taps("balanced")
        await chat.sees("how much BTC")
        await chat.says("0.02")
        await chat.sees("how much USDT")
        await chat.says("1000")
        await chat.sees("confirm")
        await chat.picture("summary")
        await chat.taps("Confirm")
        await until(lambda: _at_least(instance, 20), 60, "20 fills")
        await chat.says("/run 1")
        await expect(page.locator('[data-label="Refresh"]').last).to_be_visible()
        await chat.picture("running")
        await watch(chat)
        await chat.says("/stop 1")
        await chat.sees("stopped")
        await assert_nothing_is_open(instance)
        await withdraw(chat, "USDT")
        await withdraw(chat, "BTC")
        await chat.picture("left")
        await assert_books_agree(instance)
        await _assert_result(instance, chat, had)


async def _assert_result(instance: Instance, chat: Chat, had: dict[str, Decimal]) -> None:
    """Check that the wallet shows deposits + trading result - fees, to the last digit."""
    rows = await instance.rows("SELECT side, quantity, quote_quantity, fee, fee_coin FROM fills")
    result = {"BTC": Decimal(0), "USDT": Decimal(0)}
    for row in rows:
        sign = 1 if row["side"] == "buy" else -1
        result["BTC"] += sign * row["quantity"]
        result["USDT"] -= sign * row["quote_quantity"]
        result[row["fee_coin"]] -= row["fee"]
    for symbol, change in result.items():
        left = await instance.rows(
            """
            SELECT coalesce(sum(b.total), 0) AS total FROM balances b JOIN accounts a ON a.id = b.account_id
            WHERE a.kind = 'available' AND a.coin = $1
            """,
            symbol,
        )
        assert await chat.has(symbol) - had[symbol] + left[0]["total"] == change
        assert left[0]["total"] < Decimal("1e-8")  # finer than Mixin can send


async def _at_least(instance: Instance, count: int) -> bool:
    return await fills(instance) >= count
