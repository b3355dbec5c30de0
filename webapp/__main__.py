"""The web process: ``python -m webapp``."""

import asyncio
import signal

import structlog
from aiohttp import web

from adapters.health import (
    BeatProbe,
    DatabaseProbe,
    LeaseProbe,
    ReconciliationProbe,
    RedisProbe,
    connect_redis,
)
from adapters.logging import configure_logging
from adapters.process import keep_memory_private
from adapters.settings import Settings, load_settings
from webapp.app import make_app
from webapp.keys import ChainHead, ComparedAges, Instance

log = structlog.get_logger("webapp")


async def serve(settings: Settings) -> None:
    """Serve the pages until told to stop."""
    redis = connect_redis(settings.redis_url.reveal())
    database = DatabaseProbe(settings.database_url.reveal())
    comparing = ReconciliationProbe(settings.database_url.reveal())
    probes = (
        database,
        RedisProbe(redis),
        BeatProbe(redis, "bot"),
        BeatProbe(redis, "workers"),
        LeaseProbe(settings.database_url.reveal()),
        comparing,
    )
    instance = Instance(
        chat_url=settings.chat_url,
        sandbox=settings.mixin_api_url.startswith("http://"),
        encrypted=settings.public_url.startswith("https://"),
    )
    pages = make_app(
        probes, instance, ChainHead(lambda: database.head), ComparedAges(lambda: comparing.ages_s)
    )
    runner = web.AppRunner(pages, access_log=None, shutdown_timeout=3)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.web_host, settings.web_port).start()
        log.info("pages served", host=settings.web_host, port=settings.web_port)
        await stop.wait()
    finally:
        await runner.cleanup()
        await redis.aclose()
    log.info("pages closed")


def main() -> None:
    """Read the settings and serve."""
    keep_memory_private()
    settings = load_settings(holds_keys=False)
    configure_logging(settings.log_format, settings.log_level, process="webapp")
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
