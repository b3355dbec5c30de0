"""Logs: readable on a console, JSON elsewhere; secrets masked, one line per event.

The event is a constant phrase and facts are fields. Context is bound once per message, job or tick
(``structlog.contextvars``), a flow's id above all, and shows on every line below it.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO
from urllib.parse import urlsplit, urlunsplit

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from domain.secrets import MASK, Secret

_SECRET_NAMES = re.compile(
    r"secret|password|passwd|passphrase|token|authorization|cookie|signature|keystore|seed|mnemonic|"
    r"(^|_)(api|private|spend|session|view|ghost)_?key|(^|_)pin(_|$)|dsn|(^|_)raw(_|$)",
    re.IGNORECASE,
)
_URL_WITH_PASSWORD = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/@]*:[^\s/@]+@[^\s]*", re.IGNORECASE)
_BEARER = re.compile(r"\b(Bearer\s+)[\w.~+/=-]+", re.IGNORECASE)
_LINE_BREAKS = str.maketrans(
    {"\n": "\\n", "\r": "\\r", "\u2028": "\\u2028", "\u2029": "\\u2029", "\x1b": "\\x1b"}
)


def configure_logging(
    log_format: Literal["console", "json", "auto"] = "auto",
    level: str = "info",
    *,
    process: str,
    stream: TextIO | None = None,
) -> None:
    """Set up logs of a process, ours and those of libraries alike, once at its start."""
    output = stream or sys.stderr
    console = log_format == "console" or (log_format == "auto" and output.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _name_process(process),
        mask_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(_formatter(shared, console=console, colors=console and output.isatty()))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in (
        "tortoise",
        "asyncio",
        "ccxt",
        "aiohttp.access",
        "arq",
        "httpx",
    ):  # debug prints bound values
        logging.getLogger(noisy).setLevel(logging.WARNING)


def mask_secrets(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Return the event with secrets masked, by the type of a value, by its name, and inside addresses."""
    return {name: _masked(name, value) for name, value in event.items()}


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, Secret) or (_SECRET_NAMES.search(name) and value not in (None, "", False, True)):
        return MASK
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    if isinstance(value, str):
        return _BEARER.sub(rf"\1{MASK}", _URL_WITH_PASSWORD.sub(_without_password, value))
    if isinstance(value, Mapping):
        return {str(key): _masked(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(name, item) for item in value]
    return value


def _without_password(found: re.Match[str]) -> str:
    try:
        parts = urlsplit(found.group())
    except ValueError:
        return MASK
    return urlunsplit(parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}"))


def _name_process(process: str) -> Processor:
    def add(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {"process": process, **event}

    return add


def _formatter(shared: list[Processor], *, console: bool, colors: bool) -> logging.Formatter:
    render: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if console:
        render += [_encode_line_breaks, structlog.dev.ConsoleRenderer(colors=colors)]
    else:  # JSON encodes line breaks by itself
        render += [structlog.processors.EventRenamer("event"), structlog.processors.JSONRenderer(default=str)]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=render)


def _encode_line_breaks(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Return the event with line breaks written out, except in a traceback, which people read."""
    return {
        name: value.translate(_LINE_BREAKS) if isinstance(value, str) and name != "exception" else value
        for name, value in event.items()
    }
