"""The web process: ``python -m webapp``."""

import asyncio
import signal
import time
from collections.abc import Sequence
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
from domain.health.readiness import Probe
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


def probes_of(dsn: str, queue: Probe) -> tuple[DatabaseProbe, ReconciliationProbe, Sequence[Probe]]:
    """Return who asks database and books, and everybody who is asked when somebody looks.

    An instance may do without an Angel; one that had one should know when it has none any more.
    """
    database, comparing = DatabaseProbe(dsn), ReconciliationProbe(dsn)
    bot, workers = ProcessProbe(dsn, "bot"), ProcessProbe(dsn, "workers")
    angel = ProcessProbe(dsn, "angel", expected=False)
    return (
        *(database, comparing),
        (database, queue, bot, workers, angel, LeaseProbe(dsn), comparing, WaitingProbe(dsn)),
    )


async def serve(settings: Settings) -> None:
    """Serve the pages until told to stop."""
    redis = connect_redis(settings.redis_url.reveal())
    database, comparing, probes = probes_of(settings.database_url.reveal(), RedisProbe(redis))
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
