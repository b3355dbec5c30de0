"""Money into and out of venue accounts: what is asked, what answers and silence prove, and whole lists."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.exchange.account import VenueAccount, VenueKey
from adapters.exchange.client import _pass, make_funds_client
from adapters.exchange.funds import LANGUAGES, CcxtVenueFunds
from adapters.exchange.funds_binance import BinanceFunds
from adapters.exchange.funds_gate import GateFunds
from domain.errors import InvariantBroken, OutcomeUnknown, Refused, Unavailable
from domain.ids import VenueAccountName
from domain.money import Coin
from domain.payouts.onward import ChainAddress
from domain.ports.venue_funds import DepositStage, WithdrawalOrder, WithdrawalStage
from domain.secrets import Secret
from sandbox.rails.networks import ETHEREUM, RIPPLE
from sandbox.venue.app import Options, serve
from tests.clocks import WallClock
from tests.fakes.clock import FakeClock
from tests.fakes.leases import unasked

USDT, XRP = Coin("USDT"), Coin("XRP")
TO = ChainAddress("ETH", ETHEREUM.address_of("mixin"))
PAYER = VenueKey(Secret("payer-key"), Secret("payer-secret"))
KEY = VenueKey(Secret("k"), Secret("s"), PAYER)
LATER, AGO = timedelta(minutes=1), timedelta(minutes=1)
ORDER = WithdrawalOrder("mmt1", USDT, TO, Decimal("100.0417"))


@dataclass
class Far:
    """The sandbox's venue, and the adapter on it."""

    funds: CcxtVenueFunds
    urls: Mapping[str, str]

    async def post(self, path: str, **facts: Any) -> None:
        url = f"{self.urls['control']}/{path}"
        async with aiohttp.ClientSession() as http, http.post(url, json=facts) as answer:
            assert answer.status == 200, await answer.text()

    async def withdraw(self, order: WithdrawalOrder = ORDER) -> str:
        return await self.funds.withdraw(order, WallClock().now() + LATER)

    async def listed(self) -> Sequence[Any]:
        return await self.funds.withdrawals_since(USDT, WallClock().now() - AGO)


@asynccontextmanager
async def running(tmp_path: Path, venue: str = "binance") -> AsyncIterator[Far]:
    own = {"api_key": "payer-key", "secret": "payer-secret"}
    account = {"name": "mm", "api_key": "k", "secret": "s", "withdrawal_key": own}
    (tmp_path / "world.json").write_text(
        json.dumps({"venue": {"accounts": [{**account, "balances": {"USDT": "1000"}}]}})
    )
    async with serve(Options(tmp_path / "state", 0, tmp_path / "world.json", seed=7)) as urls:
        named = VenueAccount(VenueAccountName("mm"), venue, KEY, urls, request_expiry_ms=1000)
        funds = CcxtVenueFunds(named, WallClock(), unasked)
        yield Far(funds, urls)
        await funds.close()


@pytest.mark.parametrize(
    ("venue", "path"), [("binance", "/sapi/v1/capital/withdraw/apply"), ("gate", "/api/v4/withdrawals")]
)
async def test_silence_is_no_answer_whether_it_happened_or_not(tmp_path: Path, venue: str, path: str) -> None:
    async with running(tmp_path, venue) as far:
        await far.post("faults", only=f"POST {path}", refuse_percent=100)
        with pytest.raises(OutcomeUnknown):
            await far.withdraw()
        assert await far.listed() == []
        await far.post("faults", only=f"POST {path}", withhold_percent=100)
        with pytest.raises(OutcomeUnknown):
            await far.withdraw()
        [made] = await far.listed()
        assert (made.client_id, made.asked, made.to) == ("mmt1", ORDER.amount, TO)
        await far.post("faults", refuse_percent=100)
        with pytest.raises(Unavailable):
            await far.listed()


@pytest.mark.parametrize(
    ("habit", "made", "names"),
    [("dedupe", 1, {"mmt1"}), ("label", 2, {"mmt1"}), ("ignore", 2, {""})],
)
async def test_a_repeat_shows_in_the_list_what_the_venue_makes_of_it(
    tmp_path: Path, habit: str, made: int, names: set[str]
) -> None:
    async with running(tmp_path) as far:
        await far.post("funds/habits", client_ids=habit)
        ids = {await far.withdraw() for _ in range(2)}
        listed = await far.listed()
        assert len(ids) == len(listed) == made
        assert {row.client_id for row in listed} == names


