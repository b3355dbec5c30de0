"""What a run of ``make mutate`` is worth is judged by rules, and the rules by these."""

import tomllib
from pathlib import Path

import pytest

from tests.mutation.verdict import Change, reasons_of, report

DIFF = """--- domain/money.py
+++ domain/money.py
@@ -1,4 +1,4 @@
 def plain(amount):
-    text = format(amount, "f")
+    text = format(amount, "F")
     return text
"""


def change(
    was: str = "a = 1", became: str = "a = 2", how: str = "killed", at: str = "domain.money.f"
) -> Change:
    return Change(at, was, became, how)


def test_a_change_is_named_by_its_function_and_both_lines() -> None:
    read = Change.read("domain.money.x_plain__mutmut_12", "survived", DIFF)
    assert str(read) == 'domain.money.plain: text = format(amount, "f") => text = format(amount, "F")'
    method = Change.read("domain.services.payouts.xǁPayoutServiceǁ_take__mutmut_3", "killed", DIFF)
    assert method.function == "domain.services.payouts.PayoutService._take"
    assert (read.group, method.group) == ("money", "payouts")


@pytest.mark.parametrize(
    ("was", "became", "wording"),
    [
        ('return "not final yet"', 'return "NOT FINAL YET"', True),
        ('raise ValueError("weights are odd")', "raise ValueError(None)", True),
        ('raise ValueError(f"{x} is odd")', "raise ValueError(None)", True),
        ('raise Refused("too_small")', 'raise Refused("TOO_SMALL")', False),
        ('raise Refused("too_small", least=1)', 'raise Refused("too_small", least=2)', False),
        ('stay(payout, "not final yet", SOON)', 'stay(payout, "not final yet", None)', False),
        ("if a < b:", "if a <= b:", False),
    ],
)
def test_words_alone_are_no_change(was: str, became: str, wording: bool) -> None:
    assert change(was, became).is_wording is wording


def test_a_survivor_needs_a_reason_and_the_list_must_be_true() -> None:
    changes = [change() for _ in range(19)] + [change(how="survived")]
    assert not report(changes, {}, whole=True)[1]
    reasons = reasons_of("# why\n\ndomain.money.f: a = 1 => a = 2   # nobody can see it\n")
    lines, passed = report(changes, reasons, whole=True)
    assert passed
    assert lines[0] == "money: 19 of 20 noticed, 95.0 % (19 killed, 1 survived)"
    assert lines[-1] == "  domain.money.f: a = 1 => a = 2   # nobody can see it"
    assert not report([change()], reasons, whole=True)[1]
    assert report([change()], reasons, whole=False)[1]


def test_each_group_must_pass_and_what_was_not_checked_was_not_noticed() -> None:
    many = [change() for _ in range(500)]
    weak = [change(how=how, at="domain.ledger.model.f") for how in ("killed", "not checked")]
    reasons = {str(weak[0]): "said"}
    assert not report(many + weak, reasons, whole=True)[1]
    assert not report([], {}, whole=True)[1]


def test_every_file_that_is_changed_belongs_to_a_group() -> None:
    root = Path(__file__).parents[2]
    wanted = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["mutmut"]["only_mutate"]
    files = [path.relative_to(root) for pattern in wanted for path in root.glob(pattern)]
    assert len(files) >= len(wanted)
    for path in files:
        assert change(at=".".join([*path.with_suffix("").parts, "f"])).group
