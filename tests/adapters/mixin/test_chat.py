"""Blaze and the messenger against the sandbox's Mixin."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from adapters.mixin.blaze import Blaze
from adapters.mixin.codec.ids import unique_id
from adapters.mixin.messenger import MixinMessenger, batches
from bot.events import Event, Message, Payment, Unsupported
from bot.outbox import Outgoing
from bot.replies import Buttons, Card, Post, Reply, Text, sends
from domain.errors import Unavailable
from sandbox.world import USDT
from tests.adapters.mixin.conftest import Mixin
from tests.clocks import WallClock


class Desk:
    """Takes events in, as the bot's reception does."""

    def __init__(self, mixin: Mixin) -> None:
        self._owner_id = mixin.owner_id  # whose payments every world begins with
        self.events: list[Event] = []
        self.refusals = 0
        self.arrived = asyncio.Event()

    async def receive(self, events: list[Event]) -> int:
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("store_unavailable")
        self.events += [event for event in events if event.sender_id != self._owner_id]
        self.arrived.set()
        return len(events)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(15):
            while len(self.events) < count:
                self.arrived.clear()
                await self.arrived.wait()


@asynccontextmanager
async def listening(mixin: Mixin, desk: Desk) -> AsyncIterator[Blaze]:
    blaze = Blaze(mixin.base.replace("http", "ws") + "/", mixin.http, WallClock(), desk.receive)
    task = asyncio.create_task(blaze.run())
    try:
        yield blaze
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_message_arrives_once_and_is_acknowledged(mixin: Mixin) -> None:
    desk = Desk(mixin)
    async with listening(mixin, desk):
        await mixin.post("people/Alice/say", text="hello 你好")
        await desk.until(1)
        await asyncio.sleep(0.3)
    async with listening(mixin, desk):
        await mixin.post("people/Bob/say", text="second")
        await desk.until(2)
        await asyncio.sleep(0.3)
    texts = [event.text for event in desk.events if isinstance(event, Message)]
    assert texts == ["hello 你好", "second"]


async def test_message_that_was_not_taken_in_comes_again(mixin: Mixin) -> None:
    desk = Desk(mixin)
    desk.refusals = 1
    await mixin.post("people/Alice/say", text="keep me")
    async with listening(mixin, desk):
        await desk.until(1)
    assert [event.body for event in desk.events] == ["keep me"]


async def test_messages_of_a_time_without_us_are_all_delivered_in_order(mixin: Mixin) -> None:
    for number in range(120):
        await mixin.post("people/Alice/say", text=f"n{number}")
    desk = Desk(mixin)
    async with listening(mixin, desk):
        await desk.until(120)
    assert [event.body for event in desk.events] == [f"n{number}" for number in range(120)]


async def test_connection_that_is_cut_comes_back(mixin: Mixin) -> None:
    desk = Desk(mixin)
    async with listening(mixin, desk):
        await mixin.post("people/Alice/say", text="before")
        await desk.until(1)
        await mixin.post("cut")
        await mixin.post("people/Alice/say", text="after")
        await desk.until(2)
    assert [event.body for event in desk.events][-1] == "after"


async def test_sticker_and_payment_are_events_too(mixin: Mixin) -> None:
    desk = Desk(mixin)
    async with listening(mixin, desk):
        data = base64.b64encode(b'{"sticker_id":"x"}').decode()
        await mixin.post("people/Alice/say", text="", category="PLAIN_STICKER", data_base64=data)
        await desk.until(1)
        await mixin.post("people/Alice/transfer", asset_id=USDT, amount="3")
        await desk.until(2)
    assert [event.kind for event in desk.events] == [Unsupported.kind, Payment.kind]


async def alice_sees(mixin: Mixin) -> list[dict[str, object]]:
    messages: list[dict[str, object]] = (await mixin.get("people/Alice/messages?after=0"))["messages"]
    return messages


async def test_texts_posts_buttons_and_cards_are_shown_once_each(mixin: Mixin) -> None:
    await mixin.post("people/Alice/say", text="hi")
    alice = next(p for p in (await mixin.get("people"))["people"] if p["name"] == "Alice")["user_id"]
    replies: list[Reply] = [
        Text("Welcome 欢迎"),
        Post("# Runs\n\n- one"),
        Buttons((sends("Deposit", "/deposit"),)),
        Card("BTC/USDT", "Spread 0.4 %", (sends("Stop", "/stop 1"),)),
    ]
    outgoing = [Outgoing(alice, unique_id("m", str(number)), reply) for number, reply in enumerate(replies)]
    messenger = MixinMessenger(mixin.http)
    await messenger.send(outgoing)
    await messenger.send(outgoing)
    categories = [message["category"] for message in await alice_sees(mixin)]
    assert categories == ["PLAIN_TEXT", "PLAIN_TEXT", "PLAIN_POST", "APP_BUTTON_GROUP", "APP_CARD"]


def test_batches_keep_the_order_and_stay_below_what_mixin_takes() -> None:
    small = [{"message_id": str(n)} for n in range(250)]
    assert [len(batch) for batch in batches(small)] == [100, 100, 50]
    large = [{"message_id": str(n), "data_base64": "x" * 50_000} for n in range(5)]
    assert [len(batch) for batch in batches(large)] == [2, 2, 1]
    assert [m for batch in batches(large) for m in batch] == large
