"""The ccxt client of one account, with a gate as its last function before the socket."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.venues import VENUES
from domain.errors import InvariantBroken, Refused

Gate = Callable[[], None]
"""Called right before the bytes of a write leave; raises ``Refused`` to keep them back."""

_gate: ContextVar[Gate | None] = ContextVar("gate", default=None)

_NOWHERE = "http://127.0.0.1:9"  # the discard port: a part of the venue's API we never use must not leave


@contextmanager
def writing(gate: Gate) -> Iterator[None]:
    """Let one write through the client, if the gate agrees at the last moment."""
    token = _gate.set(gate)
    try:
        yield
    finally:
        _gate.reset(token)


def make_client(account: VenueAccount) -> Any:
    """Return a ccxt.pro client of the account: numbers as text, no retries, late requests refused.

    ccxt is imported here and not above: it costs a second and a hundred megabytes, and only the
    process that trades needs it.

    Raises:
        Refused: ``venue_unsupported``: the venue has no row in the contract table.
    """
    contract = VENUES.get(account.venue)
    if contract is None or not contract.can_be_reconciled:
        raise Refused("venue_unsupported", venue=account.venue)
    return _made(account, account.key, {contract.expiry_option: account.request_expiry_ms})


def make_funds_client(account: VenueAccount, key: VenueKey) -> Any:
    """Return a ccxt client of the account for money that comes and goes, which signs with one of its keys."""
    contract = VENUES.get(account.venue)
    return _made(account, key, {contract.expiry_option: account.request_expiry_ms} if contract else {})


def _made(account: VenueAccount, key: VenueKey, options: Mapping[str, object]) -> Any:
    base = getattr(importlib.import_module("ccxt.pro"), account.venue)
    client = _gated(base)(
        {
            "apiKey": key.api_key.reveal(),
            "secret": key.secret.reveal(),
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
                **options,
            },
            **({"urls": {"api": _urls(base, account)}} if account.urls else {}),
        }
    )
    client.number = str
    return client


def _gated(base: type[Any]) -> type[Any]:
    """Return the client class with a gate in ``fetch``: ccxt calls it after throttling and signing."""

    class GatedClient(base):  # type: ignore[misc]  # ccxt is untyped
        async def fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
            if method != "GET":
                gate = _gate.get()
                if gate is None:
                    raise InvariantBroken("write_without_gate", method=method)
                gate()
            return await super().fetch(url, method, headers, body)

    GatedClient.__name__ = base.__name__
    return GatedClient


def _urls(base: type[Any], account: VenueAccount) -> dict[str, Any]:
    """Return the venue's addresses: the ones given, and nowhere for all others."""
    given = account.urls
    if account.venue == "gate":
        return {
            side: dict.fromkeys(base().urls["api"][side], given["gate"]) for side in ("public", "private")
        }
    rest, sapi = given["rest"], given.get("sapi", given["rest"])
    known = base().urls["api"]
    api = _nowhere(known)
    api.update({name: rest for name in ("public", "private", "v1") if name in known})
    api.update({name: sapi for name in known if name.startswith("sapi")})
    api["ws"]["spot"], api["ws"]["ws-api"]["spot"] = given["ws"], given["ws_api"]
    return api


def _nowhere(addresses: dict[str, Any]) -> dict[str, Any]:
    return {name: _nowhere(part) if isinstance(part, dict) else _NOWHERE for name, part in addresses.items()}
