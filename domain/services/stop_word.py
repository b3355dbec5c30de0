"""The word STOP, said to a bot of its own: who may say it, how it is confirmed, and what becomes of it.

Nothing of the instance is asked: it may be down. What counts is the listener's own list of people, and its
own memory; after a restart whoever had not confirmed says the word again.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from domain.errors import OutcomeUnknown, Unavailable
from domain.ids import Ids, UserId
from domain.ports.clock import Clock
from domain.ports.stops import Stop, StopDoor, StopFile

WORDS: Mapping[str, str] = {"stop": "en", "停": "zh"}
"""The word, and the language of whoever says it."""

_SAME = {"停止": "停"}
_MARKS = "/.,!?。，！？…"
"""What hurried people put around a word."""

CODE_LASTS_S = 120.0
_MOST_TRIES = 3
_ANSWERS, _WITHIN_S = 6, 60.0
"""How many answers one person who may say it gets in which time; more are not answered."""
UNCARRIED_S = 60.0
"""How long a stop may stand before its people hear unasked that no worker has carried it out."""
_STRANGER_AGAIN_S = 3_600.0
_STRANGERS_ANSWERED = 20
"""How many answers all strangers together get in that time: a crowd keeps nobody from being answered."""
_MOST_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Said:
    """What is told to a person: a kind, its parameters, and a language; none: in every one we speak."""

    to: UserId
    kind: str
    params: Mapping[str, str] = field(default_factory=dict)
    language: str = ""


@dataclass(slots=True)
class _Asked:
    code: str
    until_s: float
    tries: int = 0


class StopWord:
    """Hears people, and sees to what they said until workers have carried it out."""

    def __init__(
        self,
        people: Collection[UserId],
        file: StopFile,
        door: StopDoor,
        clock: Clock,
        ids: Ids,
        new_code: Callable[[], str],
    ) -> None:
        self._people = frozenset(people)
        self._file, self._door = file, door
        self._clock, self._ids, self._new_code = clock, ids, new_code
        self._standing = file.read()
        self._in_file = self._standing is not None
        self._stood_since_s = self._clock.monotonic()
        self._uncarried_told = False
        self._confirmed: tuple[UserId, str] | None = None  # who said which code last
        self._done = ""  # which one was carried out last: its file may outlive it
        self._asked: dict[UserId, _Asked] = {}
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._answered: dict[UserId, deque[float]] = {}
        self._strangers: OrderedDict[UserId, float] = OrderedDict()
        self._strangers_answered: deque[float] = deque(maxlen=_STRANGERS_ANSWERED)
        self._language = dict.fromkeys(self._people, "")
        self._silence_told = ""  # in which words

    @property
    def standing(self) -> Stop | None:
        """Return the stop that workers have not carried out yet, as far as we know."""
        return self._standing

    def hear(self, sender: UserId, key: str, words: Sequence[str], *, alone: bool) -> Said | None:
        """Return the answer to a message, ``None`` to stay silent; ``key`` names the message.

        What is not said ``alone`` with us is answered to the person all the same, and does nothing.
        """
        words = [_SAME.get(bare, bare) for word in words if (bare := word.strip(_MARKS))]
        if self._known(key):
            return None
        if sender not in self._people:
            return self._turn_away(sender)
        if words and words[0] in WORDS:
            self._language[sender] = WORDS[words[0]]
        is_word = alone and bool(words) and words[0] in WORDS
        if is_word and len(words) == 2 and (asked := self._asked.get(sender)):
            return self._confirm(sender, asked, words[1])  # counts whatever was said before it
        if not self._may_be_answered(sender):
            return None
        if not is_word or len(words) > 2:
            return self._say(sender, "listener_how")
        if len(words) == 2:
            return self._turn_down(sender, words[1])
        return self._ask(sender)

    async def round(self) -> Sequence[Said]:
        """See to the stop that stands; return what its people are told."""
        if self._standing is None:
            self._standing = self._found()  # somebody may have put it there by hand
            self._in_file = self._standing is not None
            self._stood_since_s, self._uncarried_told = self._clock.monotonic(), False
        stop = self._standing
        if stop is None:
            return []
        self._keep(stop)
        try:
            carried = await self._door.say(stop)
        except (Unavailable, OutcomeUnknown):
            return self._tell_of_silence()
        self._silence_told = ""
        if carried is None:
            return self._remind(stop)
        self._standing, self._in_file, self._done = None, False, stop.id
        self._remove(stop)
        facts = {"runs": str(carried.runs), "conversions": str(carried.conversions)}
        return self._tell_all("listener_carried_out", facts)

    def _confirm(self, sender: UserId, asked: _Asked, code: str) -> Said | None:
        asked.tries += 1
        if self._clock.monotonic() > asked.until_s or code != asked.code:
            if asked.tries >= _MOST_TRIES or self._clock.monotonic() > asked.until_s:
                del self._asked[sender]
            return self._turn_down(sender, code)
        self._asked.clear()
        self._confirmed = sender, code
        if self._standing is None:
            self._standing = Stop(self._ids.new_id(), sender, self._clock.now())
            self._stood_since_s, self._uncarried_told = self._clock.monotonic(), False
            self._keep(self._standing)
        return self._say(sender, "listener_written" if self._in_file else "listener_unwritten")

    def _tell_of_silence(self) -> Sequence[Said]:
        """Tell its people once where a stop stands while the database is silent, or that it is nowhere."""
        told, now = self._silence_told, "listener_database_silent" if self._in_file else "listener_nowhere"
        self._silence_told = now
        return [] if told == now else self._tell_all(now)

    def _turn_down(self, sender: UserId, code: str) -> Said | None:
        """Answer a code that does not hold; who taps twice does not hear that nothing was done."""
        if self._standing is not None:
            return self._say(sender, "listener_stands", {"at": self._standing.at.isoformat()})
        return None if self._confirmed == (sender, code) else self._say(sender, "listener_code_wrong")

    def _remind(self, stop: Stop) -> Sequence[Said]:
        """Tell its people once that a stop stands for long and nobody has carried it out."""
        if self._uncarried_told or self._clock.monotonic() - self._stood_since_s < UNCARRIED_S:
            return []
        self._uncarried_told = True
        return self._tell_all("listener_stands", {"at": stop.at.isoformat()})

    def _ask(self, sender: UserId) -> Said:
        if self._standing is not None:
            return self._say(sender, "listener_stands", {"at": self._standing.at.isoformat()})
        asked = _Asked(self._new_code(), self._clock.monotonic() + CODE_LASTS_S)
        self._asked[sender] = asked
        return self._say(sender, "listener_confirm", {"code": asked.code, "seconds": f"{CODE_LASTS_S:.0f}"})

    def _keep(self, stop: Stop) -> None:
        """Have it in the file; a disk that is full keeps nobody from the row."""
        if self._in_file:
            return
        try:
            self._file.write(stop)
        except Unavailable:
            return  # the next round tries again
        self._in_file = True

    def _found(self) -> Stop | None:
        """Return the stop that stands in the file, unless it was carried out: then only its file is left."""
        stop = self._file.read()
        if stop is None or stop.id != self._done:
            return stop
        self._remove(stop)
        return None

    def _remove(self, stop: Stop) -> None:
        """Take its file away; one that stays keeps nobody from being told, nor from another word."""
        with suppress(Unavailable):  # the next round tries again
            self._file.remove(stop)

    def _turn_away(self, sender: UserId) -> Said | None:
        """Tell a stranger that nothing was done, once an hour."""
        now_s = self._clock.monotonic()
        if now_s < self._strangers.get(sender, 0.0) or not _has_room(self._strangers_answered, now_s):
            return None
        self._strangers[sender] = now_s + _STRANGER_AGAIN_S
        self._strangers.move_to_end(sender)
        if len(self._strangers) > _MOST_REMEMBERED:
            self._strangers.popitem(last=False)
        return Said(sender, "listener_not_yours")

    def _may_be_answered(self, sender: UserId) -> bool:
        now_s, times = self._clock.monotonic(), self._answered.setdefault(sender, deque(maxlen=_ANSWERS))
        return _has_room(times, now_s)

    def _known(self, key: str) -> bool:
        """Tell whether this very message was heard before: Mixin repeats what it is not sure of."""
        if key in self._heard:
            return True
        self._heard[key] = None
        if len(self._heard) > _MOST_REMEMBERED:
            self._heard.popitem(last=False)
        return False

    def _tell_all(self, kind: str, facts: Mapping[str, str] | None = None) -> Sequence[Said]:
        return [self._say(person, kind, facts) for person in sorted(self._people)]

    def _say(self, to: UserId, kind: str, params: Mapping[str, str] | None = None) -> Said:
        return Said(to, kind, params or {}, self._language[to])


def _has_room(times: deque[float], now_s: float) -> bool:
    """Tell whether one more may be answered now, and count it."""
    if len(times) == times.maxlen and now_s - times[0] < _WITHIN_S:
        return False
    times.append(now_s)
    return True
