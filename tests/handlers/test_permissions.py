"""T15 for the chat: every command for every role and with ids of others; one audit for each act."""

import copy
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.ids import AssetId, TransferId, UserId, VenueAccountName
from domain.leases import Scope
from domain.payouts.onward import ChainAddress
from domain.ports.kept import KeptGroup
from domain.reconciliation.model import Line, Round
from domain.roles import PERMISSIONS, Permission, Role, may
from domain.treasury.addresses import AddressEntry, AddressState
from domain.treasury.model import MAY_DECIDE, Direction, TransferState, TreasuryTransfer
from handlers.wiring import ROUTER
from tests.handlers.world import USDT, World

OLGA, ADA, BOB, ALICE = (f"0c2f7b6e-0000-4000-8000-00000000000{n}" for n in "1234")
WHO = {"stranger": "0c2f7b6e-0000-4000-8000-000000000009", "user": BOB, "admin": ADA, "owner": OLGA}
SHINY = AssetId("5417e000-0000-4000-8000-000000000001")
ROUTES = list(ROUTER.routes())
COMMANDS = {(route.command, route.handler.__name__): route for route in ROUTES if route.command}
REFUSED = "You may not do that"

CHANGES = {
    Permission.ROLES_CHANGE: (f"/role grant {ALICE} admin", "Confirm"),
    Permission.RUNS_STOP_ALL: ("/stopall", "Confirm"),
    Permission.CLOSING_SET: ("/close", "Confirm"),
    Permission.HALTS_LIFT: ("/unhalt binance-1", "Confirm"),
    Permission.FREEZES_SET: (f"/freeze {ALICE}", "Confirm"),
    Permission.FREEZES_LIFT: ("/unfreeze wallet", "Confirm"),
    Permission.SUSPENSE_RETURN: (f"/sendback {SHINY}", "Confirm"),
    Permission.FEES_SET: ("/setfees trading 20", "Confirm"),
    Permission.FEES_TAKE: (f"/takefees {USDT.asset_id} 0.5", "Confirm"),
    Permission.TRANSFERS_CONFIRM: ("/moved transfer-1", "Confirm"),
    Permission.TRANSFERS_DECIDE: ("/move resend transfer-2", "Confirm"),
    Permission.ADDRESSES_APPROVE: ("/approve address-1", "Confirm"),
    Permission.RECONCILE_SETTLE: ("/settle venue:binance-1 USDT", "Confirm"),
}
"""How each privileged change is made by chat: what is said, then the button that is tapped."""

ACTORS = Path(__file__).parents[2] / "docs" / "actors.md"


@pytest.fixture
async def world() -> World:
    """Give an instance with an owner, an admin, and two users of whom Alice has a little of everything."""
    world = World()
    world.trade(BTC_USDT="60000")
    for user_id, role in ((OLGA, Role.OWNER), (ADA, Role.ADMIN)):
        world.roles.plant(user_id, role)
    world.accounts.add("binance-1", "fill_vanished", world.clock.now())
    world.freezes.add("wallet", "spent_elsewhere:id-7", world.clock.now())
    world.kept.rows.append(KeptGroup(UserId(BOB), SHINY, "asset_unknown", False, Decimal(7), 2))
    alice = world.person(ALICE, USDT="5000", BTC="0.777")
    for said in ("/new", "BTC/USDT", "calm", "0.1", "1000", "yes", "/withdraw", "USDT", "123.456", "yes"):
        await alice.says(said)
    await world.ledger.earn(USDT, "1")
    world.clock.advance(seconds=60)
    for said in ("/deposit", "USDT", "654.321", "/withdraw", "USDT", "77.7"):
        await alice.says(said)
    for user_id in (OLGA, ADA, BOB):
        await world.person(user_id).says("hi")
    plan(world)
    await differ(world)
    assert (len(world.runs.rows), len(world.payouts.rows), len(world.intents.rows)) == (1, 1, 1)
    world.clock.advance(seconds=60)
    return world


async def differ(world: World) -> None:
    """Let a venue account have been seen to hold more than the books say, for long enough."""
    now = world.clock.now() + timedelta(seconds=60)
    more = Line(USDT.coin, Decimal(5), Decimal(7), since=now - timedelta(seconds=60))
    await world.rounds.add(Round(Scope("venue:binance-1"), now, (more,)))


def plan(world: World) -> None:
    """Let a withdrawal be asked for by hand, another be without an answer, and an address be proposed."""
    now, to = world.clock.now(), ChainAddress("ETH", "0xabc")
    asked = TreasuryTransfer(
        TransferId("transfer-1"), Direction.TO_MIXIN, VenueAccountName("binance-1"), USDT, Decimal(100),
        Decimal(1), USDT.asset_id, to, canary=False, by_hand=True, client_id="mmk1",
        state=TransferState.HELD, created_at=now, due_at=now,
    )  # fmt: skip
    unanswered = replace(
        asked, id=TransferId("transfer-2"), by_hand=False, state=TransferState.UNKNOWN, reason=MAY_DECIDE
    )
    world.transfers.rows.transfers |= {each.id: each for each in (asked, unanswered)}
    entry = AddressEntry("address-1", "mixin", USDT.coin, "Ethereum", to, AddressState.PROPOSED, now)
    world.transfers.rows.entries[entry.id] = entry


