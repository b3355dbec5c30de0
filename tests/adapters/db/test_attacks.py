"""T20: whatever direct SQL tries, the books stay whole: as the app, which has no right to most of it,
and as the owner of the tables, whom only triggers and constraints hold back.
"""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.db.fees import PostgresFees
from adapters.db.grants import Role
from adapters.db.ledger import PostgresLedger
from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, MrMarketError
from domain.ids import AssetId, RunId, UserId, VenueAccountName
from domain.ledger.model import (
    Account,
    AccountKind,
    Cause,
    Hold,
    Posting,
    Transfer,
    available,
    mixin,
    own,
    run,
    venue,
)
from domain.money import Coin, Token
from tests.adapters.db.attacks import ATTACKS, BY_ROLES_ALONE, PAYER, bare_transfer, fee

USDT, BTC = Coin("USDT"), Coin("BTC")
ALICE, BINANCE = UserId("alice"), VenueAccountName("binance-1")
DOLLARS = Token(AssetId("4d8c508b-91c5-375b-92b0-ee702ed2dac5"), USDT, "Ethereum")
PURSE, WALLET = available(ALICE, USDT), mixin(DOLLARS)

TABLES = "accounts account_kinds balances transfers postings holds state_edges venue_accounts inbox outbox"
TABLES += " audit role_changes owner_codes owner_tries fee_schedules service_fees runs"
WHO = ("", "alice", "ada", "bob", "mallory")


def move(kind: str, number: int, source: Account, destination: Account, amount: str) -> Transfer:
    return Transfer(Cause(kind, str(number)), (Posting(source, destination, Decimal(amount)),))


@pytest.fixture(params=[Role.APP, Role.MIGRATE])
async def store(
    url_of: Callable[[Role], str], request: pytest.FixtureRequest
) -> AsyncIterator[PostgresStore]:
    """Give a store for the role that attacks."""
    async with PostgresStore(url_of(request.param)) as store:
        yield store


@pytest.fixture
def as_app(request: pytest.FixtureRequest) -> bool:
    """Tell whether the app attacks, not the owner."""
    return bool(request.node.callspec.params["store"] is Role.APP)


@pytest.fixture
async def books(store: PostgresStore) -> PostgresLedger:
    """Give a ledger in which a little of everything has happened."""
    ledger = PostgresLedger(store)
    await ledger.post_all(
        [
            move("deposit", 1, WALLET, PURSE, "100"),
            move("opening", 1, venue(BINANCE, USDT), own(AccountKind.INVENTORY, USDT), "40"),
            move("opening", 2, venue(BINANCE, BTC), own(AccountKind.INVENTORY, BTC), "1"),
            move("start", 1, PURSE, run(RunId("run-1"), BINANCE, USDT), "20"),
            move("dust", 1, own(AccountKind.ROUNDING, USDT), PURSE, "0.000000000000000001"),
        ]
    )
    await ledger.hold_all([Hold(Cause("order", owner), PURSE, Decimal(5)) for owner in ("1", "ended")])
    await ledger.hold(Hold(Cause("order", "large"), PURSE, Decimal(45)))
    await ledger.use_hold(Cause("order", "1"), Decimal(1))
    await ledger.release(Cause("order", "ended"))
    await store.execute("INSERT INTO venue_accounts (name, venue) VALUES ('binance-1', 'binance')")
    await store.execute("INSERT INTO outbox (user_id, kind, cause, params) VALUES ('alice', 'k', '1', '{}')")
    await store.execute(
        "INSERT INTO inbox (user_id, conversation_id, message_id, representative_id, kind, body, sent_at, "
        "received_at) VALUES ('alice', 'c', 'm', '', 'message', 'b', now(), now())"
    )
    await store.execute("UPDATE inbox SET state = 'done', ended_at = now()")
    await _people_of_rank(store)
    await _a_run_that_pays(store, ledger)
    return ledger


async def _a_run_that_pays(store: PostgresStore, ledger: PostgresLedger) -> None:
    """Let a run of version 1 have a fill that paid its fee; another fill was free, as if it had none."""
    await store.execute("INSERT INTO users (user_id) VALUES ($1)", PAYER)
    announced = "INSERT INTO fee_schedules VALUES ($1, 50, 10, $2, now() + $3, now(), 'settings')"
    await store.execute(announced, 1, 10, timedelta())
    await store.execute(announced, 2, 20, timedelta(hours=25))
    for run_id, version in (("run-1", 1), ("run-0", 0)):
        await store.execute(
            "INSERT INTO runs (id, user_id, number, account, base, quote, strategy, preset, config_version, "
            "state, base_start, quote_start, started_at, fee_version) "
            "VALUES ($1, $3, $2 + 1, 'binance-1', 'BTC', 'USDT', 's', '', 1, 'running', 1, 1, now(), $2)",
            *(run_id, version, PAYER),
        )
    there, mine, theirs = venue(BINANCE, BTC), *(run(RunId(f"run-{n}"), BINANCE, BTC) for n in (1, 0))
    brings = move("fill", 1, there, mine, "0.5").postings
    pays = move("fill", 1, mine, own(AccountKind.FEES, BTC), "0.0005").postings
    async with store.transaction():
        await ledger.post(Transfer(Cause("fill", "paid"), (*brings, *pays)))
        await store.execute(fee("fill", "paid", "0.5", "0.0005"))
    await ledger.post(Transfer(Cause("fill", "free"), move("fill", 2, there, theirs, "0.5").postings))