async def test_what_a_venue_says_of_an_address_is_passed_on_to_the_byte(tmp_path: Path) -> None:
    async with running(tmp_path) as far:
        right = await far.funds.deposit_address(XRP, "XRP")
        assert (right.network, RIPPLE.is_address(right.address), right.tag.isdigit()) == ("XRP", True, True)
        await far.post("funds/habits", drop_tag=True)
        assert await far.funds.deposit_address(XRP, "XRP") == ChainAddress("XRP", right.address)
        await far.post("funds/habits", strange_address=True)
        assert (await far.funds.deposit_address(XRP, "XRP")).address != right.address
        await far.post("funds/habits", no_deposits=True, no_withdrawals=True)
        terms = await far.funds.terms(XRP, "XRP")
        assert (terms.deposits, terms.withdrawals, terms.places) == (False, False, 6)
        with pytest.raises(Refused, match="withdrawals_suspended"):
            await far.withdraw()


async def test_nothing_leaves_without_a_key_a_lease_or_the_time_for_it(tmp_path: Path) -> None:
    def refuse() -> None:
        raise Refused("lease_lost")

    async with running(tmp_path) as far:
        named = VenueAccount(VenueAccountName("mm"), "binance", KEY, far.urls)
        leaseless = CcxtVenueFunds(named, WallClock(), refuse)
        by_hand = CcxtVenueFunds(
            VenueAccount(named.name, "binance", VenueKey(KEY.api_key, KEY.secret), far.urls),
            WallClock(),
            unasked,
        )
        with pytest.raises(Refused, match="lease_lost"):
            await leaseless.withdraw(ORDER, WallClock().now() + LATER)
        with pytest.raises(Refused, match="withdrawal_by_hand"):
            await by_hand.withdraw(ORDER, WallClock().now() + LATER)
        with pytest.raises(Refused, match="too_late"):
            await far.funds.withdraw(ORDER, WallClock().now() - AGO)
        ungated = make_funds_client(named, PAYER)
        with pytest.raises(InvariantBroken, match="write_without_gate"):
            await BinanceFunds().withdraw(ungated, ORDER)
        assert await by_hand.withdrawals_since(USDT, WallClock().now() - AGO) == []
        for each in (leaseless, by_hand, ungated):
            await each.close()


def test_a_venue_whose_language_we_do_not_speak_is_refused() -> None:
    with pytest.raises(Refused, match="venue_unsupported"):
        CcxtVenueFunds(VenueAccount(VenueAccountName("k"), "kraken", KEY), WallClock(), unasked)


# What is asked and what answers mean, without a socket.


@dataclass
class Client:
    """ccxt's raw calls, with the answer that each gets; what was asked is kept."""

    answers: Mapping[str, Any]
    asked: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        async def call(params: Any = None) -> Any:
            if leave := _pass.get():  # as the real client does for what it sends
                leave.gate()
            self.asked[name] = params
            answer = self.answers[name]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return call

    async def close(self) -> None:
        """Hold nothing."""


WITHDRAW = {"binance": "sapiPostCapitalWithdrawApply", "gate": "privateWithdrawalsPostWithdrawals"}


def funds_of(venue: str, answers: Mapping[str, Any]) -> tuple[CcxtVenueFunds, Client]:
    named = VenueAccount(VenueAccountName("mm"), venue, KEY)
    funds, client = CcxtVenueFunds(named, FakeClock(), unasked), Client(answers)
    funds._reader = funds._payer = client
    return funds, client


async def proof(venue: str, answer: Any) -> Any:
    """Return what an answer to a withdrawal proves."""
    funds, _ = funds_of(venue, {WITHDRAW[venue]: answer})
    try:
        return await funds.withdraw(ORDER, FakeClock().now() + LATER)
    except (Refused, OutcomeUnknown) as error:
        return error


@pytest.mark.parametrize("venue", WITHDRAW)
async def test_amounts_are_text_and_network_tag_and_name_are_always_said(venue: str) -> None:
    funds, client = funds_of(venue, {WITHDRAW[venue]: {"id": "w1"}})
    to = ChainAddress("XRP", RIPPLE.address_of("x"), "12")
    order = WithdrawalOrder("mmt1", XRP, to, Decimal("1E+2"))
    assert await funds.withdraw(order, FakeClock().now() + LATER) == "w1"
    asked = client.asked[WITHDRAW[venue]]
    assert asked["amount"] == "100"
    assert set(asked.values()) == {"XRP", to.address, "12", "100", "mmt1"}


