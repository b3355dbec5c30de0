"""What probes say for machines, in a person's language: each sentence of theirs has a text of its own."""

import re

from bot.words import Words

_PART = r"(?:(?P<part>\S+) )?"
_SENTENCES = tuple(
    (re.compile(pattern), key)
    for pattern, key in (
        (r"was not heard of in the last seconds", "health_unheard"),
        (_PART + r"was not heard of for (?P<seconds>\d+) s", "health_unheard_for"),
        (_PART + r"has ended no round for (?P<seconds>\d+) s", "health_no_round"),
        (_PART + r"is (?P<seconds>\d+) s late", "health_late"),
        (_PART + r"is stuck", "health_stuck"),
        (_PART + r"fails", "health_fails"),
        (r"not connected to Mixin", "health_unconnected"),
        (r"nobody acts for (?P<what>.+)", "health_nobody_acts"),
        (r"not seen to agree for long: (?P<what>.+)", "health_not_agreed"),
        (r"(?P<queue>inbox|outbox) for (?P<seconds>\d+) s", "health_queue"),
        (r"(?P<orders>\d+) orders at (?P<account>\S+) without a clear answer", "health_orders"),
        (r"does not answer within (?P<seconds>[\d.]+) s", "health_slow"),
        (r"(?:does not answer|cannot be heard|cannot be read) \((?P<error>\w+)\)", "health_silent"),
    )
)
_BETWEEN = re.compile(r"; |(?<= s), |(?<=clear answer), ")


def health_in(words: Words, said: str) -> str:
    """Return what a probe said in these words; a sentence that has none stays as it is."""
    return words("sentence_separator").join(_one(words, part) for part in _BETWEEN.split(said))


def _one(words: Words, said: str) -> str:
    for pattern, key in _SENTENCES:
        if found := pattern.fullmatch(said):
            facts = {name: value for name, value in found.groupdict().items() if value is not None}
            if queue := facts.pop("queue", ""):
                facts["queue"] = words(f"health_{queue}")
            part = facts.pop("part", "")
            text = words(key, **facts)
            return words("health_part", part=part, said=text) if part else text
    return said
