"""The same accounts in another language: gate's wallet, as far as coins come and go. Its books are binance's.

Signatures, shapes and traps are gate's: its amounts hold the fee, its times are seconds, and lists without a
window show the last thirty days.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from sandbox.venue.binance import misbehave, refused_by_fault
from sandbox.venue.coins import WAYS, Way, ways_of
from sandbox.venue.funds import Ask, Declined, Deposit, Reason, Stage, Withdrawal
from sandbox.venue.gatekeeper import READ, WITHDRAW, ApiKey
from sandbox.venue.model import Pair, text, units
from sandbox.venue.venue import Venue

log = logging.getLogger("sandbox.venue")
Json = Any
Call = Callable[[Venue, str, Mapping[str, Any]], Json]
WINDOW_S = 30 * 24 * 3600
LATEST_S = 60
MOST_ROWS = 500

_WORDS: Mapping[Reason, tuple[str, str]] = {
    Reason.UNKNOWN_COIN: ("INVALID_CURRENCY", "Invalid currency"),
    Reason.UNKNOWN_NETWORK: ("INVALID_PARAM_VALUE", "Invalid chain"),
    Reason.CLOSED: ("API_WITHDRAW_DISABLED", "Withdrawals are suspended"),
    Reason.TOO_PRECISE: ("INVALID_PARAM_VALUE", "Amount has too many decimals"),
    Reason.TOO_LITTLE: ("INVALID_PARAM_VALUE", "Amount is too small"),
    Reason.BAD_ADDRESS: ("INVALID_PARAM_VALUE", "Invalid address"),
    Reason.BAD_TAG: ("INVALID_PARAM_VALUE", "Invalid memo"),
    Reason.NOT_LISTED: ("FORBIDDEN", "Address is not in the whitelist of this key"),
    Reason.TOO_POOR: ("BALANCE_NOT_ENOUGH", "Not enough balance"),
    Reason.NOT_CANCELLABLE: ("INVALID_WITHDRAW_CANCEL_STATUS", "Cannot be cancelled"),
}
_STATUS = {
    Stage.REVIEW: "MANUAL",
    Stage.PROCESSING: "PROCES",
    Stage.DONE: "DONE",
    Stage.CANCELLED: "CANCEL",
    Stage.FAILED: "FAIL",
}


class Refusal(Exception):
    """The door is shut; nothing happened."""

    def __init__(self, label: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.label, self.message, self.status = label, message, status


class Gate:
    """Answers every route of the table below `/api/v4`, and refuses the rest, loudly."""

    def __init__(self, venue: Venue, keys: Mapping[str, ApiKey]) -> None:
        self._venue, self._keys = venue, keys

    def add_to(self, app: web.Application) -> None:
        """Serve the table."""
        for method, path in ROUTES:
            app.router.add_route(method, f"/api/v4{path}", self.handle)
        app.router.add_route("*", "/api/v4/{rest:.*}", self.unknown)

    async def unknown(self, request: web.Request) -> web.Response:
        """Say that there is no such route."""
        log.error("UNKNOWN ROUTE %s %s", request.method, request.path)
        return _answer({"label": "NOT_FOUND", "message": f"no route {request.method} {request.path}"}, 404)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or do not, if a fault says so."""
        call, right = ROUTES[request.method, request.path.removeprefix("/api/v4")]
        body = await request.read()
        params: dict[str, Any] = dict(request.query)
        struck = right is not None and self._venue.faults.concerns(f"{request.method} {request.path}")
        try:
            account = self._enter(request, body, right) if right else ""
            if struck and (failure := refused_by_fault(self._venue.faults)):
                return failure
            params |= json.loads(body) if body else {}
            answer = call(self._venue, account, params)
        except Refusal as e:
            return _answer({"label": e.label, "message": e.message}, e.status)
        except Declined as e:
            label, message = _WORDS[e.reason]
            return _answer({"label": label, "message": message}, 400)
        except ValueError as e:
            return _answer({"label": "INVALID_PARAM_VALUE", "message": str(e)}, 400)
        if struck:
            await misbehave(self._venue.faults, request, answer)
        return _answer(answer, 200)

    def _enter(self, request: web.Request, body: bytes, right: str) -> str:
        """Return the account whose key signed this request lately and may do this."""
        given = [request.headers.get(name, "") for name in ("KEY", "Timestamp", "SIGN")]
        if not all(given):
            raise Refusal("MISSING_REQUIRED_HEADER", "Missing required header", 401)
        key, at, signature = given
        if key not in self._keys:
            raise Refusal("INVALID_KEY", "Invalid key provided", 401)
        owner = self._keys[key]
        query = "&".join(f"{name}={value}" for name, value in parse_qsl(request.query_string, True))
        signed = "\n".join(
            (request.method, request.path, query, hashlib.sha512(body).hexdigest(), at)
        ).encode()
        expected = hmac.new(owner.secret.encode(), signed, hashlib.sha512).hexdigest()
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise Refusal("INVALID_SIGNATURE", "Signature mismatch", 401)
        if not at.isdigit() or abs(self._venue.wall_ms() // 1000 - int(at)) > LATEST_S:
            raise Refusal("REQUEST_EXPIRED", "Gap between request and server time exceeds 60", 403)
        if right not in owner.rights:
            raise Refusal("FORBIDDEN", "This key may not do that", 403)
        return owner.account


def _answer(value: Json, status: int) -> web.Response:
    return web.json_response(value, status=status)


def time(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Tell the time."""
    return {"server_time": venue.wall_ms()}


def currencies(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Tell the coins and their chains; what leaving costs is said elsewhere."""
    habits = venue.funds.habits
    coins = {way.coin: ways_of(way.coin) for way in WAYS}
    closed = {"withdraw_disabled": habits.no_withdrawals, "deposit_disabled": habits.no_deposits}
    return [
        {
            "currency": coin,
            "name": coin,
            "delisted": False,
            "withdraw_delayed": False,
            "trade_disabled": False,
            "chain": ways[0].network.name,
            "chains": [{"name": way.network.name, "addr": way.asset_key, **closed} for way in ways],
            **closed,
        }
        for coin, ways in coins.items()
    ]


def currency_pairs(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Tell the pairs."""
    return [_pair(pair) for pair in venue.engine.pairs.values()]


def _pair(pair: Pair) -> Json:
    places = [-int(step.normalize().as_tuple().exponent) for step in (pair.lot, pair.tick)]
    return {
        "id": f"{pair.base}_{pair.quote}",
        "base": pair.base,
        "quote": pair.quote,
        "fee": "0.2",
        "min_quote_amount": str(pair.min_notional),
        "amount_precision": places[0],
        "precision": places[1],
        "trade_status": "tradable",
    }


def nothing(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """List nothing: there is no margin here."""
    return []


def detail(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Say that the account is a classic one."""
    return {"user_id": 1, "key": {"mode": 1}}


def accounts(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Tell what an account holds."""
    held = venue.engine.accounts
    return [
        {"currency": a, "available": text(held.free[account, a]), "locked": text(held.locked[account, a])}
        for a in held.assets_of(account)
    ]


def deposit_address(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Tell where deposits go, for every chain of a coin: clients choose."""
    coin = str(params.get("currency", ""))
    ways = ways_of(coin)
    if not ways:
        raise Declined(Reason.UNKNOWN_COIN)
    networks = [way.network.name for way in ways]
    found = venue.move(lambda _: [venue.funds.address_of(account, coin, name) for name in networks])
    chains = [
        {
            "chain": each.network,
            "address": each.address,
            "payment_id": each.tag,
            "payment_name": "Tag" if each.tag else "",
            "obtain_failed": 0,
        }
        for each in found
    ]
    return {"currency": coin, "address": found[0].address, "multichain_addresses": chains}


def currency_chains(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Tell by which chains a coin travels."""
    habits, ways = venue.funds.habits, ways_of(str(params.get("currency", "")))
    if not ways:
        raise Declined(Reason.UNKNOWN_COIN)
    return [
        {
            "chain": way.network.name,
            "name_en": way.network.title,
            "contract_address": way.asset_key,
            "is_disabled": 0,
            "is_deposit_disabled": int(habits.no_deposits),
            "is_withdraw_disabled": int(habits.no_withdrawals),
            "decimal": str(way.places),
            "is_tag": int(way.network.tagged),
        }
        for way in ways
    ]


def withdraw_status(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Tell what leaving costs, and the least that may leave."""
    coins = {way.coin: ways_of(way.coin) for way in WAYS}
    return [_status(coin, ways) for coin, ways in coins.items() if params.get("currency", coin) == coin]


def _status(coin: str, ways: list[Way]) -> Json:
    return {
        "currency": coin,
        "name": coin,
        "deposit": "0",
        "withdraw_percent": "0%",
        "withdraw_fix": ways[0].fee,
        "withdraw_amount_mini": ways[0].least,
        "withdraw_fix_on_chains": {way.network.name: way.fee for way in ways},
        "withdraw_percent_on_chains": {way.network.name: "0%" for way in ways},
    }


def withdraw(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Take a withdrawal on."""
    asked = {name: str(params.get(name) or "") for name in ("currency", "chain", "address", "memo")}
    amount = params.get("amount")
    if not isinstance(amount, str):  # a float would have lost digits on its way
        raise Refusal("INVALID_REQUEST_BODY", "amount must be text")
    ask = Ask(
        asked["currency"],
        asked["chain"],
        asked["address"],
        asked["memo"],
        units(amount),
        str(params.get("withdraw_order_id") or ""),
    )
    taken = venue.move(lambda now_ms: venue.funds.withdraw(account, ask, now_ms))
    return _withdrawal(str(taken.number), taken)


def _withdrawal(name: str, row: Withdrawal) -> Json:
    named = {"withdraw_order_id": row.client_id} if row.client_id else {}
    return {
        "id": f"w{name}",
        "timestamp": str(row.applied_ms // 1000),
        "currency": row.coin,
        "address": row.address,
        "txid": row.chain_hash,
        "amount": text(row.units),
        "fee": text(row.fee),
        "memo": row.tag,
        "status": _STATUS[Stage(row.stage)],
        "chain": row.network,
        **named,
    }


def withdrawals(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """List withdrawals, newest first."""
    found = [
        _withdrawal(name, row)
        for name, row in venue.funds.listed_withdrawals(account, venue.true_ms())
        if _is_asked(venue, params, row.coin, row.applied_ms)
        and params.get("withdraw_order_id", row.client_id) == row.client_id
    ]
    return _page(found, params)


def deposits(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """List deposits, newest first."""
    found = [
        _deposit(name, row)
        for name, row in venue.funds.listed_deposits(account)
        if _is_asked(venue, params, row.coin, row.seen_ms)
    ]
    return _page(found, params)


def _is_asked(venue: Venue, params: Mapping[str, Any], coin: str, at_ms: int) -> bool:
    until = int(params.get("to") or venue.true_ms() // 1000)
    since = int(params.get("from") or until - WINDOW_S)
    if until - since > WINDOW_S:
        raise Refusal("INVALID_PARAM_VALUE", "time range cannot exceed 30 days")
    return params.get("currency", coin) == coin and since <= at_ms // 1000 <= until


def _page(found: list[Json], params: Mapping[str, Any]) -> Json:
    start, most = int(params.get("offset") or 0), min(int(params.get("limit") or 100), MOST_ROWS)
    return list(reversed(found))[start : start + most]


def _deposit(name: str, row: Deposit) -> Json:
    return {
        "id": f"d{name}",
        "timestamp": str(row.seen_ms // 1000),
        "currency": row.coin,
        "address": row.address,
        "txid": row.chain_hash,
        "amount": text(row.units - row.fee),
        "memo": row.tag,
        "status": "DONE" if row.credited else "PEND",
        "chain": row.network,
    }


ROUTES: Mapping[tuple[str, str], tuple[Call, str | None]] = {
    ("GET", "/spot/time"): (time, None),
    ("GET", "/spot/currencies"): (currencies, None),
    ("GET", "/spot/currency_pairs"): (currency_pairs, None),
    ("GET", "/margin/currency_pairs"): (nothing, None),
    ("GET", "/account/detail"): (detail, READ),
    ("GET", "/spot/accounts"): (accounts, READ),
    ("GET", "/wallet/currency_chains"): (currency_chains, None),
    ("GET", "/wallet/deposit_address"): (deposit_address, READ),
    ("GET", "/wallet/withdraw_status"): (withdraw_status, READ),
    ("GET", "/wallet/withdrawals"): (withdrawals, READ),
    ("GET", "/wallet/deposits"): (deposits, READ),
    ("POST", "/withdrawals"): (withdraw, WITHDRAW),
}
