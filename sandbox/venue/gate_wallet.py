"""Gate's wallet: coins that come and go, in its words. Its amounts hold the fee, its times are seconds.

Lists without a window show the last thirty days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.venue.coins import WAYS, Way, ways_of
from sandbox.venue.funds import Ask, Declined, Deposit, Reason, Stage, Withdrawal
from sandbox.venue.gate_words import Refusal, Route
from sandbox.venue.gatekeeper import READ, WITHDRAW
from sandbox.venue.model import text, units
from sandbox.venue.venue import Venue

Json = Any
WINDOW_S = 30 * 24 * 3600
MOST_ROWS = 500
_STATUS = {
    Stage.REVIEW: "MANUAL",
    Stage.PROCESSING: "PROCES",
    Stage.DONE: "DONE",
    Stage.CANCELLED: "CANCEL",
    Stage.FAILED: "FAIL",
}


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


def nothing(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """List nothing: there is no margin here."""
    return []


def detail(venue: Venue, account: str, params: Mapping[str, Any]) -> Json:
    """Say that the account is a classic one."""
    return {"user_id": 1, "key": {"mode": 1}}


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


ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/spot/time"): Route(time, None),
    ("GET", "/spot/currencies"): Route(currencies, None),
    ("GET", "/margin/currency_pairs"): Route(nothing, None),
    ("GET", "/account/detail"): Route(detail, READ),
    ("GET", "/wallet/currency_chains"): Route(currency_chains, None),
    ("GET", "/wallet/deposit_address"): Route(deposit_address, READ),
    ("GET", "/wallet/withdraw_status"): Route(withdraw_status, READ),
    ("GET", "/wallet/withdrawals"): Route(withdrawals, READ),
    ("GET", "/wallet/deposits"): Route(deposits, READ),
    ("POST", "/withdrawals"): Route(withdraw, WITHDRAW),
}
