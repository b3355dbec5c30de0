"""What the listener says back: words in one language or in all, sent as soon as Mixin takes them."""

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from bot.loop import backoff_s
from bot.outbox import Messenger, Outgoing
from bot.ports import Clock
from bot.replies import RED, Buttons, Reply, Text, Undeliverable, sends
from bot.words import Texts
from domain.errors import MrMarketError
from domain.ids import Ids, UserId
from domain.services.stop_word import WORDS, Said

log = structlog.get_logger("listener")

LANGUAGES = tuple(WORDS.values())
_WORD_OF = {language: word.upper() for word, language in WORDS.items()}
_LATE_S = 300.0
"""After so long an answer is of no use to anybody."""
_MOST_WAITING = 200


def rendered(said: Said, texts: Texts) -> Sequence[Reply]:
    """Return the replies that say this: a stranger to us hears every language we speak."""
    languages = [said.language] if said.language else LANGUAGES
    told: list[Reply] = [Text("\n\n".join(texts.words(each)(said.kind, **said.params) for each in languages))]
    if code := said.params.get("code"):
        confirms = [f"{_WORD_OF[each]} {code}" for each in languages]
        told.append(Buttons(tuple(sends(confirm, confirm, RED) for confirm in confirms)))
    return told


class Voice:
    """Sends to each person in order, and to all beside each other: nobody's silence is another's.

    What Mixin does not take for five minutes is let go.
    """

    def __init__(self, messenger: Messenger, texts: Texts, clock: Clock, ids: Ids) -> None:
        self._messenger, self._texts = messenger, texts
        self._clock, self._ids = clock, ids
        self._said: asyncio.Queue[Said] = asyncio.Queue()
        self._lanes: dict[UserId, deque[Said]] = {}
        self._waiting = 0

    def say(self, said: Said) -> None:
        """Have something said; when too much waits, this is not."""
        if self._waiting >= _MOST_WAITING:
            log.warning("not said: too much waits", kind=said.kind)
            return
        self._waiting += 1
        self._said.put_nowait(said)

    async def run(self) -> None:
        """Say what waits, for ever."""
        async with asyncio.TaskGroup() as lanes:
            while True:
                said = await self._said.get()
                if said.to in self._lanes:
                    self._lanes[said.to].append(said)
                    continue
                self._lanes[said.to] = deque([said])
                lanes.create_task(self._tell(said.to))

    async def _tell(self, person: UserId) -> None:
        """Tell one person all that waits for them."""
        while lane := self._lanes[person]:
            await self._send(lane.popleft())
            self._waiting -= 1
        del self._lanes[person]

    async def _send(self, said: Said) -> None:
        replies = rendered(said, self._texts)
        messages = [Outgoing(said.to, self._ids.new_id(), reply) for reply in replies]
        began, failures = self._clock.now(), 0
        while (self._clock.now() - began).total_seconds() < _LATE_S:
            try:
                await self._messenger.send(messages)
            except Undeliverable as error:
                log.warning("not said", kind=said.kind, error=str(error))
                return
            except MrMarketError as error:
                failures += 1
                log.warning("not said yet", kind=said.kind, failures=failures, error=str(error))
                await self._clock.sleep(backoff_s(failures))
            else:
                return
        log.warning("given up saying", kind=said.kind)