def stored(world: World, *but: object) -> dict[str, Any]:
    """Return everything that is stored, without what the framework notes about the chat itself."""
    chat = (world.inbox, world.outbox, world.users, *but)
    return {
        type(table).__name__: copy.deepcopy(table.rows) for table in world.store.tables if table not in chat
    }


async def says(world: World, user_id: str, text: str) -> str:
    """Have somebody say something, as slowly as people speak; forget it, since transactions copy all."""
    world.clock.advance(seconds=1)
    answer = await world.person(user_id).says(text)
    for table in (world.inbox.rows, world.outbox.rows, world.messenger.shown):
        table.clear()
    return answer


def test_every_route_names_a_permission_that_somebody_has() -> None:
    assert [route.handler.__name__ for route in ROUTES if not may(Role.OWNER, route.permission)] == []


async def test_command_is_for_those_whose_permission_it_names(world: World) -> None:
    for route in COMMANDS.values():
        for name, user_id in WHO.items():
            role = Role(name) if name != "stranger" else Role.USER
            text = f"{route.command} x" if "payload" in route.gives else route.command
            answer = await says(world, user_id, text)
            assert answer
            assert (REFUSED in answer) == (not may(role, route.permission)), (text, name, answer)


@pytest.mark.parametrize("language", ["en", "中文"])
async def test_whoami_names_every_command_that_a_role_adds(world: World, language: str) -> None:
    for user_id, role in ((ADA, Role.ADMIN), (OLGA, Role.OWNER)):
        await says(world, user_id, f"/language {language}")
        added = {route.command for route in ROUTES if may(role, route.permission)} - {
            route.command for route in ROUTES if may(Role.USER, route.permission)
        }
        answer = await says(world, user_id, "/whoami")
        assert set(re.findall("/[a-z]+", answer)) >= added


async def test_ids_of_another_person_find_nothing(world: World) -> None:
    """Whatever of Alice's is named, Bob and the owner see nothing of hers and change nothing of hers."""
    [run], [payout], [intent] = world.runs.rows, world.payouts.rows, world.intents.rows
    hers = (ALICE, f"@{ALICE}", "1", "#1", run.id, payout.id, intent.id, "all", f"cancel {payout.id}")
    tokens = ("ToKeN_1", "ToKeN_2", "ToKeN_3")
    secrets = ("5000", "3876", "123.456", "654.321", "77.7", "0.777", payout.id, intent.id, run.id)
    before = stored(world, world.conversations, world.confirmations)
    place = world.conversations.rows[ALICE]
    for command, _ in COMMANDS:
        for user_id in (BOB, OLGA):
            for words in (*hers, *tokens):
                answer = (await says(world, user_id, f"{command} {words}")).replace(words.split()[-1], "")
                assert not [secret for secret in secrets if secret in answer], (command, words, answer)
        assert stored(world, world.conversations, world.confirmations) == before, command
    assert world.conversations.rows[ALICE] == place


def test_each_privileged_change_is_known_here() -> None:
    everybodys = PERMISSIONS[Role.USER]
    changing = {Permission(route.permission) for route in ROUTES if route.permission not in everybodys} - {
        permission for permission in Permission if permission.endswith(".read")
    }
    assert changing == CHANGES.keys(), "say in CHANGES above how it is done, or its audit is not tested"


@pytest.mark.parametrize("permission", CHANGES)
async def test_privileged_change_is_audited_once_and_a_refused_one_never(
    world: World, permission: Permission
) -> None:
    said, label = CHANGES[permission]
    owner = world.person(OLGA)
    await owner.says(said)
    before = stored(world, world.conversations, world.confirmations)
    for name, user_id in WHO.items():
        if not may(Role(name) if name != "stranger" else Role.USER, permission):
            assert REFUSED in await says(world, user_id, said)
            assert REFUSED in await says(world, user_id, owner.buttons[label].removeprefix("input:"))
    assert stored(world, world.conversations, world.confirmations) == before
    assert world.audit.rows == []
    await owner.taps(label)
    [act] = world.audit.rows
    assert (act.who, act.action) == (OLGA, permission)
    assert act.params
    assert act.cause.startswith(f"{OLGA}:room-{OLGA}:")
    for _ in range(3):
        world.clock.advance(seconds=1)
        await owner.taps(label)
    assert len(world.audit.rows) == 1


async def test_right_that_ends_ends_between_question_and_answer(world: World) -> None:
    """A confirmation is worth nothing in the hands of somebody who may no more."""
    owner = world.person(OLGA)
    await owner.says(f"/role grant {ALICE} admin")
    world.roles.rows.clear()
    assert REFUSED in await owner.taps("Confirm")
    assert await world.roles.role_of(UserId(ALICE)) is Role.USER
    assert world.audit.rows == []


def matrix() -> str:
    """Return the matrix of ``docs/actors.md``: permissions, the commands that ask for them, who has them."""
    lines = ["| permission | by chat | user | admin | owner |", "| --- | --- | --- | --- | --- |"]
    for permission in Permission:
        commands = sorted({route.command for route in ROUTES if route.permission == permission} - {""})
        has = ("yes" if may(role, permission) else "–" for role in Role)
        lines.append(
            f"| `{permission}` | {' '.join(f'`{c}`' for c in commands) or '–'} | {' | '.join(has)} |"
        )
    return "\n".join(lines)


def test_document_of_actors_shows_the_matrix_as_it_is() -> None:
    assert matrix() in ACTORS.read_text(encoding="utf-8"), f"docs/actors.md should say:\n{matrix()}"
