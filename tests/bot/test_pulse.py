"""A loop of the chat that goes round no more is known as stuck; one that only waits for news is not."""

import asyncio
from typing import Any

import pytest

from bot.__main__ import deaf, stuck
from bot.delivery import Delivery
from bot.loop import SILENT_AFTER_S, News, Pulse
from tests.fakes.chat import FakeClock


class Outbox:
    """Gives nothing to send, and at last never answers."""

    def __init__(self) -> None:
        self.asked, self.hangs = 0, False

    async def due(self, *_: object) -> list[object]:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        return []


class Socket:
    connected = True


async def test_a_delivery_that_hangs_is_stuck_and_one_that_has_nothing_to_do_is_not() -> None:
    now_s, outbox, nothing = 0.0, Outbox(), None
    delivery = Delivery(outbox, nothing, nothing, FakeClock())  # type: ignore[arg-type]
    delivery.pulse.monotonic = lambda: now_s
    running = asyncio.create_task(delivery.run(poll_s=0.001))
    while outbox.asked < 3:
        await asyncio.sleep(0.002)
        now_s += SILENT_AFTER_S
    await asyncio.sleep(0.01)
    assert stuck([delivery.pulse]) == ""
    outbox.hangs = True
    await asyncio.sleep(0.01)
    now_s += SILENT_AFTER_S + 1
    assert stuck([delivery.pulse]) == "the outbox is stuck"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_who_is_not_connected_is_deaf_and_alive() -> None:
    socket: Any = Socket()
    begun = Pulse("the inbox")
    begun.beat()
    assert (deaf(socket, [begun]), stuck([begun])) == ("", "")
    socket.connected = False
    assert (deaf(socket, [begun]), stuck([begun])) == ("not connected to Mixin", "")


@pytest.mark.parametrize("ticks", range(6))
async def test_a_bell_rung_just_before_the_end_is_told_keeps_nobody_waiting(ticks: int) -> None:
    """Python 3.11's own ``wait_for`` takes a cancellation for an answer when both come at once."""
    news = News()
    waiting = asyncio.create_task(news.wait(60))
    for _ in range(3):
        await asyncio.sleep(0)
    news.ring()
    for _ in range(ticks):
        await asyncio.sleep(0)
    told = waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled() is told
