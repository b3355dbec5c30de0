"""The process that hears STOP: ``python -m listener``."""

import asyncio
import secrets
import signal
import sys
from collections.abc import Sequence

import structlog

from adapters.angel.pages import telling
from adapters.clock import SystemClock
from adapters.db.asking import Asking
from adapters.db.stops import PostgresStopDoor
from adapters.ids import RandomIds
from adapters.listener_settings import ListenerSettings, load_listener_settings
from adapters.logging import configure_logging
from adapters.mixin.blaze import Blaze
from adapters.mixin.codec.ids import conversation_id
from adapters.mixin.http import MixinHttp
from adapters.mixin.keystore import BadKeystore, load_keystore, without_spend_key
from adapters.mixin.messenger import MixinMessenger
from adapters.process import keep_memory_private
from adapters.stop_file import HaltFile
from adapters.texts.catalogues import texts
from bot.events import Event, Message
from domain.ids import UserId
from domain.services.stop_word import StopWord
from listener.hearing import Hearing
from listener.voice import Voice

PROCESS = "listener"
ROUND_EVERY_S = 1.0

log = structlog.get_logger(PROCESS)


class Listener:
    """Ears, voice and the hand that writes."""

    def __init__(self, settings: ListenerSettings, http: MixinHttp, asking: Asking) -> None:
        """Go on with what stands in the file."""
        self._http, self._clock, ids = http, SystemClock(), RandomIds()
        self.file, door = HaltFile(settings.halt_file), PostgresStopDoor(asking)
        self._word = StopWord(settings.people(), self.file, door, self._clock, ids, _code)
        self._voice = Voice(MixinMessenger(http), texts(), self._clock, ids)
        self._blaze = Blaze(settings.mixin_blaze_url, http, self._clock, self._receive)
        self.hearing = Hearing(lambda: self._blaze.connected, self._clock.monotonic)
        self._writing = asyncio.Lock()

    def missing(self) -> str:
        """Return what keeps a STOP from being heard or kept, or nothing."""
        return self.hearing.deaf() or self.file.trouble()

    async def run(self) -> None:
        """Listen, answer and see to what was said, for ever."""
        async with asyncio.TaskGroup() as tasks:
            for each in (self._blaze.run(), self._voice.run(), self._rounds()):
                tasks.create_task(each)

    async def _receive(self, events: list[Event]) -> None:
        """Hear messages; when this returns, a confirmed stop stands in the file, and in the row if it can."""
        for event in events:
            sender, alone = UserId(event.sender_id), self._alone(event)
            said = self._word.hear(sender, event.key, _words(event), alone=alone)
            if said is not None:
                log.info("heard", sender=sender, answer=said.kind)
                self._voice.say(said)
        if self._word.standing is not None:
            await self._round()

    async def _rounds(self) -> None:
        while True:
            self.hearing.look()
            await self._round()
            await self._clock.sleep(ROUND_EVERY_S)

    async def _round(self) -> None:
        async with self._writing:
            try:
                told = await self._word.round()
            except Exception as error:  # whatever a database or a disk says: the next word is heard
                log.exception("round failed", error=str(error))
                return
        for said in told:
            log.info("telling", kind=said.kind)
            self._voice.say(said)

    def _alone(self, event: Event) -> bool:
        """Tell whether a person said it themselves, where nobody else is."""
        private = conversation_id(self._http.app_id, event.sender_id)
        return event.conversation_id == private and not event.representative_id


def _words(event: Event) -> Sequence[str]:
    return event.words if isinstance(event, Message) else ()


def _code() -> str:
    """Return six digits that nobody guesses in three tries."""
    return f"{secrets.randbelow(900_000) + 100_000}"


async def listen(settings: ListenerSettings) -> None:
    """Listen until told to stop.

    Raises:
        BadKeystore: the bot account's keystore cannot be used.
    """
    keystore = without_spend_key(load_keystore(settings.stop_keystore_file))
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    http, asking = MixinHttp(settings.mixin_api_url, keystore, SystemClock()), Asking(settings.dsn(), PROCESS)
    log.info("listening", people=len(settings.people()), halt_file=str(settings.halt_file))
    listener = Listener(settings, http, asking)
    if trouble := listener.file.trouble():
        log.error("a STOP would stand in the database alone", reason=trouble)
    running, told = asyncio.create_task(listener.run()), asyncio.create_task(stop.wait())
    try:
        stuck = listener.hearing.stuck
        async with telling(settings.health_host, settings.health_port, stuck, listener.missing):
            await asyncio.wait([running, told], return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = running.done()
        for task in (running, told):
            task.cancel()
        await asyncio.gather(running, told, return_exceptions=True)
        await http.close()
        await asking.close()
    if ended:
        running.result()
    log.info("stopped")


def main() -> None:
    """Read the settings and listen."""
    keep_memory_private()
    settings = load_listener_settings()
    configure_logging(settings.log_format, settings.log_level, process=PROCESS)
    try:
        asyncio.run(listen(settings))
    except BadKeystore as error:
        sys.exit(f"MrMarket cannot start.\n  {error}")


if __name__ == "__main__":
    main()
