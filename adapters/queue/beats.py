"""Heartbeats of processes, for the readiness page: a key in Redis that fades."""

from datetime import datetime

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

LASTS_S = 10
_KEY = "mrmarket:beat:"

log = structlog.get_logger(__name__)


class Beats:
    """Writes and reads beats."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)

    async def beat(self, process: str, now: datetime) -> str:
        """Say that a process is alive; unheard when Redis is away."""
        try:
            await self._redis.set(f"{_KEY}{process}", now.isoformat(), ex=LASTS_S)
        except (RedisError, OSError) as error:
            return f"beat not heard: {type(error).__name__}"
        return "beat"

    async def last(self, process: str) -> datetime | None:
        """Return when a process last said that it is alive, ``None`` when that is too long ago."""
        try:
            value = await self._redis.get(f"{_KEY}{process}")
        except (RedisError, OSError) as error:
            log.warning("beats could not be read", error=type(error).__name__)
            return None
        return datetime.fromisoformat(value.decode()) if value else None

    async def close(self) -> None:
        """Let go of Redis."""
        await self._redis.aclose()
