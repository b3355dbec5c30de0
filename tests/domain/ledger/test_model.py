"""Double entry: what can be said at all, and what it adds up to."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import AssetId, RunId, UserId, VenueAccountName
from domain.ledger.model import (
    SIDE_OF,
    UNGUARDED,
    Account,
    AccountKind,
    Balance,
    Cause,
    Hold,
    Posting,
    Side,
    Transfer,
    available,
    mixin,
    net_of,
    own,
    pending,
    run,
    venue,
)
from domain.money import Coin, Token

USDT, BTC = Coin("USDT"), Coin("BTC")
ALICE, BINANCE = UserId("alice"), VenueAccountName("binance-1")
WALLET = mixin(Token(AssetId("asset-1"), USDT, "Ethereum"))
PURSE = available(ALICE, USDT)
ACCOUNTS = [
    WALLET,
    PURSE,
    venue(BINANCE, USDT),
    run(RunId("run-1"), BINANCE, USDT),
    own(AccountKind.FEES, USDT),
    own(AccountKind.EXTERNAL, USDT),
]

amounts = st.decimals("1e-18", "1e12", places=18)
postings = st.builds(
    lambda pair, amount: Posting(pair[0], pair[1], amount),
    st.permutations(ACCOUNTS).map(lambda shuffled: (shuffled[0], shuffled[1])),
    amounts,
)
transfers = st.builds(
    lambda number, moved: Transfer(Cause("test", str(number)), tuple(moved)),
    st.integers(),
    st.lists(postings, min_size=1, max_size=5),
)


@given(st.lists(transfers, max_size=5))
def test_what_we_hold_is_what_we_owe_and_own(posted: list[Transfer]) -> None:
    sides = {side: Decimal(0) for side in Side}
    for account in ACCOUNTS:
        sides[account.side] += net_of(posted, account)
    assert sides[Side.ASSET] == sides[Side.OWED] + sides[Side.OWN]


def test_deposit_grows_the_wallet_and_the_purse() -> None:
    deposit = Transfer(Cause("deposit", "1"), (Posting(WALLET, PURSE, Decimal(5)),))
    assert net_of([deposit], WALLET) == 5
    assert net_of([deposit], PURSE) == 5
    assert net_of([deposit], venue(BINANCE, USDT)) == 0


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity"])
def test_posting_moves_a_positive_number(amount: str) -> None:
    with pytest.raises(ValueError, match="positive amount"):
        Posting(WALLET, PURSE, Decimal(amount))


def test_posting_stays_within_a_coin_and_leaves_its_account() -> None:
    with pytest.raises(ValueError, match="one coin"):
        Posting(WALLET, available(ALICE, BTC), Decimal(1))
    with pytest.raises(ValueError, match="two accounts"):
        Posting(PURSE, PURSE, Decimal(1))


def test_transfer_has_a_posting() -> None:
    with pytest.raises(ValueError, match="deposit:1 has no posting"):
        Transfer(Cause("deposit", "1"), ())


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity"])
def test_hold_promises_a_positive_number(amount: str) -> None:
    with pytest.raises(ValueError, match="positive amount"):
        Hold(Cause("order", "1"), PURSE, Decimal(amount))
    assert Hold(Cause("order", "1"), PURSE, Decimal("1e-18")).amount > 0


def test_fingerprint_tells_contents_apart_and_notations_not() -> None:
    def printed(amount: str, source: Account = WALLET, number: str = "1") -> str:
        return Transfer(Cause("deposit", number), (Posting(source, PURSE, Decimal(amount)),)).fingerprint

    assert printed("5") == printed("5.000") == printed("0.5E1")
    others = [printed("6"), printed("5", venue(BINANCE, USDT)), printed("5", number="2")]
    assert len({printed("5"), *others}) == 4


def test_accounts_are_named_and_have_sides() -> None:
    assert [str(account) for account in ACCOUNTS] == [
        "mixin:asset-1:USDT",
        "available:alice:USDT",
        "venue:binance-1:USDT",
        "run:run-1:binance-1:USDT",
        "fees:USDT",
        "external:USDT",
    ]
    assert set(SIDE_OF) == set(AccountKind)
    assert set(UNGUARDED) < {kind for kind, side in SIDE_OF.items() if side is Side.OWN}


def test_each_account_says_whose_and_where_it_is() -> None:
    token = Token(AssetId("asset-1"), USDT, "Ethereum")
    assert mixin(token) == Account(AccountKind.MIXIN, "asset-1", USDT, "")
    assert venue(BINANCE, BTC) == Account(AccountKind.VENUE, "binance-1", BTC, "")
    assert available(ALICE, BTC) == Account(AccountKind.AVAILABLE, "alice", BTC, "")
    assert pending(ALICE, BTC) == Account(AccountKind.PENDING, "alice", BTC, "")
    assert run(RunId("run-1"), BINANCE, BTC) == Account(AccountKind.RUN, "run-1", BTC, "binance-1")
    assert own(AccountKind.FEES, BTC) == Account(AccountKind.FEES, "", BTC, "")


def test_own_account_belongs_to_the_instance() -> None:
    with pytest.raises(AssertionError):
        own(AccountKind.AVAILABLE, USDT)


def test_balance_is_free_as_far_as_it_is_not_promised() -> None:
    assert Balance(Decimal(10), Decimal(4)).free == 6
