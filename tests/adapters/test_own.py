"""The owner's own classes: the documented example works, and a wrong name ends the start with a sentence."""

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.own import named
from adapters.settings import Settings
from domain.health.recovery import BUILT_IN, Ask, Choice, HeldBack, Manual, Resume
from domain.ids import RunId, UserId, VenueAccountName
from domain.market.model import Pair
from domain.market.runs import Run, RunState
from domain.services.recovery import choose
from tests.adapters.test_health_pages import settings_of

RUN = Run(
    id=RunId("run"),
    number=1,
    user_id=UserId("somebody"),
    account=VenueAccountName("main"),
    pair=Pair.parse("BTC/USDT"),
    strategy="pure_market_making",
    preset="calm",
    config={},
    config_version=1,
    state=RunState.RECOVERING,
    base_start=Decimal(1),
    quote_start=Decimal(100),
    started_at=datetime(2026, 3, 1, tzinfo=UTC),
)


@pytest.fixture
def example(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the name of the class that the handbook shows, put where an owner puts it."""
    text = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    [code] = [block for block in blocks if "class WhileItWentWell" in block]
    (tmp_path / "own.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return "own:WhileItWentWell"


def of(settings: Settings, choice: str) -> Settings:
    return Settings.model_validate({**settings.model_dump(), "recovery": choice})


def test_the_example_of_the_handbook_decides(example: str, tmp_path: Path) -> None:
    choice = of(settings_of(tmp_path, None), example).recovery_choice()
    well = HeldBack(RUN, base=Decimal(1), quote=Decimal(90), mid=Decimal(100), recovered=0)
    assert choice.decide(well) == Resume()
    badly = HeldBack(RUN, base=Decimal("0.5"), quote=Decimal(120), mid=Decimal(100), recovered=0)
    assert choice.decide(badly) == Ask("lost_a_tenth")
    unseen = HeldBack(RUN, base=Decimal(1), quote=Decimal(90), mid=None, recovered=0)
    assert choice.decide(unseen) == Ask("price_unknown")


def test_built_in_ones_need_no_module() -> None:
    choice: Choice = named("manual", BUILT_IN, "decide")
    assert isinstance(choice, Manual)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere:Class", "No module named 'nowhere'"),
        ("own:Nothing", "no attribute 'Nothing'"),
        ("own:Decimal", "has no method decide()"),
        ("own:HeldBack", "missing"),
    ],
)
def test_a_class_that_cannot_be_used_ends_the_start_with_a_sentence(
    name: str, said: str, example: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        of(settings_of(tmp_path, None), name).recovery_choice()
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert "MRMARKET_RECOVERY is wrong" in told
    assert said in told


BAD = """
import sys, threading

go = threading.Event()

class Hangs:
    def decide(self, held):
        go.wait(60)

class Spins:
    def decide(self, held):
        while not go.is_set():
            pass

class Leaves:
    def decide(self, held):
        sys.exit("all of it")

class Falls:
    def decide(self, held):
        raise KeyError("x")

class NotMade:
    def __init__(self):
        raise KeyError("x")

    def decide(self, held):
        pass
"""


@pytest.fixture
def bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Settings]]:
    """Give settings that name one of the classes above, and let those that hang go at the end."""
    name = f"bad_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(BAD, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda kind: of(settings_of(tmp_path, None), f"{name}:{kind}")
    if name in sys.modules:
        sys.modules[name].go.set()


HELD = HeldBack(RUN, base=Decimal(1), quote=Decimal(90), mid=None, recovered=0)


@pytest.mark.parametrize("kind", ["Hangs", "Spins"])
def test_a_choice_that_hangs_keeps_nobody_waiting_and_is_not_asked_again_before_it_ends(
    kind: str, bad: Callable[[str], Settings]
) -> None:
    choice, began = bad(kind).recovery_choice(), time.monotonic()
    for _ in range(50):  # each of fifty runs
        with pytest.raises(TimeoutError):
            choice.decide(HELD)
    assert time.monotonic() - began < 4, "the first waits for a second, the others do not"
    assert choose(choice, HELD) == Ask("recovery_failed:TimeoutError")
    assert sum("think" in thread.name for thread in threading.enumerate()) == 1


@pytest.mark.parametrize(("kind", "why"), [("Leaves", "RuntimeError"), ("Falls", "KeyError")])
def test_a_choice_that_raises_or_ends_the_process_does_neither(
    kind: str, why: str, bad: Callable[[str], Settings]
) -> None:
    assert choose(bad(kind).recovery_choice(), HELD) == Ask(f"recovery_failed:{why}")


def test_a_class_that_fails_when_it_is_made_ends_the_start_with_a_sentence(
    bad: Callable[[str], Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        bad("NotMade").recovery_choice()
    assert "MRMARKET_RECOVERY is wrong" in capsys.readouterr().err