@pytest.mark.parametrize("venue", WITHDRAW)
async def test_a_short_list_of_words_is_a_no_and_everything_else_is_not(venue: str) -> None:
    import ccxt

    form = '{{"code":{},"msg":"no"}}' if venue == "binance" else '{{"label":"{}","message":"no"}}'
    for word, meaning in LANGUAGES[venue].refusals.items():
        said = await proof(venue, ccxt.ExchangeError(f"{venue} {form.format(word)}"))
        assert isinstance(said, Refused)
        assert said.code == meaning
    for word in ("-1000", "-1007", "-4999", "SERVER_ERROR", "REPEATED_CREATION", "2xx"):
        said = await proof(venue, ccxt.InsufficientFunds(f"{venue} {form.format(word)}"))
        assert isinstance(said, OutcomeUnknown)
    for error in (ccxt.RequestTimeout("late"), ccxt.DDoSProtection("<html>"), OSError(), ValueError("odd")):
        assert isinstance(await proof(venue, error), OutcomeUnknown)


@pytest.mark.parametrize("answer", [None, [], "ok", {}, {"id": ""}, {"id": None}])
@pytest.mark.parametrize("venue", WITHDRAW)
async def test_an_answer_without_an_id_is_none(venue: str, answer: Any) -> None:
    assert isinstance(await proof(venue, answer), OutcomeUnknown)


@pytest.mark.parametrize(
    "change",
    [{"amount": "99"}, {"address": "0xelse"}, {"chain": "TRX"}, {"currency": "BTC"}, {"amount": "x"}],
)
async def test_an_answer_about_another_withdrawal_is_none(change: dict[str, str]) -> None:
    same = {"id": "w1", "currency": "USDT", "chain": "ETH", "address": TO.address, "amount": "100.0417"}
    assert await proof("gate", same) == "w1"
    assert isinstance(await proof("gate", same | change), OutcomeUnknown)


BINANCE_ROW: dict[str, Any] = {
    "id": "1", "amount": "96", "transactionFee": "4", "coin": "USDT", "status": 6, "address": TO.address,
    "addressTag": "", "txId": "0xa", "applyTime": "2026-03-01 09:30:00", "network": "ETH",
}  # fmt: skip
GATE_ROW: dict[str, Any] = {
    "id": "w1", "amount": "100", "fee": "4", "currency": "USDT", "status": "DONE", "address": TO.address,
    "memo": "", "txid": "0xa", "timestamp": "1772357400", "chain": "ETH",
}  # fmt: skip
ROWS: dict[str, dict[str, Any]] = {"binance": BINANCE_ROW, "gate": GATE_ROW}
LISTS = {"binance": "sapiGetCapitalWithdrawHistory", "gate": "privateWalletGetWithdrawals"}
DEPOSITS = {"binance": "sapiGetCapitalDepositHisrec", "gate": "privateWalletGetDeposits"}
SINCE = datetime(2026, 3, 1, 9, 30, 0, 700_000, tzinfo=UTC)


async def withdrawal_of(venue: str, **changes: Any) -> Any:
    funds, _ = funds_of(venue, {LISTS[venue]: [ROWS[venue] | changes]})
    [row] = await funds.withdrawals_since(USDT, SINCE)
    return row


@pytest.mark.parametrize("venue", ROWS)
async def test_what_was_asked_what_arrives_and_the_fee_are_told_apart(venue: str) -> None:
    row = await withdrawal_of(venue)
    assert (row.asked, row.arrives, row.fee) == (Decimal(100), Decimal(96), Decimal(4))
    assert (row.to, row.chain_hash, row.stage) == (TO, "0xa", WithdrawalStage.DONE)
    assert row.created_at == SINCE.replace(microsecond=0)  # whole seconds are all it tells


