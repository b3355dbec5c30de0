"""The HTTP API: every route in one table, and the envelope around each answer."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sandbox.mixin.core import assets, chat, crossings, files, ghosts, identity, money
from sandbox.mixin.core.calls import Call, Request
from sandbox.mixin.core.errors import ApiError, TooLarge, missing
from sandbox.mixin.core.world import World

Handler = Callable[[World, Call], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What leaves on the wire, and the reason in one sentence when it was refused."""

    status: int
    body: bytes
    headers: dict[str, str]
    refusal: str = ""
    unknown: bool = False


TOKEN, PUBLIC = "token", "public"

ROUTES: list[tuple[str, str, str, Handler]] = [
    ("GET", "/me", TOKEN, identity.me),
    ("GET", "/safe/me", TOKEN, identity.me),
    ("GET", "/users/{id}", TOKEN, identity.find_user),
    ("POST", "/users/fetch", TOKEN, identity.fetch_users),
    ("GET", "/search/{id}", TOKEN, identity.find_user),
    ("POST", "/sessions/fetch", TOKEN, identity.fetch_sessions),
    ("POST", "/messages", TOKEN, chat.post_messages),
    ("POST", "/acknowledgements", TOKEN, chat.post_acknowledgements),
    ("POST", "/conversations", TOKEN, chat.create_conversation),
    ("GET", "/conversations/{id}", TOKEN, chat.show_conversation),
    ("POST", "/attachments", TOKEN, files.create),
    ("GET", "/attachments/{id}", TOKEN, files.show),
    ("GET", "/safe/assets", TOKEN, assets.every),
    ("POST", "/safe/assets/fetch", TOKEN, assets.fetch),
    ("GET", "/safe/assets/{id}", TOKEN, assets.show),
    ("GET", "/safe/assets/{id}/fees", TOKEN, assets.fees),
    ("GET", "/network", PUBLIC, assets.network),
    ("GET", "/network/assets/top", PUBLIC, assets.every),
    ("GET", "/network/assets/search/{text}", PUBLIC, assets.search),
    ("GET", "/network/assets/{id}", PUBLIC, assets.show),
    ("GET", "/network/ticker", PUBLIC, assets.ticker),
    ("GET", "/network/chains", PUBLIC, assets.chains),
    ("GET", "/network/chains/{id}", PUBLIC, assets.chain),
    ("GET", "/external/fiats", PUBLIC, assets.fiats),
    ("GET", "/fiats", PUBLIC, assets.fiats),
    ("GET", "/external/addresses/check", TOKEN, assets.check_address),
    ("GET", "/safe/outputs", TOKEN, money.list_outputs),
    ("POST", "/safe/outputs/fetch", TOKEN, money.fetch_outputs),
    ("GET", "/safe/outputs/{id}", TOKEN, money.show_output),
    ("GET", "/safe/outputs/{id}/deposit", TOKEN, crossings.show_deposit),
    ("POST", "/safe/deposit/entries", TOKEN, crossings.post_entries),
    ("GET", "/safe/deposits", PUBLIC, crossings.list_deposits),
    ("POST", "/safe/keys", TOKEN, ghosts.post_keys),
    ("POST", "/safe/transaction/requests", TOKEN, money.post_requests),
    ("POST", "/safe/transactions", TOKEN, money.post_transactions),
    ("POST", "/safe/transactions/fetch", TOKEN, money.fetch_transactions),
    ("GET", "/safe/transactions/{id}", PUBLIC, money.show_transaction),
    ("GET", "/safe/snapshots", TOKEN, money.list_snapshots),
    ("GET", "/safe/snapshots/{id}", TOKEN, money.show_snapshot),
]

_TABLE = [
    (method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), access, handler)
    for method, path, access, handler in ROUTES
]
_TOO_LARGE = b"<html><head><title>413 Request Entity Too Large</title></head><body></body></html>"


def answer(world: World, request: Request) -> Answer:
    """Carry out a request whole or not at all, and return what leaves on the wire."""
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Server-Time": str(world.clock())}
    if request.headers.get("x-request-id"):
        headers["X-Request-Id"] = request.headers["x-request-id"]
    found = _route(request)
    mark = world.state.journal.mark()
    try:
        if found is None:
            raise missing("route")
        access, handler, words = found
        user = None
        if access == TOKEN or "authorization" in request.headers:
            user = identity.authenticate(world, request)
        mark = world.state.journal.mark()  # a used token stays used
        told = handler(world, Call(request, user, words))
    except ApiError as e:
        world.state.journal.undo(mark)
        return Answer(202, _json(e.body()), headers, str(e), found is None)
    except TooLarge:
        world.state.journal.undo(mark)
        return Answer(413, _TOO_LARGE, headers | {"Content-Type": "text/html"}, "the body is too large")
    return Answer(200, _json({} if told == {} else {"data": told}), headers)


def _route(request: Request) -> tuple[str, Handler, dict[str, str]] | None:
    for method, form, access, handler in _TABLE:
        match = form.fullmatch(request.path)
        if match and method == request.method:
            return access, handler, {name: unquote(word) for name, word in match.groupdict().items()}
    return None


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
