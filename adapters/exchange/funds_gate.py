"""Money that comes and goes at gate, by its own words: its amounts hold the fee, its times are seconds.

Sources: the venue's documentation of ``/wallet`` and ``/withdrawals``, and requests watched on the wire.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.exchange.outcomes import failures, is_kind
from adapters.exchange.translate import understood
from domain.errors import OutcomeUnknown, Refused, Unavailable
from domain.money import ZERO, Coin, exact, plain
from domain.payouts.onward import ChainAddress
from domain.ports.venue_funds import (
    DepositStage,
    VenueDeposit,
    VenueHoldings,
    VenueTerms,
    VenueWithdrawal,
    WithdrawalOrder,
    WithdrawalStage,
)

Raw = Mapping[str, Any]

_WITHDRAWALS = {
    **dict.fromkeys(
        ("REQUEST", "PEND", "PROCES", "DMOVE", "EXTPEND", "SPLITPEND"), WithdrawalStage.UNDER_WAY
    ),
    **dict.fromkeys(("MANUAL", "VERIFY", "REVIEW"), WithdrawalStage.REVIEW),
    **dict.fromkeys(("CANCEL", "FAIL", "INVALID"), WithdrawalStage.CANCELLED),
    "DONE": WithdrawalStage.DONE,
}
_DEPOSITS = {
    **dict.fromkeys(("PEND", "TRACK", "PROCES", "MANUAL", "VERIFY", "REVIEW"), DepositStage.CONFIRMING),
    **dict.fromkeys(("CANCEL", "FAIL", "INVALID"), DepositStage.REFUSED),
    "DONE": DepositStage.CREDITED,
}


class GateFunds:
    """``Language`` of gate."""

    window = timedelta(days=29)  # of thirty that may be asked for
    page = 100
    refusals: Mapping[str, str] = {
        # at the door
        "TOO_MANY_REQUESTS": "venue_busy",
        "TOO_FAST": "venue_busy",
        "REQUEST_EXPIRED": "too_late",
        "INVALID_KEY": "venue_key_refused",
        "INVALID_SIGNATURE": "venue_key_refused",
        "MISSING_REQUIRED_HEADER": "venue_key_refused",
        "IP_FORBIDDEN": "venue_key_forbidden",
        "READ_ONLY": "venue_key_forbidden",
        "FORBIDDEN": "venue_key_forbidden",
        # looked at and declined
        "INVALID_CURRENCY": "network_unknown",
        "INVALID_PARAM_VALUE": "venue_declined",
        "INVALID_REQUEST_BODY": "venue_declined",
        "MISSING_REQUIRED_PARAM": "venue_declined",
        "INVALID_PRECISION": "venue_declined",
        "AMOUNT_TOO_LITTLE": "amount_too_small",
        "AMOUNT_TOO_MUCH": "amount_too_large",
        "BALANCE_NOT_ENOUGH": "not_enough",
        "WITHDRAWAL_OVER_LIMIT": "amount_too_large",
        "API_WITHDRAW_DISABLED": "withdrawals_suspended",
    }

    async def terms(self, client: Any, coin: Coin, network: str) -> VenueTerms:
        """Return the terms of a network; a fee in per cent is none that we can name before."""
        chain = await self._chain(client, coin, network)
        listed = await client.privateWalletGetWithdrawStatus({"currency": coin})
        with understood("terms"):
            costs = next(row for row in listed if row["currency"] == coin)
            if exact(str(costs.get("withdraw_percent_on_chains", {}).get(network, "0")).rstrip("%")):
                raise ValueError("a fee in per cent")
            return VenueTerms(
                deposits=not _is_on(chain["is_deposit_disabled"]) and not _is_on(chain["is_disabled"]),
                withdrawals=not _is_on(chain["is_withdraw_disabled"]) and not _is_on(chain["is_disabled"]),
                least_deposit=ZERO,
                least_withdrawal=exact(costs["withdraw_amount_mini"]),
                fee=exact(costs["withdraw_fix_on_chains"][network]),
                fee_inside=True,
                places=int(chain["decimal"]),
            )

    async def _chain(self, client: Any, coin: Coin, network: str) -> Raw:
        try:
            listed = await client.publicWalletGetCurrencyChains({"currency": coin})
        except failures() as e:
            if is_kind(e, "BadSymbol"):
                raise Refused("network_unknown", coin=coin, network=network) from e
            raise
        with understood("networks"):
            found: Raw | None = next((row for row in listed if row["chain"] == network), None)
        if found is None:
            raise Refused("network_unknown", coin=coin, network=network)
        return found

    async def deposit_address(self, client: Any, coin: Coin, network: str) -> ChainAddress:
        """Return the address on one chain of all that the venue tells."""
        await self._chain(client, coin, network)
        told = await client.privateWalletGetDepositAddress({"currency": coin})
        with understood("deposit address"):
            row = next(each for each in told["multichain_addresses"] if each["chain"] == network)
            if _is_on(row.get("obtain_failed", 0)) or not row["address"]:
                raise Unavailable("deposit_address_pending", coin=coin, network=network)
            return ChainAddress(str(row["chain"]), str(row["address"]), str(row.get("payment_id") or ""))

    async def holdings(self, client: Any, coin: Coin) -> VenueHoldings:
        """Return what the spot wallet holds."""
        told = await client.privateSpotGetAccounts({"currency": coin})
        with understood("holdings"):
            held = [exact(row["available"]) + exact(row["locked"]) for row in told if row["currency"] == coin]
            return VenueHoldings(sum(held, ZERO), ZERO)

    async def withdraw(self, client: Any, order: WithdrawalOrder) -> str:
        """Ask; what the venue repeats must be what we asked for."""
        asked = {
            "currency": order.coin,
            "chain": order.to.network,
            "address": order.to.address,
            "amount": plain(order.amount),
            **({"memo": order.to.tag} if order.to.tag else {}),
        }
        named = {"withdraw_order_id": order.client_id}
        told = await client.privateWithdrawalsPostWithdrawals(asked | named)
        if not isinstance(told, Mapping) or not told.get("id"):
            raise OutcomeUnknown("no_clear_answer", subject=order.client_id)
        repeated = {name: told.get(name) for name in ("currency", "chain", "address") if told.get(name)}
        same = all(asked[name] == value for name, value in repeated.items())
        if not same or ("amount" in told and exact(told["amount"]) != order.amount):
            raise OutcomeUnknown("answer_about_another", subject=order.client_id)
        return str(told["id"])

    async def withdrawals(
        self, client: Any, coin: Coin, start: datetime, end: datetime, offset: int
    ) -> Sequence[VenueWithdrawal]:
        """Return one page. Amounts are what was asked for, the fee among it."""
        listed = await client.privateWalletGetWithdrawals(self._asked(coin, start, end, offset))
        with understood("withdrawals"):
            return [_withdrawal(row) for row in listed]

    async def deposits(
        self, client: Any, coin: Coin, start: datetime, end: datetime, offset: int
    ) -> Sequence[VenueDeposit]:
        """Return one page. A fee of the venue's is not told: what arrived less is seen on the chain alone."""
        listed = await client.privateWalletGetDeposits(self._asked(coin, start, end, offset))
        with understood("deposits"):
            return [_deposit(row) for row in listed]

    def _asked(self, coin: Coin, start: datetime, end: datetime, offset: int) -> dict[str, object]:
        span = {"from": int(start.timestamp()), "to": int(end.timestamp()) - 1}
        return {"currency": coin, **span, "limit": self.page, "offset": offset}


