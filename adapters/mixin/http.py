"""Mixin's HTTP API: signed to the byte, answered in three ways."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import aiohttp
import structlog
import yarl

from adapters.db.ambient import assert_outside_transaction
from adapters.mixin.codec.signing import Request, request_token
from adapters.mixin.keystore import Keystore
from domain.errors import MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ports.clock import Clock

log = structlog.get_logger()

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_TOKEN_LIFETIME_S = 120
_LARGEST_BODY = 5 * 1024 * 1024
_TRIES = 4
_MOST_SKEW = timedelta(seconds=60)

NOT_FOUND = "404"

_DEFINITE = {
    "400": "mixin_bad_request",
    "401": "mixin_key_refused",
    "403": "mixin_forbidden",
    NOT_FOUND: "mixin_not_found",
    "10002": "mixin_bad_field",
    "10105": "inputs_locked",
    "10106": "inputs_spent",
    "10404": "receiver_unregistered",
    "20117": "wallet_funds_short",
    "20120": "amount_too_small",
    "20124": "network_fee_short",
    "20125": "request_already_paid",
    "20150": "receiver_invalid",
    "20160": "receiver_deleted",
    "2000001": "output_key_invalid",
    "2000002": "inputs_locked",
    "2000003": "signature_invalid",
}
"""Codes that mean a definite no (mixin.md §4.8); any other leaves the outcome unknown (WD7)."""

_BUSY = frozenset({"429", "500", "7000", "7001"})


class MixinHttp:
    """One bot's HTTP client: reads are tried again, writes are for their callers to repeat."""

    def __init__(self, base_url: str, keystore: Keystore, clock: Clock) -> None:
        """Remember where and who; the connection is made on first use."""
        self._base = base_url.rstrip("/")
        self._keystore = keystore
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    @property
    def app_id(self) -> str:
        """Return the bot's user id."""
        return self._keystore.app_id

    async def read(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """Return the data of a GET.

        Raises:
            Refused: a definite error; ``mixin_not_found`` when there is no such thing.
            Unavailable: no clear answer after several tries.
        """
        uri = path + _query(query or {})
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._call("GET", uri, b"")
            except OutcomeUnknown as e:
                if attempt == _TRIES:
                    raise Unavailable("mixin_silent", path=path) from e
                await self._clock.sleep(0.2 * 2**attempt)
        raise AssertionError("unreachable")

    async def ask(self, path: str, body: object) -> Any:
        """Return the data of a POST that changes nothing there, or that may be repeated at will.

        Raises:
            Refused: a definite error.
            Unavailable: no clear answer.
        """
        try:
            return await self.write(path, body)
        except OutcomeUnknown as e:
            raise Unavailable("mixin_silent", path=path) from e

    async def write(self, path: str, body: object) -> Any:
        """Return the data of a POST, sent once.

        Raises:
            Refused: a definite error: nothing happened.
            OutcomeUnknown: no clear answer: look it up.
        """
        return await self._call(
            "POST", path, json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        )

    async def put_bytes(self, url: str, content: bytes) -> None:
        """Upload a file to an address that Mixin gave for it.

        Raises:
            Unavailable: it was not taken.
        """
        headers = {"x-amz-acl": "public-read", "Content-Type": "application/octet-stream"}
        try:
            async with self._open().put(yarl.URL(url, encoded=True), data=content, headers=headers) as answer:
                if answer.status >= 300:
                    raise Unavailable("upload_refused", status=answer.status)
        except (aiohttp.ClientError, TimeoutError) as e:
            raise Unavailable("mixin_silent", path="upload") from e

    async def close(self) -> None:
        """Let go of the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def token(self, request: Request, request_id: str) -> str:
        """Return a fresh token for one request."""
        store = self._keystore
        return request_token(
            request,
            store.app_id,
            store.session_id,
            store.session_seed,
            request_id,
            int(self._clock.now().timestamp()),
            _TOKEN_LIFETIME_S,
        )

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def _call(self, method: str, uri: str, body: bytes) -> Any:
        assert_outside_transaction()
        request_id = str(uuid.uuid4())
        headers = {
            "Authorization": "Bearer " + self.token(Request(method, uri, body), request_id),
            "X-Request-Id": request_id,
            "Content-Type": "application/json",
        }
        url = yarl.URL(self._base + uri, encoded=True)  # what was signed is what is sent
        try:
            async with self._open().request(method, url, data=body or None, headers=headers) as answer:
                self._watch_clock(answer.headers.get("X-Server-Time"))
                text = await answer.content.read(_LARGEST_BODY + 1)
                while chunk := await answer.content.read(_LARGEST_BODY + 1):
                    text += chunk
                    if len(text) > _LARGEST_BODY:
                        raise OutcomeUnknown("mixin_answer_too_large", path=uri)
                status = answer.status
        except (TimeoutError, aiohttp.ClientError, OSError) as e:
            raise OutcomeUnknown("mixin_silent", path=uri, error=type(e).__name__) from e
        return decoded(status, text, uri)

    def _watch_clock(self, server_time_ns: str | None) -> None:
        if not server_time_ns or not server_time_ns.isdigit():
            return
        skew_s = abs(int(server_time_ns) / 1e9 - self._clock.now().timestamp())
        if skew_s > _MOST_SKEW.total_seconds():
            log.warning("clock differs from mixin's", skew_s=round(skew_s))


def decoded(status: int, text: bytes, path: str) -> Any:
    """Return the data in an answer.

    Success is an object without ``error``; business errors come with HTTP 202 (WD8).

    Raises:
        Refused: the error is on the list of definite ones.
        OutcomeUnknown: anything else, HTML of a proxy included.
    """
    try:
        answer = json.loads(text)
    except ValueError as e:
        raise OutcomeUnknown("mixin_answer_unreadable", path=path, status=status) from e
    if not isinstance(answer, dict):
        raise OutcomeUnknown("mixin_answer_unreadable", path=path, status=status)
    if error := answer.get("error"):
        raise _error(error, path)
    if status >= 400:
        raise OutcomeUnknown("mixin_answer_unreadable", path=path, status=status)
    return answer.get("data")


def _error(error: object, path: str) -> MrMarketError:
    facts = error if isinstance(error, dict) else {}
    code = str(facts.get("code", ""))
    if code in _DEFINITE and code not in _BUSY:
        return Refused(
            _DEFINITE[code], path=path, mixin_code=code, said=str(facts.get("description", ""))[:200]
        )
    return OutcomeUnknown(
        "mixin_error", path=path, mixin_code=code, said=str(facts.get("description", ""))[:200]
    )


def _query(query: Mapping[str, str | int]) -> str:
    """Return ``?a=b&c=d`` with colons kept: times are signed and sent as they are written."""
    pairs = [f"{name}={value}" for name, value in query.items()]
    return "?" + "&".join(pairs) if pairs else ""


def rows(data: Any) -> Sequence[Mapping[str, Any]]:
    """Return a list answer as a sequence of objects.

    Raises:
        Unavailable: it is something else.
    """
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise Unavailable("mixin_answer_unreadable")
    return data