async def _people_of_rank(store: PostgresStore) -> None:
    """Let alice be owner and ada admin, and have everybody act, a code issued and tried."""
    for who, action in (("alice", "first"), ("alice", "second"), *((w, "planted") for w in WHO)):
        await store.execute(
            "INSERT INTO audit (who, action, params, params_hash, cause, at) "
            "VALUES ($1, $2, '{}', repeat('0', 64), 'c', now())",
            *(who, action),
        )
    for person, action, role in (("alice", "first", "owner"), ("ada", "second", "admin")):
        await store.execute(
            "INSERT INTO role_changes (user_id, from_role, to_role, audit) "
            "SELECT $1, 'user', $3, number FROM audit WHERE action = $2",
            *(person, action, role),
        )
    await store.execute(
        "INSERT INTO owner_codes (code_hash, issued_at, expires_at) "
        "VALUES (repeat('0', 64), now(), now() + interval '1 hour')"
    )
    await store.execute("INSERT INTO owner_tries (user_id, at) VALUES ('mallory', now())")


async def everything(store: PostgresStore) -> list[object]:
    """Return the contents of all tables that an attack could change."""
    return [
        await store.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} t ORDER BY 1")  # noqa: S608 - names above
        for table in TABLES.split()
    ]


async def answer_to(store: PostgresStore, attack: str) -> str:
    """Return the code of the refusal; nothing when there was none."""
    try:
        await store.execute(attack)
    except MrMarketError as error:
        return error.code
    return ""


async def test_every_attack_is_refused_and_changes_nothing(
    store: PostgresStore, books: PostgresLedger, as_app: bool
) -> None:
    before = await everything(store)
    attacks = ATTACKS | BY_ROLES_ALONE if as_app else ATTACKS
    answers = {name: await answer_to(store, attack) for name, attack in attacks.items()}
    assert [name for name, code in answers.items() if not code] == []
    assert {code for name, code in answers.items() if name in BY_ROLES_ALONE} <= {"store_refused"}
    assert await everything(store) == before
    assert await books.faults() == []
    assert await PostgresFees(store).faults() == []
    assert len(ATTACKS) >= 170
    assert len(BY_ROLES_ALONE) >= 50


async def test_transfer_left_empty_in_a_savepoint_fails_the_commit(
    store: PostgresStore, books: PostgresLedger, as_app: bool
) -> None:
    async def attack() -> None:
        async with store.transaction():
            async with store.transaction():
                await store.execute(bare_transfer("attack", "1", 1))
            await books.post(move("deposit", 2, WALLET, PURSE, "1"))

    before = await everything(store)
    with pytest.raises(InvariantBroken, match="store_refused" if as_app else "transfer_incomplete"):
        await attack()
    assert await everything(store) == before


async def test_a_fee_noted_of_more_or_for_another_than_its_posting_is_refused(
    store: PostgresStore, books: PostgresLedger
) -> None:
    """Post and note in one commit, as the program does, but not the same."""
    mine, fees = run(RunId("run-1"), BINANCE, BTC), own(AccountKind.FEES, BTC)

    async def book(number: int, brought: str, paid: str, noted: str) -> None:
        cause = Cause("fill", f"x{number}")
        postings = [*move("", 0, venue(BINANCE, BTC), mine, brought).postings]
        postings += move("", 0, mine, fees, paid).postings
        async with store.transaction():
            await books.post(Transfer(cause, tuple(postings)))
            await store.execute(noted)

    before = await everything(store)
    for number, (brought, paid, noted) in enumerate(
        [
            ("0.2", "0.0005", fee("fill", "x0", "0.2", "0.0002")),  # more is taken than noted
            ("0.2", "0.0001", fee("fill", "x1", "0.2", "0.0002")),
            ("0.2", "0.0002", fee("fill", "x2", "0.1", "0.0001")),  # of less than came in
            ("0.2", "0.0002", fee("fill", "x3", "0.2", "0.0002", run="run-0", version="0")),
        ]
    ):
        with pytest.raises(InvariantBroken):
            await book(number, brought, paid, noted)
    assert await everything(store) == before
    await book(4, "0.2", "0.0002", fee("fill", "x4", "0.2", "0.0002"))
    assert await PostgresFees(store).faults() == []


async def test_what_was_collected_and_not_noted_or_forgotten_is_a_fault(
    store: PostgresStore, books: PostgresLedger
) -> None:
    mine = run(RunId("run-1"), BINANCE, BTC)
    [brings] = move("", 0, venue(BINANCE, BTC), mine, "0.2").postings
    [pays] = move("", 0, mine, own(AccountKind.FEES, BTC), "0.0002").postings
    await books.post(Transfer(Cause("fill", "forgotten"), (brings,)))
    await books.post(Transfer(Cause("fill", "unnoted"), (brings, pays)))
    assert await books.faults() == []
    found = {(fault.rule, fault.subject) for fault in await PostgresFees(store).faults()}
    assert found == {("FE1", "fill:unnoted:BTC"), ("FE2", "forgotten:BTC")}


async def test_posting_added_later_in_the_same_transaction_is_refused(
    store: PostgresStore, books: PostgresLedger, as_app: bool
) -> None:
    async def attack() -> None:
        async with store.transaction():
            await books.post(move("deposit", 2, WALLET, PURSE, "1"))
            await store.execute(
                "INSERT INTO postings SELECT transfer_id, 2, source_id, destination_id, amount "
                "FROM postings ORDER BY transfer_id DESC LIMIT 1"
            )

    with pytest.raises(InvariantBroken, match="store_refused" if as_app else "transfer_incomplete"):
        await attack()
