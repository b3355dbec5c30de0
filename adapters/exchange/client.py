"""The ccxt client of one account, with a gate as its last function before the socket."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.contract import Expiry, VenueContract
from adapters.exchange.trade_watch import MOST_AT_ONCE
from adapters.exchange.venues import VENUES
from domain.errors import InvariantBroken, Refused

Gate = Callable[[], None]
"""Called right before the bytes of a write leave; raises ``Refused`` to keep them back."""


@dataclass(slots=True)
class _Pass:
    """Leave for one write, and headers that it carries."""

    gate: Gate
    headers: Mapping[str, str]
    used: bool = False


_pass: ContextVar[_Pass | None] = ContextVar("pass", default=None)

_NOWHERE = "http://127.0.0.1:9"  # the discard port: a part of the venue's API we never use must not leave


@contextmanager
def writing(gate: Gate, headers: Mapping[str, str] | None = None) -> Iterator[None]:
    """Let one write through the client, if the gate agrees at the last moment; a second one never leaves."""
    token = _pass.set(_Pass(gate, headers or {}))
    try:
        yield
    finally:
        _pass.reset(token)


def contract_of(venue: str) -> VenueContract:
    """Return what a venue promises.

    Raises:
        Refused: ``venue_unsupported``: it has no row in the contract table; ``venue_too_weak``: ``reason``
            says what it lacks.
    """
    contract = VENUES.get(venue)
    if contract is None:
        raise Refused("venue_unsupported", venue=venue)
    if contract.weaknesses:
        raise Refused("venue_too_weak", venue=venue, reason=contract.weaknesses[0])
    return contract


def reason_of(refusal: Refused) -> str:
    """Return the code of why an account is refused: of a weak venue, what it lacks."""
    return str(refusal.facts.get("reason", refusal.code))


def make_client(account: VenueAccount) -> Any:
    """Return a ccxt client of the account: numbers as text, no retries, late requests refused.

    ccxt is imported here and not above: it costs a second and a hundred megabytes, and only the
    process that trades needs it.

    Raises:
        Refused: as ``contract_of``.
    """
    return _made(account, account.key, contract_of(account.venue))


def make_funds_client(account: VenueAccount, key: VenueKey) -> Any:
    """Return a ccxt client of the account for money that comes and goes, which signs with one of its keys."""
    return _made(account, key, VENUES.get(account.venue))


def make_public_client(account: VenueAccount) -> Any:
    """Return a ccxt client of the account's venue without any key: it sees what everybody sees."""
    return _made(account, None, VENUES.get(account.venue))


def _made(account: VenueAccount, key: VenueKey | None, contract: VenueContract | None) -> Any:
    base = _class_of(account.venue)
    client = _gated(base, contract, account.request_expiry_ms)(
        {
            **(_credentials(key, contract) if key else {}),
            "enableRateLimit": True,
            "timeout": account.request_expiry_ms,
            "verbose": False,  # it would print every request with its keys
            "maxRetriesOnFailure": 0,  # a write is never repeated by a library
            "newUpdates": True,
            "options": {
                "defaultType": "spot",
                "fetchMarkets": {"types": ["spot"]},
                "fetchMargins": False,
                "fetchCurrencies": False,
                "maxRetriesOnFailure": 0,
                "tradesLimit": MOST_AT_ONCE,
                **_expiry(contract, account.request_expiry_ms),
                **(contract.options if contract else {}),
            },
            **({"urls": {"api": _urls(base, account)}} if account.urls else {}),
        }
    )
    client.number = str
    client.has = {**client.has, "fetchCurrencies": False}  # they are asked for when markets are, for nothing
    if account.rehearsal and not account.urls:
        _rehearse(client, contract)
    return client


def _class_of(venue: str) -> type[Any]:
    """Return the client class with streams, or the one without where there are none."""
    streaming = importlib.import_module("ccxt.pro")
    found: type[Any] = getattr(streaming, venue, None) or getattr(
        importlib.import_module("ccxt.async_support"), venue
    )
    return found


def _credentials(key: VenueKey, contract: VenueContract | None) -> dict[str, str]:
    needs = contract.needs if contract else ()
    if "privateKey" in needs:
        return {"walletAddress": key.api_key.reveal(), "privateKey": key.secret.reveal()}
    found = {"apiKey": key.api_key.reveal(), "secret": key.secret.reveal()}
    if "password" in needs:
        if key.passphrase is None:
            raise Refused("venue_passphrase_missing", venue=contract.venue if contract else "")
        found["password"] = key.passphrase.reveal()
    return found