def _is_on(flag: Any) -> bool:
    return str(flag) not in ("0", "False", "false", "")


def _withdrawal(row: Raw) -> VenueWithdrawal:
    asked, fee, chain_hash = exact(row["amount"]), exact(row.get("fee") or "0"), str(row.get("txid") or "")
    stage = _WITHDRAWALS.get(str(row["status"]), WithdrawalStage.UNCLEAR)
    if stage is WithdrawalStage.CANCELLED and chain_hash:
        stage = WithdrawalStage.UNCLEAR  # a chain may carry it all the same
    return VenueWithdrawal(
        withdrawal_id=str(row["id"]),
        client_id=str(row.get("withdraw_order_id") or ""),
        coin=Coin(str(row["currency"])),
        to=_place(row),
        asked=asked,
        arrives=asked - fee,
        fee=fee,
        stage=stage,
        chain_hash=chain_hash,
        created_at=datetime.fromtimestamp(int(row["timestamp"]), UTC),
    )


def _deposit(row: Raw) -> VenueDeposit:
    to = _place(row)
    return VenueDeposit(
        deposit_id=str(row["id"]),
        coin=Coin(str(row["currency"])),
        to=to,
        amount=exact(row["amount"]),
        fee=ZERO,
        stage=_DEPOSITS.get(str(row["status"]), DepositStage.UNCLEAR),
        chain_hash=str(row.get("txid") or ""),
        index=f"{to.address}:{to.tag}",  # the venue tells no number of an output
        created_at=datetime.fromtimestamp(int(row["timestamp"]), UTC),
    )


def _place(row: Raw) -> ChainAddress:
    return ChainAddress(str(row["chain"]), str(row["address"]), str(row.get("memo") or ""))
