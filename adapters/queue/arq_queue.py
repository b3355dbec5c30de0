"""arq as an alarm clock: a job carries a loop's name and nothing else."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import structlog
from arq.connections import ArqRedis, RedisSettings, create_pool
from arq.worker import Worker, func
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

QUEUE = "mrmarket:wake"
JOB = "wake"
_AGAIN_S = 2.0

log = structlog.get_logger(__name__)


def pack(job: dict[str, Any]) -> bytes:
    """Return a job as JSON: the default of arq runs whatever code the writer of Redis likes (RD4)."""
    return json.dumps(job, default=str).encode()


def redis_settings(url: str) -> RedisSettings:
    """Return connection settings that outlive a restart of Redis."""
    settings = RedisSettings.from_dsn(url)
    settings.conn_timeout = 2
    settings.conn_retries = 1
    settings.retry_on_error = [RedisConnectionError, RedisTimeoutError, OSError]
    settings.retry = Retry(ExponentialBackoff(cap=1, base=0.1), 3)
    return settings


class Alarm:
    """Wakes the loops of whichever worker is there first; a hint that may be lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: ArqRedis | None = None

    async def wake(self, loop: str) -> None:
        """Ask for a round of a loop now instead of at its next turn."""
        try:
            if self._pool is None:
                self._pool = await _open(self._url)
            await self._pool.enqueue_job(JOB, loop, _job_id=f"{JOB}:{loop}", _expires=60)
        except (RedisError, OSError) as error:
            log.warning("wake-up was lost", loop=loop, error=type(error).__name__)

    async def close(self) -> None:
        """Let go of Redis."""
        if self._pool is not None:
            await self._pool.aclose(close_connection_pool=True)


async def keep_listening(url: str, wake: Callable[[str], None]) -> None:
    """Take wake-ups until cancelled, whatever becomes of Redis: without it, loops keep their own time."""
    while True:
        try:
            await listen(url, wake)
        except (RedisError, OSError) as error:
            log.warning("wake-ups are not heard", error=type(error).__name__)
        await asyncio.sleep(_AGAIN_S)


async def listen(url: str, wake: Callable[[str], None]) -> None:
    """Take wake-ups until cancelled.

    Raises:
        RedisError, OSError: Redis is gone; start anew after a while.
    """

    async def woken(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:
        wake(str(args[0]))

    pool = await _open(url)
    try:
        worker = Worker(
            functions=[func(woken, name=JOB, keep_result=0, max_tries=1)],
            queue_name=QUEUE,
            redis_pool=pool,
            job_serializer=pack,
            job_deserializer=json.loads,
            handle_signals=False,
            poll_delay=0.1,
            max_jobs=20,
            job_timeout=5,
            keep_result=0,
            health_check_interval=2,
            log_results=False,
        )
        await worker.async_run()
    finally:
        await pool.aclose(close_connection_pool=True)


async def _open(url: str) -> ArqRedis:
    return await create_pool(
        redis_settings(url), job_serializer=pack, job_deserializer=json.loads, default_queue_name=QUEUE
    )
