"""A loop of the chat that goes round no more is known as stuck; one that only waits for news is not."""

import asyncio
from typing import Any

from bot.__main__ import deaf, stuck
from bot.delivery import Delivery
from bot.loop import SILENT_AFTER_S, Pulse
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
