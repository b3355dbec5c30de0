"""What an answer means: yes, no, or nothing (WD7, WD8)."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.mixin.outcomes import REFUSED, UNAVAILABLE, Silence, answer_of, rows
from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.payouts.refusals import DEFINITE, SPENT_ELSEWHERE


def judged(status: int, body: bytes, silence: Silence = OutcomeUnknown) -> Any:
    try:
        return answer_of(status, body, "/x", silence)
    except MrMarketError as e:
        return e


def refusal(code: object) -> bytes:
    return json.dumps({"error": {"status": 202, "code": code, "extra": {"field": "raw"}}}).encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b""),
        (200, b"[]"),
        (200, b"null"),
        (200, b'{"other":1}'),
        (200, b'{"data":1,"error":{}}'),
        (200, b'{"data":1,"error":"odd"}'),
        (200, b"[" * 100_000),
        (202, refusal(99999)),
        (202, refusal("10105")),
        (202, refusal(True)),
        (202, refusal(500)),
        (202, refusal(7000)),
        (202, refusal(20125)),
        (302, b'{"data":1}'),
        (400, b"<html>"),
        (403, b"<html>"),
        (404, b"<html>"),
        (500, refusal(10105)),
        (502, b"<html>"),
        (503, b"{}"),
    ],
)
def test_answer_that_is_not_clear_is_silence(status: int, body: bytes) -> None:
    assert type(judged(status, body)) is OutcomeUnknown
    assert type(judged(status, body, Unavailable)) is Unavailable


@pytest.mark.parametrize("code", REFUSED)
def test_definite_error_is_a_no_although_the_status_is_202(code: int) -> None:
    said = judged(202, refusal(code))
    assert type(said) is Refused
    assert (said.code, said.facts["mixin_code"]) == (REFUSED[code], code)


@pytest.mark.parametrize("code", UNAVAILABLE)
def test_error_that_will_pass_is_never_a_no(code: int) -> None:
    assert type(judged(202, refusal(code))) is Unavailable


@pytest.mark.parametrize(("status", "kind"), [(401, Unavailable), (429, Unavailable), (413, Refused)])
def test_status_at_the_door_says_that_nothing_happened(status: int, kind: type[MrMarketError]) -> None:
    assert type(judged(status, b"<html>")) is kind


def test_codes_are_those_the_domain_knows() -> None:
    assert set(REFUSED.values()) >= DEFINITE | SPENT_ELSEWHERE


def test_success_is_an_object_without_error() -> None:
    assert judged(200, b'{"data":{"a":0.1}}') == {"a": Decimal("0.1")}
    assert judged(202, b'{"data":[],"error":null}') == []
    assert judged(200, b"{}") is None


@given(st.integers(200, 599), st.binary(max_size=60))
def test_no_bytes_are_read_as_success_by_accident(status: int, body: bytes) -> None:
    assume(b"".join(body.split()) != b"{}")  # with this some calls say that it is done
    assert isinstance(judged(status, body), MrMarketError)


@pytest.mark.parametrize("data", [None, {}, "x", [1], [{}, None]])
def test_list_is_wanted_and_nothing_else(data: object) -> None:
    with pytest.raises(Unavailable):
        rows(data)
    with pytest.raises(OutcomeUnknown):
        rows(data, OutcomeUnknown)
