"""Wake-ups on a real Redis, and without one."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from adapters.queue.arq_queue import Alarm, listen, pack
from sandbox.redis import start_redis

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = start_redis(tmp_path_factory.mktemp("redis"))
    yield server.url
    server.stop()


async def test_a_wake_up_reaches_a_listening_worker(redis_url: str) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = asyncio.create_task(listen(redis_url, heard.put_nowait))
    alarm = Alarm(redis_url)
    async with asyncio.timeout(10):
        for _ in range(2):
            await alarm.wake("payouts")
            assert await heard.get() == "payouts"
            await asyncio.sleep(0.2)  # a wake-up that is just being heard swallows another
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    await alarm.close()


async def test_a_wake_up_that_cannot_be_sent_is_lost_without_harm() -> None:
    alarm = Alarm(NOBODY)
    await alarm.wake("payouts")
    await alarm.close()


def test_jobs_are_json() -> None:
    assert json.loads(pack({"f": "wake", "a": ["payouts"]})) == {"f": "wake", "a": ["payouts"]}
