"""The process that clears the book when nobody else does: ``python -m angel``."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import structlog

from adapters.angel.pages import telling
from adapters.angel.settings import AngelSettings, load_angel_settings
from adapters.bootstrap_angel import OTHER_KEYS, CannotWatch, Opened, open_angel
from adapters.logging import configure_logging
from adapters.process import keep_memory_private
from adapters.watchdog import Watchdog
from angel.rounds import Rounds
from domain.errors import Refused

PROCESS = "angel"
SWEEP_EVERY_S, WARM_EVERY_S, KEYS_EVERY_S = 0.5, 300.0, 60.0
HUNG_S = 20.0
"""For how long nothing may happen here, a slow disk's writing included, before this life is ended."""

log = structlog.get_logger(PROCESS)


def rounds_of(opened: Opened, settings: AngelSettings, over: asyncio.Event) -> list[Rounds]:
    """Return everything this process does again and again, the watch first; ``over`` ends all of it."""
    angel = opened.angel
    sweeping: list[Callable[[], Awaitable[str]]] = [partial(angel.sweep, scope) for scope in angel.desks]

    async def keys() -> str:
        said = await opened.copy_keys()
        if said == OTHER_KEYS and not angel.sweeps:
            over.set()  # with the keys of old nothing could be cancelled
        return said

    return [
        Rounds("watch", settings.angel_interval_s, angel.look, opened.clock.monotonic),
        *(Rounds("sweep", SWEEP_EVERY_S, sweep, opened.clock.monotonic) for sweep in sweeping),
        Rounds("warm", WARM_EVERY_S, opened.warm, opened.clock.monotonic),
        Rounds("timers", WARM_EVERY_S, opened.check_timers, opened.clock.monotonic),
        Rounds("keys", KEYS_EVERY_S, keys, opened.clock.monotonic),
    ]


async def watch(settings: AngelSettings) -> None:
    """Watch until told to stop; what is being swept is gone on with by the next life."""
    stop, over = False, asyncio.Event()

    def end() -> None:
        nonlocal stop
        stop = True
        over.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, end)
    while not stop:
        over.clear()
        await live(settings, over)
    log.info("stopped")


async def live(settings: AngelSettings, over: asyncio.Event) -> None:
    """Open everything, watch until it is over, and close it again."""
    async with open_angel(settings) as opened:
        rounds = rounds_of(opened, settings, over)
        stuck, missing = rounds[0].stuck, opened.angel.missing
        with Watchdog(HUNG_S).watching():
            async with telling(settings.health_host, settings.health_port, stuck, missing):
                log.info("watching", accounts=[desk.account for desk in opened.angel.desks.values()])
                running = [asyncio.create_task(each.run()) for each in rounds]
                await over.wait()
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)


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
