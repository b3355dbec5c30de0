"""The treasury in chat: what the owner sees and decides, in both languages, and what nobody else does."""

from dataclasses import replace
from decimal import Decimal

import pytest

from domain.ids import TransferId, VenueAccountName
from domain.payouts.onward import ChainAddress
from domain.roles import Role
from domain.treasury.addresses import AddressEntry, AddressState
from domain.treasury.model import MAY_DECIDE, Decision, Direction, TransferState, TreasuryTransfer
from tests.handlers.world import OWNER, USDT, Person, World

ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"


@pytest.fixture
def world() -> World:
    world = World()
    now = world.clock.now()
    entry = AddressEntry(
        "entry-1",
        "mixin",
        USDT.coin,
        "Ethereum",
        ChainAddress("ETH", ADDRESS, "77"),
        AddressState.PROPOSED,
        now,
    )
    transfer = TreasuryTransfer(
        TransferId("transfer-1"), Direction.TO_MIXIN, VenueAccountName("gate-1"), USDT, Decimal("100.0417"),
        Decimal(1), USDT.asset_id, entry.said, canary=False, by_hand=False, client_id="mmk1",
        state=TransferState.UNKNOWN, created_at=now, due_at=now, reason=MAY_DECIDE,
    )  # fmt: skip
    by_hand = replace(
        transfer, id=TransferId("transfer-2"), state=TransferState.HELD, by_hand=True, reason="asked_by_hand"
    )
    world.transfers.rows.entries[entry.id] = entry
    world.transfers.rows.transfers |= {each.id: each for each in (transfer, by_hand)}
    return world


@pytest.fixture
def owner(world: World) -> Person:
    world.roles.plant(OWNER, Role.OWNER)
    return world.person(OWNER)


async def test_an_address_is_shown_whole_before_it_is_approved(world: World, owner: Person) -> None:
    assert "waits for the owner's word" in await owner.says("/addresses")
    asked = await owner.taps("Approve USDT at mixin")
    assert ADDRESS in asked
    assert "77" in asked
    assert ADDRESS in await owner.taps("Confirm")
    assert world.transfers.rows.entries["entry-1"].state is AddressState.APPROVED
    assert "approved, a trial goes first" in await owner.says("/addresses")
    await owner.says(owner.buttons["Confirm"].removeprefix("input:"))
    assert len(world.audit.rows) == 1


async def test_a_transfer_is_decided_in_two_steps(world: World, owner: Person) -> None:
    listed = await owner.says("/transfers")
    assert "asked for, without an answer" in listed
    assert "100.0417" in listed
    assert "has not changed" in await owner.taps("Ask again: 100.0417 USDT")
    assert world.transfers.rows.transfers[TransferId("transfer-1")].decision == ""
    assert "Noted" in await owner.taps("Confirm")
    assert world.transfers.rows.transfers[TransferId("transfer-1")].decision == Decision.RESEND


async def test_an_admin_says_that_it_was_done_by_hand_and_nothing_else(world: World) -> None:
    world.roles.plant("ada", Role.ADMIN)
    ada = world.person("ada")
    await ada.says("/transfers")
    assert "You may not do that" in await ada.taps("Ask again: 100.0417 USDT")
    assert "that very amount" in await ada.taps("Done: 100.0417 USDT")
    assert "Noted" in await ada.taps("Confirm")
    assert world.transfers.rows.transfers[TransferId("transfer-2")].decision == Decision.DONE_BY_HAND


@pytest.mark.parametrize(
    "said", ["/move", "/move resend", "/move done_by_hand transfer-2", "/moved", "/approve"]
)
async def test_what_is_not_understood_says_how(owner: Person, said: str) -> None:
    assert "Send /" in await owner.says(said)


@pytest.mark.parametrize("said", ["/move resend transfer-9", "/moved transfer-1", "/approve entry-9"])
async def test_what_is_not_there_or_not_open_is_said(owner: Person, said: str) -> None:
    answer = await owner.says(said)
    assert "/transfers" in answer or "/addresses" in answer


async def test_it_can_be_done_in_chinese(world: World, owner: Person) -> None:
    await owner.says("/language 中文")
    assert "等待所有者批准" in await owner.says("/地址簿")
    assert ADDRESS in await owner.taps("批准 mixin 的 USDT")
    assert "已批准" in await owner.taps("确认")
    assert "已请求，未得到答复" in await owner.says("/调拨")


@pytest.mark.parametrize(
    "said", ["/transfers", "/addresses", "/move give_up transfer-1", "/moved transfer-2"]
)
async def test_nobody_else_sees_or_decides(world: World, said: str) -> None:
    assert "You may not do that" in await world.person("alice").says(said)