@pytest.mark.parametrize(
    ("venue", "status", "hash_name", "stage"),
    [
        ("binance", 0, "txId", WithdrawalStage.REVIEW),
        ("binance", 1, "txId", WithdrawalStage.CANCELLED),
        ("binance", 2, "txId", WithdrawalStage.REVIEW),
        ("binance", 3, "txId", WithdrawalStage.CANCELLED),
        ("binance", 4, "txId", WithdrawalStage.UNDER_WAY),
        ("binance", 5, "txId", WithdrawalStage.CANCELLED),
        ("binance", 7, "txId", WithdrawalStage.UNCLEAR),
        ("gate", "MANUAL", "txid", WithdrawalStage.REVIEW),
        ("gate", "PROCES", "txid", WithdrawalStage.UNDER_WAY),
        ("gate", "CANCEL", "txid", WithdrawalStage.CANCELLED),
        ("gate", "FAIL", "txid", WithdrawalStage.CANCELLED),
        ("gate", "BCODE", "txid", WithdrawalStage.UNCLEAR),
        ("gate", "NEWS", "txid", WithdrawalStage.UNCLEAR),
    ],
)
async def test_words_of_a_venue_are_translated_by_a_table(
    venue: str, status: Any, hash_name: str, stage: WithdrawalStage
) -> None:
    assert (await withdrawal_of(venue, status=status, **{hash_name: ""})).stage is stage
    with_hash = (await withdrawal_of(venue, status=status)).stage
    ended = stage is WithdrawalStage.CANCELLED  # and yet a chain may carry it
    assert with_hash is (WithdrawalStage.UNCLEAR if ended else stage)


@pytest.mark.parametrize(
    ("venue", "status", "stage"),
    [
        ("binance", 0, DepositStage.CONFIRMING),
        ("binance", 1, DepositStage.CREDITED),
        ("binance", 6, DepositStage.CREDITED),
        ("binance", 7, DepositStage.REFUSED),
        ("binance", 9, DepositStage.UNCLEAR),
        ("gate", "PEND", DepositStage.CONFIRMING),
        ("gate", "DONE", DepositStage.CREDITED),
        ("gate", "INVALID", DepositStage.REFUSED),
        ("gate", "NEWS", DepositStage.UNCLEAR),
    ],
)
async def test_stages_of_deposits_are_translated_by_a_table(
    venue: str, status: Any, stage: DepositStage
) -> None:
    row = ROWS[venue] | {"status": status, "insertTime": 1772357400000}
    funds, _ = funds_of(venue, {DEPOSITS[venue]: [row]})
    [deposit] = await funds.deposits_since(USDT, SINCE)
    assert (deposit.stage, deposit.chain_hash, deposit.to) == (stage, "0xa", TO)


@pytest.mark.parametrize("venue", ROWS)
@pytest.mark.parametrize(
    "nonsense",
    [{"amount": None}, {"amount": "x"}, {"address": None, "status": None}, {"chain": None, "network": None}],
)
async def test_rows_that_make_no_sense_are_no_list_at_all(venue: str, nonsense: dict[str, Any]) -> None:
    row = {name: value for name, value in (ROWS[venue] | nonsense).items() if value is not None}
    funds, _ = funds_of(venue, {LISTS[venue]: [row]})
    with pytest.raises(Unavailable):
        await funds.withdrawals_since(USDT, SINCE)


# Whole lists.


class Pages(Client):
    """A venue's list of withdrawals, newest first, that answers for a window and turns pages."""

    def __init__(self, count: int, every: timedelta, *, turns: bool = True) -> None:
        super().__init__({})
        self.count, self.every, self.turns = count, every, turns
        self.windows: list[tuple[int, int, int]] = []

    async def sapiGetCapitalWithdrawHistory(self, params: dict[str, int]) -> list[dict[str, Any]]:  # noqa: N802
        start, end, offset, limit = (params[n] for n in ("startTime", "endTime", "offset", "limit"))
        self.windows.append((start, end, offset))
        rows = [
            BINANCE_ROW | {"id": str(number), "applyTime": f"{at:%Y-%m-%d %H:%M:%S}"}
            for number in range(self.count)
            if start <= (at := SINCE + self.every * number).timestamp() * 1000 <= end
        ]
        rows.reverse()
        return rows[offset : offset + limit] if self.turns else rows[:limit]


async def listed(pages: Pages, until: datetime) -> Sequence[Any]:
    funds, _ = funds_of("binance", {})
    funds._reader = pages
    funds._clock = FakeClock(until)
    return await funds.withdrawals_since(USDT, SINCE)


async def test_lists_are_read_window_by_window_and_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BinanceFunds, "page", 10)
    pages = Pages(95, timedelta(days=3))  # ninety pages' worth of days
    rows = await listed(pages, SINCE + timedelta(days=285))
    assert [row.withdrawal_id for row in rows] == [str(number) for number in range(95)]
    assert {end - start + 1 for start, end, _ in pages.windows} == {89 * 24 * 3600 * 1000}
    assert {start for start, _, _ in pages.windows} >= {end + 1 for _, end, _ in pages.windows[:-1]} - {
        pages.windows[-1][1] + 1
    }


