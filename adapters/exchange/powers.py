"""What our key may do at a venue, where the venue tells."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from adapters.db.ambient import assert_outside_transaction
from adapters.exchange import outcomes
from adapters.exchange.translate import understood
from domain.ports.account_looks import KeyPower

Raw = Mapping[str, Any]
Tell = Callable[[Any], Awaitable[frozenset[KeyPower]]]

_WORDS = {
    **dict.fromkeys(("read", "readonly", "read_only", "general", "read-only"), KeyPower.READ),
    **dict.fromkeys(("trade", "spot", "spottrade"), KeyPower.TRADE),
    **dict.fromkeys(("withdraw", "withdrawal", "transfer"), KeyPower.WITHDRAW),
}
"""Words of venues for it; whoever may transfer to other people is taken for one who may withdraw."""


def _named(words: list[str]) -> frozenset[KeyPower]:
    return frozenset(power for word in words if (power := _WORDS.get(word.strip().lower())))


def _flagged(read: Any, trade: Any, withdraw: Any) -> frozenset[KeyPower]:
    told = ((KeyPower.READ, read), (KeyPower.TRADE, trade), (KeyPower.WITHDRAW, withdraw))
    return frozenset(power for power, may in told if str(may).lower() in ("true", "1"))


async def _binance(client: Any) -> frozenset[KeyPower]:
    told = await client.sapiGetAccountApiRestrictions()
    return _flagged(told["enableReading"], told["enableSpotAndMarginTrading"], told["enableWithdrawals"])


async def _okx(client: Any) -> frozenset[KeyPower]:
    told = await client.privateGetAccountConfig()
    return _named(told["data"][0]["perm"].split(","))


async def _bybit(client: Any) -> frozenset[KeyPower]:
    told = (await client.privateGetV5UserQueryApi())["result"]
    granted = told["permissions"]
    trades = bool(granted.get("Spot")) and str(told["readOnly"]) == "0"
    withdraws = any("withdraw" in str(word).lower() for word in granted.get("Wallet") or ())
    return _flagged(True, trades, withdraws)


async def _kucoin(client: Any) -> frozenset[KeyPower]:
    told = await client.privateGetUserApiKey()
    return _named(told["data"]["permission"].split(","))


_TELL: Mapping[str, Tell] = {"binance": _binance, "okx": _okx, "bybit": _bybit, "kucoin": _kucoin}
"""Sources: the venues' documentation of these requests; the others tell nothing that we have read."""


class CcxtKeyTeller:
    """The ``KeyTeller`` port on an account's client."""

    def __init__(self, venue: str, client: Any) -> None:
        self._tell = _TELL.get(venue)
        self._client = client

    async def powers(self) -> frozenset[KeyPower] | None:
        """Return what the key that trades may do, ``None`` where the venue does not tell."""
        if self._tell is None:
            return None
        assert_outside_transaction()
        try:
            with understood("key"):
                return await self._tell(self._client)
        except outcomes.failures() as e:
            raise outcomes.of_read(e, "key") from e
