"""What can be measured of an instance, in Prometheus's text format 0.0.4. No figure names a person."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.db.progress import WORDS, word_of
from adapters.health import COMPARED, NO_ANSWER, PATIENCE, rows_of
from domain.health.progress import Word, ill

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing: its name, what it means, and a value for each set of labels."""

    name: str
    meaning: str
    samples: Sequence[tuple[Mapping[str, str], float]]


@dataclass(frozen=True, slots=True)
class _FromRows:
    """A figure that a statement tells: which column is its value, and which ones are its labels."""

    name: str
    meaning: str
    sql: str
    value: str
    labels: tuple[str, ...]

    def of(self, rows: Iterable[Mapping[str, Any]]) -> Figure:
        """Return the figure of the statement's rows; one without a value is left out."""
        told = [row for row in rows if row[self.value] is not None]
        samples = [({name: str(row[name]) for name in self.labels}, float(row[self.value])) for row in told]
        return Figure(self.name, self.meaning, samples)


_WAITING = "SELECT what AS queue, waiting, coalesce(oldest_s, 0) AS oldest_s FROM waiting ORDER BY what"
_UNKNOWN = "SELECT account, older_than_s, orders FROM unknown_orders ORDER BY account, older_than_s"
_LEASES = """
    SELECT scope, (state = 'held' AND expires_at > lease_clock())::int AS held
    FROM leases WHERE scope NOT LIKE 'seat:%' ORDER BY scope
"""
_HALTS = "SELECT account, halts FROM standing_halts ORDER BY account"

_TOLD = (
    _FromRows("mrmarket_queue_waiting", "Rows of a queue that wait.", _WAITING, "waiting", ("queue",)),
    _FromRows(
        "mrmarket_queue_age_seconds", "How long the oldest of them waits.", _WAITING, "oldest_s", ("queue",)
    ),
    _FromRows(
        "mrmarket_unknown_orders",
        "Orders without the venue's clear word that are at least so old.",
        _UNKNOWN,
        "orders",
        ("account", "older_than_s"),
    ),
    _FromRows(
        "mrmarket_reconciled_age_seconds",
        "How long ago books and what lies there were seen to agree.",
        COMPARED,
        "age_s",
        ("scope",),
    ),
    _FromRows("mrmarket_lease_held", "1 while somebody acts for a scope.", _LEASES, "held", ("scope",)),
    _FromRows(
        "mrmarket_halts",
        "How many reasons there are why nobody may trade from an account.",
        _HALTS,
        "halts",
        ("account",),
    ),
)

_SAID: tuple[tuple[str, str, Callable[[Word], float]], ...] = (
    ("mrmarket_heard_age_seconds", "How long ago a process said so.", lambda word: word.age_s),
    (
        "mrmarket_idle_seconds",
        "For how long a part of a process has ended no round.",
        lambda word: word.progress.idle_s + word.age_s,
    ),
    (
        "mrmarket_late_seconds",
        "By how much what a part was to do next is overdue: the tick lag.",
        lambda word: word.progress.late_s,
    ),
    ("mrmarket_working", "1 while a part does its work.", lambda word: not ill(word, PATIENCE)),
)


def render(figures: Iterable[Figure]) -> str:
    """Return figures as Prometheus reads them; all are gauges: their values rise and fall."""
    lines: list[str] = []
    for figure in figures:
        lines += [f"# HELP {figure.name} {_escaped(figure.meaning)}", f"# TYPE {figure.name} gauge"]
        lines += [f"{figure.name}{_labels(labels)} {float(value)!r}" for labels, value in figure.samples]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    said = [f'{name}="{_escaped(value, quotes=True)}"' for name, value in labels.items()]
    return f"{{{','.join(said)}}}" if said else ""


def _escaped(text: str, *, quotes: bool = False) -> str:
    whole = text.replace("\\", "\\\\").replace("\n", "\\n")
    return whole.replace('"', '\\"') if quotes else whole


async def figures_of(dsn: str, process: str, stuck: str) -> list[Figure]:
    """Return what can be measured now: of this process, and of all that the database tells."""
    statements = list(dict.fromkeys(figure.sql for figure in _TOLD))
    live = Figure("mrmarket_live", "1 while this process does its work.", [({"process": process}, not stuck)])
    try:
        words, *told = await rows_of(dsn, WORDS, *statements)
    except NO_ANSWER:
        return [live, _database(up=False)]
    rows = dict(zip(statements, told, strict=True))
    said = _of_words([word_of(row) for row in words])
    return [live, _database(up=True), *said, *(figure.of(rows[figure.sql]) for figure in _TOLD)]


def _database(*, up: bool) -> Figure:
    return Figure("mrmarket_database_up", "1 while the database answers.", [({}, up)])


def _of_words(words: Sequence[Word]) -> list[Figure]:
    labelled = [
        ({"process": word.process, "holder": word.holder, "part": word.progress.part}, word) for word in words
    ]
    return [
        Figure(name, meaning, [(labels, value(word)) for labels, word in labelled])
        for name, meaning, value in _SAID
    ]
