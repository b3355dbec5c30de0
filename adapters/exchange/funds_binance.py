"""Money that comes and goes at binance, by its own words: its unified ones leave out what we must know.

Sources: the venue's documentation of ``/sapi/v1/capital``, and requests watched on the wire.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from adapters.exchange.translate import understood
from domain.errors import OutcomeUnknown, Refused
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
    0: WithdrawalStage.REVIEW,  # waits for the owner's word by mail
    1: WithdrawalStage.CANCELLED,
    2: WithdrawalStage.REVIEW,
    3: WithdrawalStage.CANCELLED,  # rejected
    4: WithdrawalStage.UNDER_WAY,
    5: WithdrawalStage.CANCELLED,  # failed
    6: WithdrawalStage.DONE,
}
_DEPOSITS = {
    0: DepositStage.CONFIRMING,
    1: DepositStage.CREDITED,
    2: DepositStage.REFUSED,
    6: DepositStage.CREDITED,  # may be traded with, and not withdrawn yet
    7: DepositStage.REFUSED,  # sent wrongly
    8: DepositStage.REFUSED,  # waits for the owner to claim it
}
_FORM = "%Y-%m-%d %H:%M:%S"


class BinanceFunds:
    """``Language`` of binance."""

    window = timedelta(days=89)  # of ninety that may be asked for
    page = 1000
    refusals: Mapping[str, str] = {
        # at the door: too many requests, unreadable, signed too late, key unknown or not for this
        "-1003": "venue_busy",
        "-1021": "too_late",
        "-1022": "venue_key_refused",
        "-1100": "venue_declined",
        "-1102": "venue_declined",
        "-1111": "venue_declined",
        "-2014": "venue_key_refused",
        "-2015": "venue_key_forbidden",
        # looked at and declined
        "-4007": "address_invalid",
        "-4008": "address_invalid",
        "-4010": "address_not_listed",
        "-4012": "address_not_listed",
        "-4014": "withdrawals_suspended",
        "-4015": "withdrawals_suspended",
        "-4016": "withdrawals_suspended",
        "-4017": "withdrawals_suspended",
        "-4018": "network_unknown",
        "-4019": "withdrawals_suspended",
        "-4021": "venue_declined",
        "-4022": "amount_too_small",
        "-4023": "amount_too_large",
        "-4024": "not_enough",
        "-4025": "not_enough",
        "-4026": "not_enough",
        "-4028": "amount_too_small",
        "-4033": "address_invalid",
        "-4034": "address_invalid",
        "-4035": "address_not_listed",
        "-4036": "address_not_listed",
    }

    async def terms(self, client: Any, coin: Coin, network: str) -> VenueTerms:
        """Return the terms of a network."""
        row = (await self._networks(client, coin, network))[network]
        with understood("terms"):
            step = exact(row["withdrawIntegerMultiple"])
            return VenueTerms(
                deposits=row["depositEnable"] is True,
                withdrawals=row["withdrawEnable"] is True,
                least_deposit=exact(row.get("depositDust") or "0"),
                least_withdrawal=exact(row["withdrawMin"]),
                fee=exact(row["withdrawFee"]),
                fee_inside=True,
                places=max(0, -int(step.normalize().as_tuple().exponent)),
            )

    async def _networks(self, client: Any, coin: Coin, network: str) -> dict[str, Raw]:
        listed = await client.sapiGetCapitalConfigGetall()
        with understood("networks"):
            of_coin = next((row for row in listed if row["coin"] == coin), None)
            networks = {str(row["network"]): row for row in of_coin["networkList"]} if of_coin else {}
        if network not in networks:
            raise Refused("network_unknown", coin=coin, network=network)
        return networks

    async def deposit_address(self, client: Any, coin: Coin, network: str) -> ChainAddress:
        """Return the address. What chain it is on is said by the link to its explorer alone."""
        networks = await self._networks(client, coin, network)
        told = await client.sapiGetCapitalDepositAddress({"coin": coin, "network": network})
        with understood("deposit address"):
            address, url = str(told["address"]), str(told.get("url") or "")
            explorers = {name: str(row.get("contractAddressUrl") or "") for name, row in networks.items()}
            named = [name for name, start in explorers.items() if start and url.startswith(start)]
            if not address or told["coin"] != coin:
                raise ValueError("no address of this coin")
        said = network if network in named or not named else named[0]
        return ChainAddress(said, address, str(told.get("tag") or ""))

    async def holdings(self, client: Any, coin: Coin) -> VenueHoldings:
        """Return what the spot wallet holds."""
        told = await client.privateGetAccount()
        with understood("holdings"):
            ours = [row for row in told["balances"] if row["asset"] == coin]
            return VenueHoldings(sum((exact(r["free"]) + exact(r["locked"]) for r in ours), ZERO), ZERO)

    async def withdraw(self, client: Any, order: WithdrawalOrder) -> str:
        """Ask; network and tag are always said, amounts are text."""
        tag = {"addressTag": order.to.tag} if order.to.tag else {}
        told = await client.sapiPostCapitalWithdrawApply(
            {
                "coin": order.coin,
                "network": order.to.network,
                "address": order.to.address,
                "amount": plain(order.amount),
                "withdrawOrderId": order.client_id,
                **tag,
            }
        )
        if not isinstance(told, Mapping) or not told.get("id"):
            raise OutcomeUnknown("no_clear_answer", subject=order.client_id)
        return str(told["id"])

    async def withdrawals(
        self, client: Any, coin: Coin, start: datetime, end: datetime, offset: int
    ) -> Sequence[VenueWithdrawal]:
        """Return one page. Amounts are what arrives; the fee was taken out of what was asked for."""
        listed = await client.sapiGetCapitalWithdrawHistory(self._asked(coin, start, end, offset))
        with understood("withdrawals"):
            return [_withdrawal(row) for row in listed]

    async def deposits(
        self, client: Any, coin: Coin, start: datetime, end: datetime, offset: int
    ) -> Sequence[VenueDeposit]:
        """Return one page. A fee of the venue's is not told: what arrived less is seen on the chain alone."""
        listed = await client.sapiGetCapitalDepositHisrec(self._asked(coin, start, end, offset))
        with understood("deposits"):
            return [_deposit(row) for row in listed]

    def _asked(self, coin: Coin, start: datetime, end: datetime, offset: int) -> dict[str, object]:
        span = {"startTime": _ms(start), "endTime": _ms(end) - 1}
        return {"coin": coin, **span, "limit": self.page, "offset": offset}


