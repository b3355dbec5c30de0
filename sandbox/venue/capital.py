"""Coins that come and go as binance speaks of them: parameters in, JSON out, no HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.rails.networks import BY_NAME
from sandbox.venue.coins import WAYS, Way, ways_of
from sandbox.venue.funds import Ask, Declined, Deposit, Reason, Stage, Withdrawal
from sandbox.venue.model import RefusedByVenue, text
from sandbox.venue.params import Params, need, rows, whole
from sandbox.venue.rules import parse_decimal
from sandbox.venue.venue import Venue

DAY_MS = 24 * 3600 * 1000
LONGEST_MS = 90 * DAY_MS
MOST_ROWS = 1000

_WORDS: Mapping[Reason, tuple[int, str]] = {
    Reason.UNKNOWN_COIN: (-4018, "We don't have this asset."),
    Reason.UNKNOWN_NETWORK: (-4019, "Current asset is not open for withdrawal."),
    Reason.CLOSED: (-4019, "Current asset is not open for withdrawal."),
    Reason.TOO_PRECISE: (-4021, "Asset withdrawal must be a multiple of the step."),
    Reason.TOO_LITTLE: (-4022, "Not less than the minimum pick-up quantity."),
    Reason.BAD_ADDRESS: (-4007, "Address validation is not passed."),
    Reason.BAD_TAG: (-4008, "Address tag validation is not passed."),
    Reason.NOT_LISTED: (-4035, "This address is not on the whitelist. Please join and try again."),
    Reason.TOO_POOR: (-4026, "You have insufficient balance."),
    Reason.NOT_CANCELLABLE: (-4031, "Cancellation failed."),
}
_STATUS = {
    Stage.REVIEW: 2,
    Stage.PROCESSING: 4,
    Stage.DONE: 6,
    Stage.CANCELLED: 1,
    Stage.FAILED: 5,
}


def _said(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except Declined as e:
        raise RefusedByVenue(*_WORDS[e.reason]) from e


def coins(venue: Venue, account: str, params: Params) -> Any:
    """Tell the coins, their networks and what leaving costs."""
    held = venue.engine.accounts
    assets = {a for p in venue.engine.pairs.values() for a in (p.base, p.quote)} | {way.coin for way in WAYS}
    deposits = not venue.funds.habits.no_deposits
    withdrawals = not venue.funds.habits.no_withdrawals
    return [
        {
            "coin": asset,
            "name": asset,
            "trading": True,
            "depositAllEnable": deposits,
            "withdrawAllEnable": withdrawals,
            "isLegalMoney": False,
            "free": text(held.free[account, asset]),
            "locked": text(held.locked[account, asset]),
            "networkList": [
                _network(way, index, deposits, withdrawals) for index, way in enumerate(ways_of(asset))
            ],
        }
        for asset in sorted(assets)
    ]


def _network(way: Way, index: int, deposits: bool, withdrawals: bool) -> Any:
    return {
        "network": way.network.name,
        "coin": way.coin,
        "name": way.network.title,
        "isDefault": index == 0,
        "depositEnable": deposits,
        "withdrawEnable": withdrawals,
        "depositDust": way.least_deposit,
        "withdrawFee": way.fee,
        "withdrawMin": way.least,
        "withdrawMax": "10000000",
        "withdrawIntegerMultiple": way.step,
        "minConfirm": way.network.confirmations,
        "sameAddress": way.network.tagged,
        "contractAddressUrl": way.network.explorer,
        "contractAddress": way.asset_key,
    }


def deposit_address(venue: Venue, account: str, params: Params) -> Any:
    """Tell where deposits go; the network is not said again, only a link to its explorer."""
    coin = need(params, "coin")
    default = ways_of(coin)[0].network.name if ways_of(coin) else ""
    network = params.get("network") or default
    found = _said(lambda: venue.move(lambda _: venue.funds.address_of(account, coin, network)))
    url = f"{BY_NAME[network].explorer}{found.address}"
    return {"coin": coin, "address": found.address, "tag": found.tag, "url": url}


def withdraw(venue: Venue, account: str, params: Params) -> Any:
    """Take a withdrawal on; the answer says nothing but its id."""
    coin = need(params, "coin")
    default = ways_of(coin)[0].network.name if ways_of(coin) else ""
    ask = Ask(
        coin,
        params.get("network") or default,
        need(params, "address"),
        params.get("addressTag", ""),
        int(parse_decimal(need(params, "amount"), "amount") * 10**8),
        params.get("withdrawOrderId", ""),
    )
    taken = _said(lambda: venue.move(lambda now_ms: venue.funds.withdraw(account, ask, now_ms)))
    return {"id": str(taken.number)}


def _window(params: Params, now_ms: int) -> tuple[int, int]:
    """Return the asked span of time: of ninety days at most, and the last ninety where nothing was said."""
    start, end = whole(params, "startTime"), whole(params, "endTime")
    if start is not None and end is not None and end - start > LONGEST_MS:
        raise RefusedByVenue(-4047, "Time interval must be within 0-90 days")
    if start is None and end is None:
        return now_ms - LONGEST_MS, now_ms
    if start is None:
        return (end or 0) - LONGEST_MS, end or 0
    return start, start + LONGEST_MS if end is None else end


def _page(found: list[Any], params: Params) -> list[Any]:
    start = whole(params, "offset", 0) or 0
    return list(reversed(found))[start : start + rows(params, MOST_ROWS, MOST_ROWS)]


def withdrawals(venue: Venue, account: str, params: Params) -> Any:
    """List withdrawals, newest first."""
    now_ms = venue.true_ms()
    start, end = _window(params, now_ms)
    found = [
        _withdrawal(name, row)
        for name, row in venue.funds.listed_withdrawals(account, now_ms)
        if start <= row.applied_ms <= end
        and params.get("coin", row.coin) == row.coin
        and params.get("withdrawOrderId", row.client_id) == row.client_id
    ]
    return _page(found, params)


def _withdrawal(name: str, row: Withdrawal) -> Any:
    named = {"withdrawOrderId": row.client_id} if row.client_id else {}
    return {
        "id": name,
        "amount": text(row.units - row.fee),
        "transactionFee": text(row.fee),
        "coin": row.coin,
        "status": _STATUS[Stage(row.stage)],
        "address": row.address,
        "addressTag": row.tag,
        "txId": row.chain_hash,
        "applyTime": datetime.fromtimestamp(row.applied_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "network": row.network,
        "transferType": 0,
        "walletType": 0,
        **named,
    }


def deposits(venue: Venue, account: str, params: Params) -> Any:
    """List deposits, newest first."""
    now_ms = venue.true_ms()
    start, end = _window(params, now_ms)
    found = [
        _deposit(name, row, venue.funds.confirmations(row, now_ms))
        for name, row in venue.funds.listed_deposits(account)
        if start <= row.seen_ms <= end and params.get("coin", row.coin) == row.coin
    ]
    return _page(found, params)


def _deposit(name: str, row: Deposit, confirmed: tuple[int, int]) -> Any:
    return {
        "id": name,
        "amount": text(row.units - row.fee),
        "coin": row.coin,
        "network": row.network,
        "status": 1 if row.credited else 0,
        "address": row.address,
        "addressTag": row.tag,
        "txId": row.chain_hash,
        "insertTime": row.seen_ms,
        "transferType": 0,
        "confirmTimes": f"{confirmed[0]}/{confirmed[1]}",
        "walletType": 0,
    }
