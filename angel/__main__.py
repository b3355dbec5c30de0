"""The process that clears the book when nobody else does: ``python -m angel``."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from adapters.angel.pages import telling
from adapters.angel.settings import AngelSettings, load_angel_settings
from adapters.bootstrap_angel import CannotWatch, Opened, open_angel
from adapters.logging import configure_logging
from adapters.process import keep_memory_private
from angel.rounds import Rounds
from domain.errors import Refused

PROCESS = "angel"
SWEEP_EVERY_S, WARM_EVERY_S, KEYS_EVERY_S = 0.5, 300.0, 60.0

log = structlog.get_logger(PROCESS)


def rounds_of(opened: Opened, settings: AngelSettings) -> list[Rounds]:
    """Return everything this process does again and again, the watch first."""
    angel = opened.angel
    sweeping: list[Callable[[], Awaitable[str]]] = [partial(angel.sweep, scope) for scope in angel.desks]
    return [
        Rounds("watch", settings.angel_interval_s, angel.look, opened.clock.monotonic),
        *(Rounds("sweep", SWEEP_EVERY_S, sweep, opened.clock.monotonic) for sweep in sweeping),
        Rounds("warm", WARM_EVERY_S, opened.warm, opened.clock.monotonic),
        Rounds("timers", WARM_EVERY_S, opened.check_timers, opened.clock.monotonic),
        Rounds("keys", KEYS_EVERY_S, opened.copy_keys, opened.clock.monotonic),
    ]


async def watch(settings: AngelSettings) -> None:
    """Watch until told to stop; what is being swept is gone on with by the next life."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with open_angel(settings) as opened:
        rounds = rounds_of(opened, settings)
        stuck, missing = rounds[0].stuck, opened.angel.missing
        async with telling(settings.health_host, settings.health_port, stuck, missing):
            log.info("watching", accounts=[desk.account for desk in opened.angel.desks.values()])
            running = [asyncio.create_task(each.run()) for each in rounds]
            await stop.wait()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
    log.info("stopped")


def main() -> None:
    """Read the settings and watch."""
    keep_memory_private()
    settings = load_angel_settings()
    configure_logging(settings.log_format, settings.log_level, process=PROCESS)
    try:
        asyncio.run(watch(settings))
    except (CannotWatch, Refused, OSError) as error:
        log.error("cannot watch", error=str(error))  # noqa: TRY400 - one sentence, no traceback
        sys.exit(1)


if __name__ == "__main__":
    main()
