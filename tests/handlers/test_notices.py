"""Everything that is said anywhere has words, and all words are said somewhere."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.texts.catalogues import entries_of, texts
from bot.ports import Json
from bot.replies import Text
from handlers.notices import NOTICES, NoticeRenderer
from tests.handlers.notice_samples import samples
from tests.handlers.notice_samples.common import COMMON

ROOT = Path(__file__).parents[2]


ROOT = Path(__file__).parents[2]


class Recording:
    """Words that note which keys were asked for."""

    def __init__(self, said: set[str]) -> None:
        self._words = texts().words("en")
        self._said = said

    def words(self, language: str) -> "Recording":
        return self

    def __call__(self, key: str, **params: Json) -> str:
        self._said.add(key)
        return self._words(key, **params)

    def has(self, key: str) -> bool:
        return self._words.has(key)

    def __getattr__(self, name: str) -> object:
        return getattr(self._words, name)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", sorted(NOTICES))
def test_every_kind_can_be_said_in_every_language(kind: str, language: str) -> None:
    for params in samples(kind):
        replies = NoticeRenderer(texts()).render(kind, params, language)
        assert isinstance(replies[0], Text)
        assert "{" not in replies[0].text


def literals(*packages: str) -> Iterator[tuple[str, str]]:
    """Yield (name of the called function, first literal argument) of every call."""
    for path in (p for package in packages for p in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                for argument in node.args[:2]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield name, argument.value


def test_everything_that_handlers_say_has_a_renderer() -> None:
    said = {
        text for name, text in literals("bot", "handlers", "conversations") if name in ("Say", "complain")
    }
    said |= {"apology"}
    assert said - NOTICES.keys() == set()
    assert len(said) > 20


PLANNERS_ONLY = {
    *("address_not_approved", "address_replaced", "fee_changed", "fee_token_unknown", "network_closed"),
    *("network_unmapped", "no_tag_free", "transfers_frozen"),
}
MACHINES_ONLY = (
    PLANNERS_ONLY
    | {"limit_daily_notional", "limit_notional", "limit_order_rate", "limit_price_band"}
    | {
        "epoch_lost",
        "lease_lost",
        "order_too_late",
        "number_not_understood",
        *("drill_unseen", "drill_nothing_rests"),
    }
)
"""Refusals that no person's message leads to."""


def test_everything_that_the_domain_tells_or_refuses_has_a_renderer() -> None:
    told = {
        text for name, text in literals("domain") if name in ("tell", "_tell", "tell_keepers") and "_" in text
    }
    refused = {text for name, text in literals("domain") if name == "Refused"}
    assert (told | refused) - MACHINES_ONLY - NOTICES.keys() == set()


def test_unknown_kind_is_said_to_be_one() -> None:
    [reply] = NoticeRenderer(texts()).render("moon_in_wrong_phase", {}, "en")
    assert isinstance(reply, Text)
    assert "moon_in_wrong_phase" in reply.text


def test_reason_without_words_is_shown_as_it_is() -> None:
    [reply] = NoticeRenderer(texts()).render("withdrawal_refused", {**COMMON, "reason": "tide"}, "en")
    assert isinstance(reply, Text)
    assert "tide" in reply.text


@pytest.mark.parametrize(("asked", "advised"), [("0", False), ("2", True)])
def test_who_is_told_that_all_came_back_is_told_no_command_that_would_do_nothing(
    asked: str, advised: bool
) -> None:
    told = {"account": "main", "resumed": "1", "asked": asked, "stopped": "0"}
    [said] = NoticeRenderer(texts()).render("recovery_done", told, "en")
    assert isinstance(said, Text)
    assert ("mrmarket recover" in said.text) is advised


def test_every_catalogue_entry_is_said_somewhere() -> None:
    said: set[str] = set()
    renderer = NoticeRenderer(Recording(said))  # type: ignore[arg-type]  # records what the real words say
    for kind in [*NOTICES, "an unknown one"]:
        for params in samples(kind):
            renderer.render(kind, params, "en")
    spoken_by_code = {
        key
        for key in entries_of("en")
        if key.startswith(
            (
                *("reason_", "flow_", "state_", "moving_", "preset_", "switch_", "fee_"),
                *("doctor_", "drill_", "listener_", "health_", "sentence_", "recover_"),
            )
        )
    }
    assert entries_of("en").keys() - said - spoken_by_code == set()
