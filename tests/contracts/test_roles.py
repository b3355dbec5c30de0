"""What roles, audit and codes promise, on the fake and on the real thing."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from adapters.db.auth import PostgresAudit, PostgresOwnerCodes, PostgresRoles
from adapters.db.store import PostgresStore
from domain.errors import InvariantBroken, Refused
from domain.ids import UserId
from domain.ports.audit import Audited, AuditStore
from domain.ports.roles import OwnerCode, OwnerCodes, RoleChange, RoleStore, Tries
from domain.roles import Role
from tests.fakes.chat import FakeTransactions
from tests.fakes.roles import FakeAudit, FakeOwnerCodes, FakeRoles

BACKENDS = ["fake", "postgres"]
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ALICE, ADA, BOB = UserId("alice"), UserId("ada"), UserId("bob")


class Transactions(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[None]: ...


@dataclass
class Stores:
    """The stores of one backend, empty."""

    roles: RoleStore
    audit: AuditStore
    codes: OwnerCodes
    transactions: Transactions

    async def change(self, by: UserId, who: UserId, before: Role, after: Role) -> str:
        """Change a role as somebody; return the code of the refusal, nothing when there was none."""
        try:
            async with self.transactions.transaction():
                act = Audited(by, "roles.change", {}, "0" * 64, "test", NOW)
                await self.roles.change(RoleChange(who, before, after, await self.audit.add(act)))
        except (Refused, InvariantBroken) as error:
            return error.code
        return ""


@pytest.fixture
def fake_stores() -> Stores:
    audit, codes, transactions = FakeAudit(), FakeOwnerCodes(), FakeTransactions()
    roles = FakeRoles(transactions, audit)
    transactions.tables += [audit, codes, roles]
    return Stores(roles, audit, codes, transactions)


@pytest.fixture
def postgres_stores(store: PostgresStore) -> Stores:
    return Stores(PostgresRoles(store), PostgresAudit(store), PostgresOwnerCodes(store), store)


@pytest.fixture(params=BACKENDS)
def stores(request: pytest.FixtureRequest) -> Stores:
    made: Stores = request.getfixturevalue(f"{request.param}_stores")
    return made


async def test_everybody_is_a_user_until_somebody_is_more(stores: Stores) -> None:
    assert await stores.roles.role_of(ALICE) is Role.USER
    assert await stores.roles.owner() is None
    assert await stores.roles.privileged() == {}


async def test_first_owner_makes_and_unmakes_admins(stores: Stores) -> None:
    assert await stores.change(ALICE, ALICE, Role.USER, Role.OWNER) == ""
    assert await stores.change(ALICE, ADA, Role.USER, Role.ADMIN) == ""
    assert await stores.change(ALICE, BOB, Role.USER, Role.ADMIN) == ""
    assert await stores.change(ALICE, BOB, Role.ADMIN, Role.USER) == ""
    assert await stores.roles.owner() == ALICE
    assert [await stores.roles.role_of(who) for who in (ALICE, ADA, BOB)] == [*Role][::-1]
    assert list((await stores.roles.privileged()).items()) == [(ALICE, Role.OWNER), (ADA, Role.ADMIN)]
    assert len(await stores.audit.latest(10)) == 4


IMPOSSIBLE = [
    (BOB, BOB, Role.USER, Role.OWNER, "owner_exists"),
    (ALICE, BOB, Role.USER, Role.OWNER, "owner_exists"),
    (BOB, BOB, Role.USER, Role.ADMIN, "not_allowed"),
    (ADA, BOB, Role.USER, Role.ADMIN, "not_allowed"),
    (ADA, ADA, Role.ADMIN, Role.USER, "not_allowed"),
    (UserId(""), BOB, Role.USER, Role.ADMIN, "not_allowed"),
    (ALICE, BOB, Role.ADMIN, Role.USER, "change_refused"),
    (ALICE, ADA, Role.USER, Role.ADMIN, "change_refused"),
    (ALICE, BOB, Role.USER, Role.USER, "store_refused"),
]


async def test_every_other_change_is_refused_and_leaves_nothing(stores: Stores) -> None:
    await stores.change(ALICE, ALICE, Role.USER, Role.OWNER)
    await stores.change(ALICE, ADA, Role.USER, Role.ADMIN)
    answers = [await stores.change(by, who, before, after) for by, who, before, after, _ in IMPOSSIBLE]
    assert answers == [code for *_, code in IMPOSSIBLE]
    for by in (ALICE, ADA, BOB):
        for after in Role:
            assert await stores.change(by, ALICE, Role.OWNER, after), "nothing leads away from owner"
    assert list((await stores.roles.privileged()).items()) == [(ALICE, Role.OWNER), (ADA, Role.ADMIN)]
    assert len(await stores.audit.latest(10)) == 2


async def test_roles_are_kept_in_a_transaction_only(stores: Stores) -> None:
    with pytest.raises(InvariantBroken, match="outside_transaction"):
        await stores.roles.keep()
    async with stores.transactions.transaction():
        await stores.roles.keep()
        await stores.roles.keep(alone=True)


async def test_audit_gives_back_what_was_written_newest_first(stores: Stores) -> None:
    acts = [
        Audited(who, "fees.set", {"bps": "5 %", "note": 'a "b"\n余额'}, f"{number:064x}", f"m{number}", NOW)
        for number, who in enumerate((ALICE, UserId(""), BOB))
    ]
    async with stores.transactions.transaction():
        numbers = [await stores.audit.add(act) for act in acts]
    assert numbers == sorted(set(numbers))
    assert list(await stores.audit.latest(2)) == acts[:0:-1]


async def test_only_the_newest_code_counts_and_tries_are_counted(stores: Stores) -> None:
    assert await stores.codes.newest() is None
    codes = [OwnerCode(f"{n:064x}", NOW, NOW + timedelta(hours=24)) for n in range(2)]
    for code in codes:
        await stores.codes.add(code)
    assert await stores.codes.newest() == codes[1]
    for minute, who in enumerate((ALICE, ALICE, BOB)):
        await stores.codes.add_try(who, NOW + timedelta(minutes=minute))
    assert await stores.codes.tries(ALICE, NOW) == Tries(2, 3)
    assert await stores.codes.tries(ALICE, NOW + timedelta(minutes=1)) == Tries(1, 2)
    assert await stores.codes.tries(ADA, NOW + timedelta(minutes=3)) == Tries(0, 0)


async def test_role_is_not_changed_while_somebody_keeps_it(store: PostgresStore) -> None:
    stores = Stores(PostgresRoles(store), PostgresAudit(store), PostgresOwnerCodes(store), store)
    await stores.change(ALICE, ALICE, Role.USER, Role.OWNER)
    await stores.change(ALICE, ADA, Role.USER, Role.ADMIN)
    kept, order = asyncio.Event(), list[str]()

    async def act() -> None:
        async with store.transaction():
            await stores.roles.keep()
            kept.set()
            await asyncio.sleep(0.2)
            order.append(f"acted as {await stores.roles.role_of(ADA)}")

    async def revoke() -> None:
        await kept.wait()
        await stores.change(ALICE, ADA, Role.ADMIN, Role.USER)
        order.append(f"revoked to {await stores.roles.role_of(ADA)}")

    await asyncio.gather(act(), revoke())
    assert order == ["acted as admin", "revoked to user"]


async def test_of_two_first_owners_one_is_refused(store: PostgresStore) -> None:
    stores = Stores(PostgresRoles(store), PostgresAudit(store), PostgresOwnerCodes(store), store)
    answers = await asyncio.gather(
        *(stores.change(UserId(f"u{n}"), UserId(f"u{n}"), Role.USER, Role.OWNER) for n in range(6))
    )
    assert sorted(answers) == ["", *5 * ["owner_exists"]]
    assert len(await stores.roles.privileged()) == 1
