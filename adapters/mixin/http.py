"""Mixin's HTTP API: signed to the byte, answered in three ways.

``read`` and ``ask`` may be repeated, so they are, a few times, and silence ends in ``Unavailable``;
``write`` is sent once, and silence is ``OutcomeUnknown``. What counts as silence: ``outcomes``.
"""

import json
import random
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import structlog
import yarl

from adapters.db.ambient import assert_outside_transaction
from adapters.mixin.codec.signing import Request, request_token
from adapters.mixin.keystore import Keystore
from adapters.mixin.outcomes import Silence, answer_of
from domain.errors import OutcomeUnknown, Unavailable
from domain.ports.clock import Clock

log = structlog.get_logger()

TIMEOUT_S = 10.0
_TOKEN_LIFETIME_S = 120
_LARGEST_BODY = 5 * 1024 * 1024
_PAUSES_S = (0.3, 0.6, 1.2)
_LONGEST_PAUSE_S = 5.0
_WORTH_REPEATING = frozenset({"mixin_silent", "mixin_unreachable", "mixin_busy", "mixin_unauthorized"})
_MOST_SKEW = timedelta(seconds=60)

Gate = Callable[[], None]
"""Called right before the bytes of a write leave; raises ``Refused`` to keep them back."""


class MixinHttp:
    """One bot's HTTP client: reads are tried again, writes are for their callers to repeat."""

    def __init__(
        self,
        base_url: str,
        keystore: Keystore,
        clock: Clock,
        *,
        timeout_s: float = TIMEOUT_S,
        token_lifetime_s: int = _TOKEN_LIFETIME_S,
        new_request_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        """Remember where and who; the connection is made on first use.

        Raises:
            ValueError: the address has a path or a query, which no signature would cover.
        """
        self._base = base_url.rstrip("/")
        parts = urlsplit(self._base)
        if not parts.netloc or parts.path or parts.query:
            raise ValueError(f"{base_url} is not the bare address of an API")
        self._keystore = keystore
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._token_lifetime_s = token_lifetime_s
        self._new_request_id = new_request_id
        self._session: aiohttp.ClientSession | None = None
        self.skew: timedelta | None = None
        """How far Mixin's clock was ahead of ours at its last answer."""

    @property
    def app_id(self) -> str:
        """Return the bot's user id."""
        return self._keystore.app_id

    async def read(
        self, path: str, query: Mapping[str, str | int] | None = None, *, largest: int = _LARGEST_BODY
    ) -> Any:
        """Return the data of a GET whose answer has at most ``largest`` bytes.

        Raises:
            Refused: a definite error; ``not_found`` when there is no such thing.
            Unavailable: no clear answer after several tries.
        """
        return await self._repeated(Request("GET", path + _query(query or {})), largest)

    async def ask(self, path: str, body: object = None, *, largest: int = _LARGEST_BODY) -> Any:
        """Return the data of a POST that changes nothing there, or nothing more when it is repeated.

        Its answer has at most ``largest`` bytes.

        Raises:
            Refused: a definite error.
            Unavailable: no clear answer after several tries.
        """
        return await self._repeated(Request("POST", path, _as_body(body)), largest)

    async def write(self, path: str, body: object, gate: Gate | None = None) -> Any:
        """Return the data of a POST, sent once; a gate is asked right before it leaves.

        Raises:
            Refused: a definite error: nothing happened.
            Unavailable: it did not leave, or was turned away at the door: nothing happened.
            OutcomeUnknown: no clear answer: look it up.
        """
        return await self._once(Request("POST", path, _as_body(body)), OutcomeUnknown, gate=gate)

    async def put_bytes(self, url: str, content: bytes) -> None:
        """Upload a file to an address that Mixin gave for it.

        Raises:
            Unavailable: it was not taken.
        """
        assert_outside_transaction()
        headers = {"x-amz-acl": "public-read", "Content-Type": "application/octet-stream"}
        try:
            async with self._open().put(yarl.URL(url, encoded=True), data=content, headers=headers) as answer:
                if answer.status >= 300:
                    raise Unavailable("upload_refused", status=answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as e:
            raise Unavailable("mixin_silent", path="upload", error=type(e).__name__) from e

    async def close(self) -> None:
        """Let go of the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def token(self, request: Request, request_id: str) -> str:
        """Return a fresh token for one request; a second use is refused."""
        store = self._keystore
        return request_token(
            request,
            store.app_id,
            store.session_id,
            store.session_seed.reveal(),
            request_id,
            int(self._clock.now().timestamp()),
            self._token_lifetime_s,
        )

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def _repeated(self, request: Request, largest: int = _LARGEST_BODY) -> Any:
        for pause_s in _PAUSES_S:
            try:
                return await self._once(request, Unavailable, largest)
            except Unavailable as e:
                wait_s = _wait_s(e, pause_s)
                if e.code not in _WORTH_REPEATING or wait_s > _LONGEST_PAUSE_S:
                    raise
                await self._clock.sleep(wait_s)
        return await self._once(request, Unavailable, largest)

    async def _once(
        self,
        request: Request,
        silence: Silence,
        largest: int = _LARGEST_BODY,
        *,
        gate: Gate | None = None,
    ) -> Any:
        assert_outside_transaction()
        request_id = self._new_request_id()
        headers = {"Authorization": f"Bearer {self.token(request, request_id)}", "X-Request-Id": request_id}
        if request.method != "GET":
            headers["Content-Type"] = "application/json"
        url = yarl.URL(self._base + request.uri, encoded=True)  # what was signed is what is sent
        path = request.uri.partition("?")[0]
        if gate:
            gate()
        try:
            async with self._open().request(
                request.method, url, data=request.body or None, headers=headers, allow_redirects=False
            ) as answer:
                body = await _body(answer, largest)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as e:
            raise Unavailable("mixin_unreachable", path=path, error=type(e).__name__) from e
        except _TooLargeError as e:
            raise silence("mixin_answer_too_large", path=path) from e
        except (aiohttp.ClientError, TimeoutError, OSError) as e:
            raise silence("mixin_silent", path=path, error=type(e).__name__) from e
        if answer.headers.get("X-Request-Id", request_id) != request_id:
            raise silence("mixin_silent", path=path, error="answer to another request")
        self._watch_clock(answer.headers.get("X-Server-Time", ""))
        try:
            return answer_of(answer.status, body, path, silence)
        except Unavailable as e:
            self._explain(e, answer.headers.get("Retry-After", ""))
            raise

    def _explain(self, fault: Unavailable, retry_after: str) -> None:
        """Add what only the headers told: how long to wait, or that the clock may be to blame."""
        if fault.code == "mixin_busy":
            fault.facts["retry_after_s"] = retry_after
        if fault.code == "mixin_unauthorized":
            skew_s = round(self.skew.total_seconds(), 1) if self.skew is not None else None
            fault.facts["skew_s"] = skew_s
            log.error("request unauthorized", skew_s=skew_s, advice="check the clock, then the keystore")

    def _watch_clock(self, server_time_ns: str) -> None:
        if not (server_time_ns.isascii() and server_time_ns.isdigit() and len(server_time_ns) <= 19):
            return
        skew = timedelta(seconds=int(server_time_ns) / 1e9 - self._clock.now().timestamp())
        if abs(skew) > _MOST_SKEW and (self.skew is None or abs(self.skew) <= _MOST_SKEW):
            log.warning("clock differs from mixin's", skew_s=round(skew.total_seconds(), 1))
        self.skew = skew


class _TooLargeError(Exception):
    """An answer no call of ours can have."""


async def _body(answer: aiohttp.ClientResponse, largest: int) -> bytes:
    parts = bytearray()
    async for chunk in answer.content.iter_any():
        parts += chunk
        if len(parts) > largest:
            raise _TooLargeError
    return bytes(parts)


def _as_body(value: object) -> bytes:
    """Return JSON as bytes, once: these are signed and these are sent."""
    if value is None:
        return b""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _query(query: Mapping[str, str | int]) -> str:
    """Return ``?a=b&c=d``, encoded here and nowhere else; times keep their colons, as others send them."""
    pairs = [f"{name}={quote(str(value), safe=':')}" for name, value in query.items()]
    return "?" + "&".join(pairs) if pairs else ""


def _wait_s(fault: Unavailable, pause_s: float) -> float:
    """Return how long to wait before a repeat: what Mixin asks for, or our own pause and a bit."""
    asked = str(fault.facts.get("retry_after_s", ""))
    if asked.isascii() and asked.isdigit():
        return float(asked[:6])
    return pause_s * random.uniform(1.0, 1.5)  # noqa: S311 - jitter
