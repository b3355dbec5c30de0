"""How a run that changed the money core is judged: what changed, who noticed, and what may stay unnoticed.

A change of nothing but words is no change of what the program does, and is left out: of a sentence (a text
with a space in it; codes, kinds and names have none), and of what a ``ValueError`` says, which always is one.
Any other change that no test noticed must stand in ``survivors.txt`` with the reason why it may.

The tool changes functions and methods: no property, and nothing that stands at the top of a module, such as
the table of states. Of those a run says nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

LEAST_PERCENT = 90

NOTICED = frozenset({"killed", "timeout"})

GROUPS = {
    "domain.money": "money",
    "domain.fees": "fees",
    "domain.ledger": "ledger",
    "domain.payouts": "payouts",
    "domain.services.payouts": "payouts",
    "domain.services.payout_news": "payouts",
    "domain.services.wallet_float": "payouts",
    "domain.services.withdrawals": "payouts",
    "domain.services.deposits": "deposits",
    "domain.services.incoming": "deposits",
}
"""What is held to the bar together, by where it stands."""

_NUMBER = re.compile(r"__mutmut_\d+$")
_MANGLED = re.compile(r"\.x(_|ǁ)")
_SENTENCE = re.compile(r'f?"[^"]* [^"]*"')
_COMPLAINT = re.compile(r"raise ValueError\(.*\)$")


@dataclass(frozen=True, slots=True)
class Change:
    """One change: where, what the line was, what it became, and what the tests made of it."""

    function: str
    was: str
    became: str
    how: str

    @classmethod
    def read(cls, name: str, how: str, diff: str) -> Self:
        """Return the change of this name from a diff of its function."""
        changed = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        was, became = (" ".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
        function = _MANGLED.sub(".", _NUMBER.sub("", name)).replace("ǁ", ".")
        return cls(function, was, became, how)

    def __str__(self) -> str:
        """Return it as ``survivors.txt`` names it."""
        return f"{self.function}: {self.was} => {self.became}"

    @property
    def noticed(self) -> bool:
        """Tell whether a test failed."""
        return self.how in NOTICED

    @property
    def group(self) -> str:
        """Return what it is counted with."""
        return next(group for place, group in GROUPS.items() if self.function.startswith(f"{place}."))

    @property
    def is_wording(self) -> bool:
        """Tell whether nothing but words changed."""
        return _silent(self.was) == _silent(self.became)


def _silent(line: str) -> str:
    return _COMPLAINT.sub("raise ValueError", _SENTENCE.sub('""', line))


def reasons_of(text: str) -> dict[str, str]:
    """Return why each known survivor may live, from lines of ``survivor   # reason``."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {survivor.strip(): reason for survivor, _, reason in (line.partition("   # ") for line in lines)}


def report(changes: Iterable[Change], reasons: Mapping[str, str], *, whole: bool) -> tuple[list[str], bool]:
    """Return what to say of changes, and whether that is good enough; ``whole`` when nothing was left out."""
    made = list(changes)
    counted = [change for change in made if not change.is_wording]
    lines, enough = _scores(counted)
    lines.append(f"{len(made) - len(counted)} more changed words alone")
    survivors = [change for change in counted if not change.noticed]
    lines += [f"  {change}   # {reasons.get(str(change), 'NO REASON GIVEN')}" for change in survivors]
    known = {str(change) for change in survivors}
    gone = sorted(set(reasons) - known) if whole else []
    lines += [f"  is noticed now, so take it off the list: {name}" for name in gone]
    return lines, enough and known <= set(reasons) and not gone


def _scores(counted: Sequence[Change]) -> tuple[list[str], bool]:
    lines, enough = [], bool(counted)
    for group in (*dict.fromkeys(GROUPS.values()), "all"):
        ours = [change for change in counted if group in (change.group, "all")]
        if ours:
            noticed = sum(change.noticed for change in ours)
            enough = enough and 100 * noticed >= LEAST_PERCENT * len(ours)
            how = ", ".join(f"{count} {how}" for how, count in Counter(c.how for c in ours).most_common())
            lines.append(
                f"{group}: {noticed} of {len(ours)} noticed, {100 * noticed / len(ours):.1f} % ({how})"
            )
    return lines, enough
