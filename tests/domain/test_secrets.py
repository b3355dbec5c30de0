"""Secrets: no way to see them but one."""

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from typing import Any

import pytest

from domain.secrets import MASK, Secret

CANARY = "hunter2-canary"


@dataclasses.dataclass(frozen=True)
class Holder:
    """Something that holds one."""

    key: Secret[str]


@pytest.mark.parametrize("secret", [Secret(CANARY), Secret(CANARY.encode())])
def test_printing_shows_the_mask(secret: Secret[Any]) -> None:
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>20}",
        f"{secret:x}",
        f"{secret:>5}",
    ]
    shown += [f"{Holder(Secret(CANARY))}", str([secret]), str({"a": secret}), f"{secret!a}"]
    assert CANARY not in "".join(shown)
    assert str(secret) == MASK
    assert secret.reveal() in (CANARY, CANARY.encode())


def test_storing_is_refused() -> None:
    secret = Secret(CANARY)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps({"key": secret})
    assert CANARY not in json.dumps({"key": secret}, default=str)
    with pytest.raises(TypeError):
        secret.__getstate__()
    with pytest.raises(TypeError):
        vars(secret)


def test_a_copy_is_the_secret_itself() -> None:
    secret = Secret(CANARY)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret
    assert dataclasses.asdict(Holder(secret))["key"] is secret


def test_equal_secrets_are_equal_and_unhashable() -> None:
    assert Secret(CANARY) == Secret(CANARY) == Secret(CANARY.encode())
    assert Secret(CANARY) != Secret("another")
    assert Secret(CANARY) != CANARY
    with pytest.raises(TypeError):
        hash(Secret(CANARY))


def test_a_secret_does_not_change() -> None:
    secret = Secret(CANARY)
    with pytest.raises(AttributeError):
        secret.reveal = str  # type: ignore[method-assign]
    with pytest.raises(AttributeError):
        secret._Secret__value = "x"
    assert secret.reveal() == CANARY


def test_neither_an_error_nor_a_traceback_with_locals_shows_it(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)
    try:
        _fails(secret)
    except ValueError as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        logging.getLogger().exception("failed with %s", secret)
    assert "secret = ***" in told
    assert CANARY not in told
    assert CANARY not in caplog.text


def _fails(secret: Secret[str]) -> None:
    raise ValueError(secret)
