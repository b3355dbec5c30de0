"""What a failed call proves: one test per error class of ccxt (OR5)."""

import inspect

import ccxt
import pytest

from adapters.exchange.outcomes import of_read, of_write, venue_code
from adapters.exchange.venues import BINANCE, VENUES
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable

CLASSES = [kind for _, kind in inspect.getmembers(ccxt, inspect.isclass) if issubclass(kind, ccxt.BaseError)]
MEANS_NO = {
    "InsufficientFunds",
    "InvalidOrder",
    "OrderImmediatelyFillable",
    "OrderNotFillable",
    "BadSymbol",
    "MarketClosed",
    "PermissionDenied",
    "AuthenticationError",
    "AccountNotEnabled",
    "AccountSuspended",
    "ContractUnavailable",
}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_class_of_error_without_a_code_is_a_no_only_when_it_is_on_the_list(
    kind: type[ccxt.BaseError],
) -> None:
    proven = of_write(kind("binance said something"), BINANCE, "mm1")
    assert isinstance(proven, Refused if kind.__name__ in MEANS_NO else OutcomeUnknown), kind


@pytest.mark.parametrize("code", sorted(BINANCE.refusal_codes))
def test_refusal_code_of_the_venue_is_a_no_whatever_class_ccxt_gives_it(code: str) -> None:
    assert isinstance(
        of_write(ccxt.ExchangeError(f'binance {{"code":{code},"msg":"no"}}'), BINANCE, "mm1"), Refused
    )


@pytest.mark.parametrize("code", sorted(BINANCE.silence_codes))
def test_silence_code_of_the_venue_is_unknown_whatever_class_ccxt_gives_it(code: str) -> None:
    error = ccxt.InvalidOrder(f'binance {{"code":{code},"msg":"timeout"}}')
    assert isinstance(of_write(error, BINANCE, "mm1"), OutcomeUnknown)


def test_duplicate_client_id_is_looked_up_although_the_venue_declines_it() -> None:
    error = ccxt.InvalidOrder('binance {"code":-2010,"msg":"Duplicate order sent."}')
    assert isinstance(of_write(error, BINANCE, "mm1"), OutcomeUnknown)


@pytest.mark.parametrize(
    ("venue", "said", "kind", "proves"),
    [
        ("okx", '{"code":"1","data":[{"sCode":"51008","sMsg":"short"}]}', "InsufficientFunds", Refused),
        ("okx", '{"code":"1","data":[{"sCode":"51016","sMsg":"dup"}]}', "InvalidOrder", OutcomeUnknown),
        ("okx", '{"code":"50004","data":[],"msg":"timeout"}', "RequestTimeout", OutcomeUnknown),
        ("bybit", '{"retCode":110072,"retMsg":"dup"}', "InvalidOrder", OutcomeUnknown),
        ("bybit", '{"retCode":10002,"retMsg":"late"}', "InvalidNonce", Refused),
        ("kucoin", '{"code":"126009","msg":"suspended"}', "ExchangeError", Refused),
        ("kraken", '{"error":["EOrder:Rate limit exceeded"]}', "DDoSProtection", Refused),
        ("kraken", '{"error":["EService:Busy"]}', "ExchangeNotAvailable", OutcomeUnknown),
        ("gate", '{"label":"REQUEST_EXPIRED","message":"late"}', "AuthenticationError", Refused),
        ("gate", '{"label":"REPEATED_CREATION","message":"dup"}', "InvalidOrder", OutcomeUnknown),
        ("kucoin", '{"code":"126044","msg":"clientOid duplicate"}', "InvalidOrder", OutcomeUnknown),
        ("htx", '{"status":"error","err-code":"gateway-internal-error"}', "InvalidOrder", OutcomeUnknown),
        ("xt", '{"rc":1,"mc":"ORDER_002"}', "ExchangeError", Refused),
        ("hyperliquid", '{"status":"err","response":"odd"}', "ExchangeError", OutcomeUnknown),
    ],
)
def test_word_of_a_venue_is_read_where_it_writes_it(
    venue: str, said: str, kind: str, proves: type[Exception]
) -> None:
    error = getattr(ccxt, kind)(f"{venue} {said}")
    assert isinstance(of_write(error, VENUES[venue], "mm1"), proves)


def test_reset_and_timeout_prove_nothing() -> None:
    for error in (ConnectionResetError(), TimeoutError(), ccxt.RequestTimeout(), ValueError("not json")):
        assert isinstance(of_write(error, BINANCE, "mm1"), OutcomeUnknown)


def test_our_own_gate_is_passed_on_as_it_is() -> None:
    kept_back = Refused("limit_notional")
    assert of_write(kept_back, BINANCE, "mm1") is kept_back
    broken = InvariantBroken("write_without_gate")
    assert of_read(broken, "book") is broken


@pytest.mark.parametrize(
    ("kind", "said", "code"),
    [
        ("NetworkError", "gone", "venue_silent"),
        ("AuthenticationError", 'binance {"code":-2015,"msg":"Invalid API-key, IP"}', "venue_key_refused"),
        ("AccountSuspended", "no", "venue_key_refused"),
        ("PermissionDenied", "no", "venue_key_forbidden"),
        ("AuthenticationError", 'gate {"label":"REQUEST_EXPIRED","message":"late"}', "venue_silent"),
        ("InvalidNonce", "late", "venue_silent"),
    ],
)
def test_failed_read_may_be_asked_again_and_says_when_it_is_our_key(kind: str, said: str, code: str) -> None:
    """AN11: only the owner can make another key, and has to hear that it takes one."""
    proven = of_read(getattr(ccxt, kind)(said), "book")
    assert isinstance(proven, Unavailable)
    assert proven.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('binance {"code":-2010,"msg":"x"}', "-2010"),
        ('binance {"msg":"x","code":-1}', "-1"),
        ('x {"code":"7"}', "7"),
        ("no code", ""),
    ],
)
def test_venue_code_is_read_from_the_message(text: str, code: str) -> None:
    assert venue_code(ccxt.ExchangeError(text)) == code


@pytest.mark.parametrize(
    ("venue", "said", "kind"),
    [
        ("binance", '{"code":-2010,"msg":"Market is closed."}', "MarketClosed"),
        ("gate", '{"label":"INVALID_CURRENCY_PAIR"}', "BadSymbol"),
        ("kucoin", '{"code":"126009","msg":"suspended"}', "ExchangeError"),
        ("kraken", '{"error":["EService:Market in cancel_only mode"]}', "OnMaintenance"),
    ],
)
def test_pair_that_nobody_can_trade_now_is_told_from_other_refusals(venue: str, said: str, kind: str) -> None:
    proven = of_write(getattr(ccxt, kind)(f"{venue} {said}"), VENUES[venue], "mm1")
    assert isinstance(proven, Refused)
    assert proven.code == "pair_not_traded"