def _expiry(contract: VenueContract | None, expiry_ms: int) -> dict[str, object]:
    if contract is None or contract.expiry is not Expiry.OPTION:
        return {}
    return {contract.expiry_name: str(expiry_ms) if contract.expiry_as_text else expiry_ms}


def _rehearse(client: Any, contract: VenueContract | None) -> None:
    """Turn to where nothing is worth anything.

    Raises:
        Refused: ``venue_has_no_rehearsal``.
    """
    if contract is None or not contract.rehearsal:
        raise Refused("venue_has_no_rehearsal", venue=client.id)
    client.set_sandbox_mode(True)


def _gated(base: type[Any], contract: VenueContract | None, expiry_ms: int) -> type[Any]:
    """Return the client class with a gate in ``fetch``: ccxt calls it after throttling and signing."""
    read_posts = contract.read_posts if contract else ()

    class GatedClient(base):  # type: ignore[misc]  # ccxt is untyped
        async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            if method != "GET" and not urlsplit(url).path.endswith(read_posts or ("\n",)):
                leave = _pass.get()
                if leave is None or leave.used:
                    raise InvariantBroken("write_without_gate", method=method)
                leave.gate()
                leave.used = True
                headers = {**(headers or {}), **leave.headers}
            return await super().fetch(url, method, headers, body)

        async def fetch_markets(self, params: Any = None) -> Any:
            if contract and contract.markets_call:
                return await getattr(self, contract.markets_call)(params or {})
            return await super().fetch_markets(params or {})

    GatedClient.__name__ = base.__name__
    wallet = contract is not None and contract.expiry is Expiry.SIGNED
    return _signing(GatedClient, expiry_ms) if wallet else GatedClient


def _signing(base: type[Any], expiry_ms: int) -> type[Any]:
    """Return the client class of a wallet: what it signs expires, and nothing is signed but what we ask."""

    class WalletClient(base):  # type: ignore[misc]  # ccxt is untyped
        async def initialize_client(self) -> bool:
            """Do nothing; the library would approve a fee for itself, and name itself as who sent us."""
            return True

        def sign_l1_action(self, action: Any, nonce: Any, vault: Any = None, expires: Any = None) -> Any:
            return super().sign_l1_action(action, nonce, vault, expires or nonce + expiry_ms)

        def create_orders_request(self, orders: Any, params: Any = None) -> Any:
            return self._expiring(super().create_orders_request(orders, params or {}))

        def cancel_orders_request(self, ids: Any, symbol: Any = None, params: Any = None) -> Any:
            return self._expiring(super().cancel_orders_request(ids, symbol, params or {}))

        def _expiring(self, request: dict[str, Any]) -> dict[str, Any]:
            return {**request, "expiresAfter": request["nonce"] + expiry_ms}

    WalletClient.__name__ = base.__name__
    return WalletClient


def _urls(base: type[Any], account: VenueAccount) -> dict[str, Any]:
    """Return the venue's addresses: the ones given, and nowhere for all others."""
    given, known = account.urls, base().urls["api"]
    if account.venue == "gate":
        rest = given.get("gate") or given["rest"]
        return (
            _nowhere(known)
            | {side: dict.fromkeys(known[side], rest) for side in ("public", "private")}
            | {"spot": given.get("gate_ws") or given.get("ws", _NOWHERE)}
        )
    if account.venue != "binance":
        return _moved(known, given["rest"], given.get("ws", _NOWHERE))
    rest, sapi = given["rest"], given.get("sapi", given["rest"])
    api = _nowhere(known)
    api.update({name: rest for name in ("public", "private", "v1") if name in known})
    api.update({name: sapi for name in known if name.startswith("sapi")})
    api["ws"]["spot"], api["ws"]["ws-api"]["spot"] = given["ws"], given["ws_api"]
    return api


def _moved(addresses: dict[str, Any], rest: str, ws: str) -> dict[str, Any]:
    """Return the same paths at another place."""
    moved: dict[str, Any] = {}
    for name, part in addresses.items():
        if isinstance(part, dict):
            moved[name] = _moved(part, rest, ws)
        elif isinstance(part, str):
            moved[name] = (ws if part.startswith("ws") else rest) + urlsplit(part).path
    return moved


def _nowhere(addresses: dict[str, Any]) -> dict[str, Any]:
    return {name: _nowhere(part) if isinstance(part, dict) else _NOWHERE for name, part in addresses.items()}
