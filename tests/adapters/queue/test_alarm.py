"""Wake-ups and beats on a real Redis, and without one."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from adapters.queue.arq_queue import Alarm, listen, pack
from adapters.queue.beats import Beats
from sandbox.redis import start_redis

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
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


async def test_a_beat_is_read_back(redis_url: str) -> None:
    beats = Beats(redis_url)
    assert await beats.last("workers") is None
    assert await beats.beat("workers", NOW) == "beat"
    assert await beats.last("workers") == NOW
    await beats.close()


async def test_a_beat_without_redis_is_not_heard() -> None:
    beats = Beats(NOBODY)
    assert "not heard" in await beats.beat("workers", NOW)
    assert await beats.last("workers") is None
    await beats.close()


def test_jobs_are_json() -> None:
    assert json.loads(pack({"f": "wake", "a": ["payouts"]})) == {"f": "wake", "a": ["payouts"]}
