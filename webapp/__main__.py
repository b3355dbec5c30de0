"""The web process: ``python -m webapp``."""

import asyncio
import signal
import time
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from adapters.db.drills import LastDrill
from adapters.db.live_runs import PostgresLiveRuns
from adapters.db.pages import OwnHistory, PostgresVisits, WebDatabase
from adapters.health import (
    DatabaseProbe,
    LeaseProbe,
    ProcessProbe,
    ReconciliationProbe,
    RedisProbe,
    WaitingProbe,
    connect_redis,
)
from adapters.health_pages import telling
from adapters.ids import RandomIds
from adapters.logging import configure_logging
from adapters.process import keep_memory_private
from adapters.settings import Settings, load_settings
from adapters.texts.catalogues import texts
from domain.services.history import HistoryService
from domain.services.live_runs import LiveRunService
from domain.services.pages import VisitService
from webapp.app import make_app
from webapp.keys import ChainHead, ComparedAges, Drills, Instance, OwnPages

log = structlog.get_logger("webapp")


def phone_of(chat_url: str) -> str:
    """Return scheme, host and port of the sandbox's chat, which shows pages as a phone does: in a frame."""
    url = urlsplit(chat_url)
    return f"http://{url.netloc}" if url.hostname in ("127.0.0.1", "localhost") else ""


def reason_of(language: str, code: str) -> str:
    """Return the chat's words for what keeps a run from trading; a code without words is shown as it is."""
    words, key = texts().words(language), f"reason_{code.partition(':')[0]}"
    return words(key) if words.has(key) else code.replace("_", " ")


async def serve(settings: Settings) -> None:
    """Serve the pages until told to stop."""
    redis = connect_redis(settings.redis_url.reveal())
    database = DatabaseProbe(settings.database_url.reveal())
    comparing = ReconciliationProbe(settings.database_url.reveal())
    probes = (
        database,
        RedisProbe(redis),
        ProcessProbe(settings.database_url.reveal(), "bot"),
        ProcessProbe(settings.database_url.reveal(), "workers"),
        LeaseProbe(settings.database_url.reveal()),
        comparing,
        WaitingProbe(settings.database_url.reveal()),
    )
    sandbox = settings.mixin_api_url.startswith("http://")
    instance = Instance(
        chat_url=settings.chat_url,
        sandbox=sandbox,
        encrypted=settings.public_url.startswith("https://"),
        origin=settings.public_url.rstrip("/"),
        framed_by=phone_of(settings.chat_url or "") if sandbox else "",
    )
    reads = WebDatabase(settings.database_url.reveal())
    own = OwnPages(
        visits=VisitService(PostgresVisits(reads), RandomIds()),
        history=HistoryService(OwnHistory(reads)),
        runs=LiveRunService(PostgresLiveRuns(reads)),
        reason_of=reason_of,
    )
    pages = make_app(
        *(probes, instance, own, ChainHead(lambda: database.head), ComparedAges(lambda: comparing.ages_s)),
        Drills(LastDrill(reads).seen),
    )
    runner = web.AppRunner(pages, access_log=None, shutdown_timeout=3)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.web_host, settings.web_port).start()
        log.info("pages served", host=settings.web_host, port=settings.web_port)
        async with telling(settings, "webapp", str, probes, time.monotonic):
            await stop.wait()
    finally:
        await runner.cleanup()
        await redis.aclose()
        await reads.close()
    log.info("pages closed")


def main() -> None:
    """Read the settings and serve."""
    keep_memory_private()
    settings = load_settings(holds_keys=False)
    configure_logging(settings.log_format, settings.log_level, process="webapp")
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
