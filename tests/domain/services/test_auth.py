"""Who may do what, asked on a real database; what was done is written down once, what was refused never."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from adapters.db.auth import PostgresAudit, PostgresOwnerCodes, PostgresRoles
from adapters.db.confirmations import PostgresConfirmations
from adapters.db.store import PostgresStore
from adapters.db.users import PostgresUsers
from adapters.ids import RandomIds
from domain.errors import InvariantBroken, Refused
from domain.ids import UserId
from domain.ports.users import User
from domain.roles import PERMISSIONS, Permission, Role, may
from domain.services.auth import LONGEST_SHOWN, AuthService
from domain.services.confirmations import ConfirmationService, hash_of_params
from domain.services.ownership import MOST_TRIES, MOST_TRIES_OF_ALL, OwnershipService, code_from, compared
from domain.services.roles import RoleOrder, RoleService
from tests.fakes.clock import FakeClock
from tests.fakes.crash import Crashing, Fuse, SimulatedCrash
from tests.fakes.notices import TableNotices
from tests.fakes.roles import make_owner

OLGA, ADA, BOB = (UserId(f"0c2f7b6e-0000-4000-8000-00000000000{n}") for n in "123")


@dataclass
class Process:
    """One life of our side."""

    auth: AuthService
    ownership: OwnershipService
    roles: RoleService


@dataclass
class World:
    """A database and a clock."""

    store: PostgresStore
    clock: FakeClock = field(default_factory=FakeClock)

    def process(self, fuse: Fuse | None = None) -> Process:
        """Start a process; with a fuse, every port of it has one."""

        def port(real: Any) -> Any:
            return Crashing(real, fuse) if fuse else real

        store, roles = port(self.store), port(PostgresRoles(self.store))
        auth = AuthService(roles, port(PostgresAudit(self.store)), self.clock)
        confirmations = ConfirmationService(
            store, port(PostgresConfirmations(self.store)), self.clock, RandomIds()
        )
        return Process(
            auth,
            OwnershipService(
                store, roles, port(PostgresOwnerCodes(self.store)), auth, self.clock, RandomIds()
            ),
            RoleService(
                *(store, roles, port(PostgresUsers(self.store)), port(TableNotices(self.store))),
                *(auth, confirmations),
            ),
        )

    async def grant(self, user_id: UserId, cause: str = "message") -> None:
        """Let the owner make somebody an admin."""
        await self.change(OLGA, RoleOrder(user_id, Role.ADMIN), cause)

    async def change(self, by: UserId, order: RoleOrder, cause: str = "message") -> None:
        """Let somebody change a role in both steps."""
        roles = self.process().roles
        await roles.change(by, order, await roles.prepare(by, order), cause)

    async def acts(self) -> list[str]:
        """Return all audited acts, oldest first."""
        return [act.action for act in (await PostgresAudit(self.store).latest(1000))[::-1]]


@pytest.fixture
async def bare(store: PostgresStore) -> World:
    """Give a world without an owner."""
    return World(store)


@pytest.fixture
async def world(bare: World) -> World:
    """Give a world in which Olga is the owner and everybody has written before."""
    await make_owner(bare.store, OLGA)
    for user_id in (OLGA, ADA, BOB):
        await PostgresUsers(bare.store).ensure(User(user_id, "en"))
    return bare


async def refusal(use_case: Awaitable[object]) -> str:
    """Return the code of the refusal."""
    with pytest.raises(Refused) as refused:
        await use_case
    return refused.value.code


# permissions


def test_each_role_may_all_that_the_one_below_it_may() -> None:
    assert all(PERMISSIONS[lower] < PERMISSIONS[higher] for lower, higher in pairwise(Role))
    assert PERMISSIONS[Role.OWNER] == frozenset(Permission)


@pytest.mark.parametrize("permission", ["", "everything", "fees", "FEES.SET", "fees.set "])
def test_what_is_not_listed_nobody_may(permission: str) -> None:
    assert not any(may(role, permission) for role in Role)


def test_admins_say_that_they_moved_coins_and_stop_what_is_begun_and_change_nothing_else() -> None:
    changing = {p for p in PERMISSIONS[Role.ADMIN] - PERMISSIONS[Role.USER] if not p.endswith(".read")}
    assert changing == {Permission.TRANSFERS_CONFIRM, Permission.FREEZES_SET}


async def test_require_reads_the_database_and_holds_at_once(world: World) -> None:
    auth = world.process().auth

    async def may_look() -> bool:
        async with world.store.transaction():
            try:
                await auth.require(ADA, Permission.AUDIT_READ)
            except Refused:
                return False
            return True

    assert not await may_look()
    await world.grant(ADA)
    assert await may_look()
    await world.change(OLGA, RoleOrder(ADA, Role.USER))
    assert not await may_look()


async def test_outside_a_transaction_nobody_is_asked(world: World) -> None:
    with pytest.raises(InvariantBroken, match="outside_transaction"):
        await world.process().auth.act(OLGA, Permission.FEES_SET, {}, "message")
    assert await world.acts() == ["owner.claim"]


async def test_act_is_written_down_with_a_hash_of_all_of_it(world: World) -> None:
    params = {"bps": "5", "note": "x" * 1000}
    async with world.store.transaction():
        await world.process().auth.act(OLGA, Permission.FEES_SET, params, "message-7")
    [act] = await PostgresAudit(world.store).latest(1)
    assert (act.who, act.action, act.cause, act.at) == (OLGA, "fees.set", "message-7", world.clock.now())
    assert act.params == {"bps": "5", "note": "x" * LONGEST_SHOWN}
    assert act.params_hash == hash_of_params(params)


async def test_effect_that_fails_leaves_no_audit(world: World) -> None:
    async def effect() -> None:
        async with world.store.transaction():
            await world.process().auth.act(OLGA, Permission.FEES_SET, {}, "message")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await effect()
    assert await world.acts() == ["owner.claim"]


# the first owner


async def test_code_makes_its_first_sender_the_owner_and_nobody_else(bare: World) -> None:
    at = bare.process()
    code = await at.ownership.issue()
    assert code
    claimed = await at.ownership.claim(OLGA, code.lower().replace("-", " "), "m1")
    assert claimed.accepted
    assert await at.auth.role_of(OLGA) is Role.OWNER
    assert await refusal(at.ownership.claim(BOB, code, "m2")) == "owner_exists"
    assert await refusal(at.ownership.claim(OLGA, code, "m3")) == "owner_exists"
    assert await bare.process().ownership.issue() is None
    [act] = await PostgresAudit(bare.store).latest(10)
    assert (act.who, act.action, act.cause) == (OLGA, "owner.claim", "m1")
    assert act.params == {"user_id": OLGA, "role": "owner"}


async def test_code_is_stored_as_a_hash_only(bare: World) -> None:
    code = await bare.process().ownership.issue()
    assert code
    rows = await bare.store.fetch("SELECT to_jsonb(c)::text AS row FROM owner_codes c")
    assert not any(code in row["row"] or compared(code) in row["row"] for row in rows)


async def test_code_ends_after_a_day_and_with_the_next_one(bare: World) -> None:
    first = await bare.process().ownership.issue()
    second = await bare.process().ownership.issue()
    assert first
    assert second
    assert first != second
    at = bare.process().ownership
    assert not (await at.claim(OLGA, first, "m1")).accepted
    bare.clock.advance(timedelta(hours=24).total_seconds())
    assert await refusal(at.claim(OLGA, second, "m2")) == "owner_code_expired"
    third = await at.issue()
    assert third
    assert (await at.claim(OLGA, third, "m3")).accepted


async def test_without_a_code_there_is_nothing_to_claim(bare: World) -> None:
    assert await refusal(bare.process().ownership.claim(OLGA, "", "m1")) == "owner_code_expired"


async def test_nonsense_is_a_wrong_code(bare: World) -> None:
    at = bare.process().ownership
    await at.issue()
    for typed in ("", "-", "x" * 100_000, "\x00", "／claim", "😀", "А" * 16, "'; DROP TABLE"):
        assert not (await at.claim(UserId(f"guesser of {typed[:9]!r}"), typed, "m")).accepted


async def test_five_wrong_codes_an_hour_then_not_even_the_right_one(bare: World) -> None:
    at = bare.process().ownership
    code = await at.issue()
    assert code
    left = [(await at.claim(BOB, f"wrong{n}", f"m{n}")).tries_left for n in range(MOST_TRIES)]
    assert left == [4, 3, 2, 1, 0]
    assert await refusal(at.claim(BOB, code, "m")) == "owner_code_tries"
    bare.clock.advance(3601)
    assert (await at.claim(BOB, code, "m")).accepted


async def test_many_who_guess_together_are_stopped_and_a_restart_begins_anew(bare: World) -> None:
    at = bare.process().ownership
    await at.issue()
    for n in range(MOST_TRIES_OF_ALL):
        await at.claim(UserId(f"guesser-{n}"), "wrong", f"m{n}")
    assert await refusal(at.claim(OLGA, "wrong", "m")) == "owner_code_tries"
    bare.clock.advance(1)
    code = await bare.process().ownership.issue()
    assert code
    assert (await at.claim(OLGA, code, "m")).accepted


async def test_two_who_send_the_code_at_once_are_one_owner(bare: World) -> None:
    at = bare.process().ownership
    code = await at.issue()
    assert code
    answers = await asyncio.gather(
        *(at.claim(user_id, code, f"m-{user_id}") for user_id in (OLGA, ADA, BOB)), return_exceptions=True
    )
    assert sum(not isinstance(answer, Refused) for answer in answers) == 1
    assert await bare.acts() == ["owner.claim"]


def test_code_can_be_typed_by_hand() -> None:
    code = code_from("a token of 192 bits")
    assert len(code) == 19
    assert compared(code) == code.replace("-", "")
    assert compared(" 0l8-I ") == "OLBI"


async def test_settings_make_the_first_owner_and_change_none(bare: World) -> None:
    at = bare.process().ownership
    assert await at.appoint(OLGA)
    assert await at.appoint(OLGA)
    assert not await at.appoint(BOB)
    assert await PostgresRoles(bare.store).owner() == OLGA
    [act] = await PostgresAudit(bare.store).latest(10)
    assert (act.who, act.cause, act.params) == ("", "settings", {"user_id": OLGA, "role": "owner"})


# admins


async def test_owner_makes_and_unmakes_an_admin_who_is_told(world: World) -> None:
    await world.grant(ADA, "m1")
    assert await world.process().roles.list(ADA) == {OLGA: Role.OWNER, ADA: Role.ADMIN}
    await world.change(OLGA, RoleOrder(ADA, Role.USER), "m2")
    assert await world.process().roles.list(OLGA) == {OLGA: Role.OWNER}
    assert await TableNotices(world.store).kinds(ADA) == ["you_are_admin", "you_are_user"]
    assert await world.acts() == ["owner.claim", "roles.change", "roles.change"]


IMPOSSIBLE = [
    (BOB, ADA, Role.ADMIN, "not_allowed"),
    (BOB, BOB, Role.ADMIN, "not_allowed"),
    (ADA, BOB, Role.ADMIN, "not_allowed"),
    (ADA, OLGA, Role.USER, "not_allowed"),
    (ADA, ADA, Role.USER, "not_allowed"),
    (OLGA, OLGA, Role.ADMIN, "role_own"),
    (OLGA, OLGA, Role.USER, "role_own"),
    (OLGA, ADA, Role.ADMIN, "role_unchanged"),
    (OLGA, BOB, Role.USER, "role_unchanged"),
    (OLGA, UserId("nobody we know"), Role.ADMIN, "person_unknown"),
]


async def test_other_orders_are_refused_in_both_steps(world: World) -> None:
    await world.grant(ADA)
    at = world.process().roles
    confirmations = ConfirmationService(
        world.store, PostgresConfirmations(world.store), world.clock, RandomIds()
    )
    for by, who, after, code in IMPOSSIBLE:
        order = RoleOrder(who, after)
        assert await refusal(at.prepare(by, order)) == code
        stolen = await confirmations.issue(by, "change_role", order.params)
        assert await refusal(at.change(by, order, stolen, "m")) == code
    assert await world.acts() == ["owner.claim", "roles.change"]


async def test_confirmation_is_for_this_change_by_this_person_once(world: World) -> None:
    at, order = world.process().roles, RoleOrder(ADA, Role.ADMIN)
    token = await at.prepare(OLGA, order)
    assert await refusal(at.change(OLGA, RoleOrder(BOB, Role.ADMIN), token, "m")) == "confirmation_unknown"
    assert await refusal(at.change(BOB, order, token, "m")) == "not_allowed"
    await at.change(OLGA, order, token, "m")
    assert await refusal(at.change(OLGA, order, token, "m")) == "confirmation_used"
    late = await at.prepare(OLGA, RoleOrder(BOB, Role.ADMIN))
    world.clock.advance(301)
    assert await refusal(at.change(OLGA, RoleOrder(BOB, Role.ADMIN), late, "m")) == "confirmation_expired"


async def test_list_and_audit_are_not_for_users(world: World) -> None:
    at = world.process()
    assert await refusal(at.roles.list(BOB)) == "not_allowed"

    async def latest() -> None:
        async with world.store.transaction():
            await at.auth.latest(BOB)

    assert await refusal(latest()) == "not_allowed"


async def test_crash_anywhere_leaves_role_audit_and_word_together(world: World) -> None:
    changed, fuse = 0, Fuse(1)
    while True:
        before = await PostgresRoles(world.store).role_of(ADA)
        order = RoleOrder(ADA, Role.USER if before is Role.ADMIN else Role.ADMIN)
        token = await world.process().roles.prepare(OLGA, order)
        with suppress(SimulatedCrash):
            await world.process(fuse).roles.change(OLGA, order, token, f"m{fuse.blow_at}")
        changed += await PostgresRoles(world.store).role_of(ADA) is order.after
        assert await world.acts() == ["owner.claim", *changed * ["roles.change"]]
        assert len(await TableNotices(world.store).kinds(ADA)) == changed
        if fuse.passed < fuse.blow_at:
            break
        fuse = Fuse(fuse.blow_at + 1)
    assert changed >= 2
    assert fuse.blow_at > 15