def _ms(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def _withdrawal(row: Raw) -> VenueWithdrawal:
    arrives, fee, chain_hash = exact(row["amount"]), exact(row["transactionFee"]), str(row.get("txId") or "")
    stage = _WITHDRAWALS.get(int(row["status"]), WithdrawalStage.UNCLEAR)
    if stage is WithdrawalStage.CANCELLED and chain_hash:
        stage = WithdrawalStage.UNCLEAR  # a chain may carry it all the same
    return VenueWithdrawal(
        withdrawal_id=str(row["id"]),
        client_id=str(row.get("withdrawOrderId") or ""),
        coin=Coin(str(row["coin"])),
        to=_place(row),
        asked=arrives + fee,
        arrives=arrives,
        fee=fee,
        stage=stage,
        chain_hash=chain_hash,
        created_at=datetime.strptime(row["applyTime"], _FORM).replace(tzinfo=UTC),
    )


def _deposit(row: Raw) -> VenueDeposit:
    to = _place(row)
    return VenueDeposit(
        deposit_id=str(row["id"]),
        coin=Coin(str(row["coin"])),
        to=to,
        amount=exact(row["amount"]),
        fee=Decimal(0),
        stage=_DEPOSITS.get(int(row["status"]), DepositStage.UNCLEAR),
        chain_hash=str(row.get("txId") or ""),
        index=f"{to.address}:{to.tag}",  # the venue tells no number of an output
        created_at=datetime.fromtimestamp(int(row["insertTime"]) / 1000, UTC),
    )


def _place(row: Raw) -> ChainAddress:
    return ChainAddress(str(row["network"]), str(row["address"]), str(row.get("addressTag") or ""))
