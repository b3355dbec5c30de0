"""Logs: one line per event, facts as fields, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from adapters.logging import configure_logging, mask_secrets
from domain.secrets import Secret

CANARY = "canary-hunter2"


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def written(log_format: str, **facts: object) -> str:
    stream = io.StringIO()
    configure_logging(log_format, process="bot", stream=stream)  # type: ignore[arg-type]  # a literal in callers
    structlog.get_logger("here").info("payout sent", **facts)
    return stream.getvalue()


def test_json_carries_event_process_level_time_and_context() -> None:
    structlog.contextvars.bind_contextvars(flow_id="f-1")
    line = json.loads(written("json", payout_id="p-1"))
    assert line["event"] == "payout sent"
    assert (line["process"], line["level"], line["flow_id"], line["payout_id"]) == (
        "bot",
        "info",
        "f-1",
        "p-1",
    )
    assert line["timestamp"].endswith("Z")


def test_auto_is_json_where_nobody_looks() -> None:
    assert written("auto").startswith("{")


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize(
    "facts",
    [
        {"api_key": CANARY},
        {"spend_private_key": CANARY},
        {"Authorization": f"Bearer {CANARY}"},
        {"harmless": Secret(CANARY)},
        {"headers": {"X-Signature": CANARY}},
        {"rows": [{"secret": CANARY}]},
        {"url": f"postgres://user:{CANARY}@host/name"},
        {"note": f"sent Bearer {CANARY} to them"},
        {"blob": CANARY.encode()},
        {"raw": CANARY},
        {"pin": CANARY},
    ],
)
def test_a_secret_never_shows(log_format: str, facts: dict[str, object]) -> None:
    assert CANARY not in written(log_format, **facts)


def test_a_masked_address_still_says_where() -> None:
    line = json.loads(written("json", url=f"redis://:{CANARY}@127.0.0.1:6379/0"))
    assert line["url"] == "redis://***@127.0.0.1:6379/0"


def test_ordinary_facts_stay() -> None:
    facts = {"payout_id": "p", "asset": "USDT", "spinning": 1, "keys_used": 3}
    assert mask_secrets(None, "", dict(facts)) == facts


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_line_break_cannot_forge_a_line(log_format: str) -> None:
    assert written(log_format, name="a\n2026-11-23 forged\u2028b\x1b[2J").count("\n") == 1


def test_libraries_log_in_the_same_shape() -> None:
    stream = io.StringIO()
    configure_logging("json", process="bot", stream=stream)
    logging.getLogger("some.library").warning("late by %s s", 3)
    logging.getLogger("tortoise").info("select 1")
    (line,) = map(json.loads, stream.getvalue().splitlines())
    assert (line["event"], line["level"], line["process"]) == ("late by 3 s", "warning", "bot")


def test_errors_carry_their_traceback_in_one_line_of_json() -> None:
    stream = io.StringIO()
    configure_logging("json", process="bot", stream=stream)
    try:
        [].pop()
    except IndexError:
        structlog.get_logger().exception("round failed")
    line = json.loads(stream.getvalue())
    assert "IndexError: pop from empty list" in line["exception"]