async def test_what_a_venue_dates_ahead_of_our_clock_is_listed() -> None:
    rows = await listed(Pages(1, timedelta(days=1)), SINCE - timedelta(seconds=3))
    assert [row.withdrawal_id for row in rows] == ["0"]


async def test_a_list_that_turns_no_pages_is_no_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BinanceFunds, "page", 10)
    with pytest.raises(Unavailable, match="venue_history_incomplete"):
        await listed(Pages(25, timedelta(hours=1), turns=False), SINCE + timedelta(days=2))


async def test_gate_is_asked_in_seconds_and_for_less_than_thirty_days() -> None:
    funds, client = funds_of("gate", {LISTS["gate"]: []})
    assert await funds.withdrawals_since(USDT, SINCE) == []
    asked = client.asked[LISTS["gate"]]
    assert asked["from"] == int(SINCE.timestamp())
    assert asked["to"] - asked["from"] == GateFunds.window.total_seconds() - 1


# Terms.

NETWORK = {
    "depositEnable": True, "withdrawEnable": True, "withdrawFee": "1", "withdrawMin": "10",
    "depositDust": "0.5", "withdrawIntegerMultiple": "0.000001",
}  # fmt: skip
EXPLORERS = {"ETH": "https://etherscan.io/address/", "TRX": "https://tronscan.org/#/address/"}
CONFIG = {
    "coin": "USDT",
    "networkList": [
        NETWORK | {"network": name, "contractAddressUrl": url} for name, url in EXPLORERS.items()
    ],
}


async def test_an_address_on_another_chain_than_asked_for_is_told_as_such() -> None:
    told = {"coin": "USDT", "address": "TX", "tag": "", "url": "https://tronscan.org/#/address/TX"}
    answers = {"sapiGetCapitalConfigGetall": [CONFIG], "sapiGetCapitalDepositAddress": told}
    funds, _ = funds_of("binance", answers)
    assert await funds.deposit_address(USDT, "ETH") == ChainAddress("TRX", "TX")
    with pytest.raises(Refused, match="network_unknown"):
        await funds.deposit_address(USDT, "BSC")


async def test_terms_of_binance_are_those_of_the_network() -> None:
    funds, _ = funds_of("binance", {"sapiGetCapitalConfigGetall": [CONFIG]})
    terms = await funds.terms(USDT, "TRX")
    assert (terms.least_deposit, terms.least_withdrawal, terms.fee) == (
        Decimal("0.5"),
        Decimal(10),
        Decimal(1),
    )
    assert (terms.places, terms.fee_inside) == (6, True)
    with pytest.raises(Refused, match="network_unknown"):
        await funds.terms(Coin("DOGE"), "DOGE")


CHAIN = {
    "chain": "ETH",
    "is_disabled": 0,
    "is_deposit_disabled": 1,
    "is_withdraw_disabled": 0,
    "decimal": "6",
}
COSTS = {"currency": "USDT", "withdraw_amount_mini": "10", "withdraw_fix_on_chains": {"ETH": "4"}}


@pytest.mark.parametrize(
    ("costs", "known"), [({}, True), ({"withdraw_percent_on_chains": {"ETH": "0.1%"}}, False)]
)
async def test_a_fee_of_gate_in_per_cent_is_no_fee_we_can_name(costs: dict[str, Any], known: bool) -> None:
    answers = {"publicWalletGetCurrencyChains": [CHAIN], "privateWalletGetWithdrawStatus": [COSTS | costs]}
    funds, _ = funds_of("gate", answers)
    if not known:
        with pytest.raises(Unavailable):
            await funds.terms(USDT, "ETH")
        return
    terms = await funds.terms(USDT, "ETH")
    assert (terms.deposits, terms.withdrawals, terms.fee, terms.places) == (False, True, Decimal(4), 6)


async def test_an_address_that_gate_has_not_made_yet_is_waited_for() -> None:
    row = {"chain": "ETH", "address": "", "payment_id": "", "obtain_failed": 1}
    answers = {
        "publicWalletGetCurrencyChains": [CHAIN],
        "privateWalletGetDepositAddress": {"currency": "USDT", "multichain_addresses": [row]},
    }
    funds, _ = funds_of("gate", answers)
    with pytest.raises(Unavailable):
        await funds.deposit_address(USDT, "ETH")


async def test_a_venue_with_one_wallet_moves_nothing_between_two() -> None:
    funds, _ = funds_of("gate", {})
    assert not funds.two_wallets
    for move in (funds.to_trading, funds.to_funding):
        with pytest.raises(Refused, match="one_wallet"):
            await move(USDT, Decimal(1), "mmt1")
