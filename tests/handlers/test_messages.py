"""Messages that come too late, out of order, from elsewhere, or in bytes that nobody can read (MS2–MS12)."""

import asyncio
import base64
import json
import time
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.mixin.inbound import as_event
from bot.dispatcher import STALE
from bot.events import LONGEST_TEXT, Event, Ignored, Unsupported
from domain.errors import Refused
from domain.money import parse_amount
from domain.roles import Role
from handlers.runs import number_in
from handlers.wiring import ROUTER
from tests.corpus import NASTY_AMOUNTS
from tests.handlers.world import World

ALICE = "0c2f7b6e-0000-4000-8000-00000000a11c"
ROUTES = list(ROUTER.routes())

LOOKS = {
    "show_closing",
    "show_own_data",
    "list_inactive",
    "show_history",
    "show_live",
    "show_visits",
    *("welcome", "show_help", "choose_language", "cannot_read", "who_am_i", "how_to_claim"),
    *(
        "show_balance",
        "show_price",
        "list_runs",
        "show_run",
        "list_roles",
        "show_audit",
        "list_halts",
        "list_accounts",
        "list_freezes",
        "list_suspense",
        "show_fees",
        "list_transfers",
        "list_addresses",
        "reconcile",
    ),
    "orders",  # as "stop"
    "pause",  # lowers risk too
    "stop",  # lowers risk and frees a person's own money to themselves: it counts however late it comes (ST4)
    *("cancel", "confirm_nothing", "unknown_command", "not_understood"),
}
"""Handlers that change nothing that matters, and so answer however late a message comes (MS3)."""


def everything(world: World) -> tuple[object, ...]:
    """Return all that money and rights consist of."""
    return (
        dict(world.ledger.rows["total"]),
        dict(world.ledger.rows["holds"]),
        *(list(table.rows) for table in (world.runs, world.payouts, world.intents, world.audit)),
        *(list(table.rows) for table in (world.roles, world.accounts)),
        list(world.exchanged.rows.values()),
    )


# MS2: out of order


async def test_steps_out_of_order_take_out_what_was_shown_or_nothing() -> None:
    said, taken = ("/withdraw", "USDT", "100", "yes", "7"), set[Decimal]()
    for order in permutations(range(len(said))):
        world = World(fee_bps=0)
        alice = world.person("alice", USDT="1000", BTC="1")
        for step in order:
            await alice.says(said[step])
        assert len(world.payouts.rows) <= 1
        if world.payouts.rows:
            assert order.index(0) < order.index(1) < order.index(3)
        taken |= {payout.amount for payout in world.payouts.rows}
    assert taken == {Decimal(100), Decimal(7)}


async def test_messages_shuffled_among_people_keep_the_order_of_each() -> None:
    world = World(fee_bps=0)
    people = {name: world.person(name, USDT="1000") for name in ("alice", "bob", "eve")}
    steps = ("/withdraw", "USDT", "10", "yes")
    await people["eve"].hears(*(world.message(name, step) for step in steps for name in people))
    assert sorted((p.receiver, p.amount) for p in world.payouts.rows) == [
        (name, Decimal(10)) for name in sorted(people)
    ]


# MS3, MS11: stale


def test_every_route_that_changes_something_knows_old_messages() -> None:
    changing = {route.handler.__name__ for route in ROUTES if route.moves_money}
    assert {route.handler.__name__ for route in ROUTES} - changing == LOOKS


async def test_nothing_of_a_backlog_that_is_too_old_is_done() -> None:
    """All that can be said, by the owner, 10 minutes and a second late: told so, and nothing happens."""
    world = World()
    world.trade(BTC_USDT="60000")
    world.roles.plant("alice", Role.OWNER)
    world.accounts.add("binance-1", "fill_vanished", world.clock.now())
    alice = world.person("alice", USDT="1000", BTC="1")
    await alice.says("/withdraw")
    changing = {route.command for route in ROUTES if route.moves_money} - {"", "/confirm", "/claim"}
    texts = [*sorted(changing), "/claim x", "USDT", "10", "yes", f"/role grant {ALICE} admin"]
    late = [world.message("alice", text) for text in texts[:12]]
    world.clock.advance(minutes=1)  # nobody may say more than twenty things a minute
    late += [world.message("alice", text) for text in texts[12:]]
    before, place = everything(world), alice.place
    world.clock.advance(seconds=STALE.total_seconds() + 1)
    told = await alice.hears(*late)
    assert everything(world) == before
    assert alice.place == place, "the question is asked again"
    assert len([line for line in told if "I did nothing with it" in line]) == len(texts)


# MS9: words put into somebody's mouth


COMMANDS = sorted({route.command for route in ROUTES if route.command} - {"/stop", "/pause", "/claim"})
PREFILLED = (
    *(
        "",
        "all",
        "1",
        "USDT 1000",
        "1000 USDT",
        f"USDT 1000 {ALICE}",
        "BTC/USDT calm 0.1 1000",
        "yes",
        "confirm",
    ),
    *(f"grant {ALICE} admin", f"grant {ALICE} admin yes", "binance-1 yes", "500 now", "x y z"),
    *("1 half_spread_bps 1", "1 half_spread_bps 1 yes"),
)


@pytest.mark.parametrize("command", COMMANDS)
async def test_one_message_alone_moves_nothing(command: str) -> None:
    """Whatever a link fills in, the person sees a summary of it and has to confirm that (also as owner).

    ``/stop`` and ``/pause`` are the exceptions: they take orders off and free a person's own money to
    themselves, and wait for nobody.
    """
    world = World()
    world.trade(BTC_USDT="60000")
    world.roles.plant("alice", Role.OWNER)
    world.accounts.add("binance-1", "fill_vanished", world.clock.now())
    alice = world.person("alice", USDT="5000", BTC="1")
    for said in ("/new", "BTC/USDT", "calm", "0.1", "1000", "yes"):
        await alice.says(said)
    await world.person(ALICE).says("hi")
    before = everything(world)
    for arguments in PREFILLED:
        world.clock.advance(seconds=1)
        await alice.says(f"{command} {arguments}".strip())
        assert everything(world) == before, arguments


# MS10: taken back or edited


@pytest.mark.parametrize("category", ["MESSAGE_RECALL", "MESSAGE_PIN", "MESSAGE_EDIT", "SYSTEM_USER"])
async def test_message_taken_back_or_edited_changes_nothing(category: str) -> None:
    world = World(fee_bps=0)
    alice = world.person(ALICE, USDT="1000")
    room = "5b7a0000-0000-3000-8000-000000000001"
    world.restart(lambda event: event.conversation_id == room)
    for said in ("/withdraw", "USDT", "100", "yes", "/withdraw", "USDT", "50"):
        await alice.says(said, conversation_id=room)
    before = everything(world)
    about = json.dumps({"message_id": "m4", "content": "1", "amount": "999"}).encode()
    event = as_event(
        {
            "user_id": ALICE,
            "conversation_id": room,
            "category": category,
            "message_id": "77aa0000-0000-4000-8000-000000000001",
            "data": base64.urlsafe_b64encode(about).decode(),
            "created_at": world.clock.now().isoformat(),
        },
        world.clock.now(),
    )
    assert isinstance(event, Ignored | Unsupported)
    await alice.hears(event)
    assert everything(world) == before
    assert alice.place
    assert alice.place.state == "confirm"


# MS12: whatever arrives


bodies = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass")),
    st.sampled_from(["/withdraw", "USDT", "1", "all", "yes", "/confirm x", "\u202e1\u202c", "1\u200b"]).map(
        str.encode
    ),
    st.sampled_from([b"x" * 128 * 1024, "😀".encode() * 32 * 1024, b"\xff" * 131_073, b"/" * 200_000]),
)
encodings = st.sampled_from(
    [
        lambda raw: base64.urlsafe_b64encode(raw).decode(),
        lambda raw: base64.b64encode(raw).decode().rstrip("="),
        lambda raw: raw.decode("latin-1"),
        lambda raw: f"{base64.b64encode(raw).decode()}=!",
    ]
)
categories = st.sampled_from(
    [
        "PLAIN_TEXT",
        "ENCRYPTED_TEXT",
        "PLAIN_STICKER",
        "APP_CARD",
        "SYSTEM_SAFE_SNAPSHOT",
        "MESSAGE_RECALL",
        "",
    ]
)
arrivals = st.tuples(categories, bodies, encodings)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.lists(arrivals, min_size=1, max_size=6), st.sampled_from(["", "/withdraw", "/deposit"]))
def test_no_bytes_break_the_bot_or_move_money(arrived: list[tuple[str, bytes, Any]], stand: str) -> None:
    asyncio.run(_arrives(arrived, stand))


async def _arrives(arrived: list[tuple[str, bytes, Any]], stand: str) -> None:
    """Let data of any kind arrive; ``hears`` fails when a message was given up or a reply not sent."""
    world = World()
    room = "5b7a0000-0000-3000-8000-000000000001"
    world.restart(lambda event: event.conversation_id == room)
    alice = world.person(ALICE, USDT="1000")
    if stand:
        await alice.says(stand, conversation_id=room)
    events: list[Event] = []
    for number, (category, raw, encode) in enumerate(arrived):
        data = {
            "user_id": ALICE,
            "conversation_id": room,
            "category": category,
            "data": encode(raw),
            "message_id": f"77aa0000-0000-4000-8000-{number:012d}",
            "created_at": (world.clock.now() - timedelta(seconds=1)).isoformat(),
        }
        event = as_event(data, world.clock.now())
        assert event is not None
        assert len(event.body) <= LONGEST_TEXT
        events.append(event)
    before = everything(world)
    await alice.hears(*events)
    said_yes = any(raw == b"yes" for _, raw, _ in arrived) and stand == "/withdraw"
    assert said_yes or everything(world)[0:5] == before[0:5]


# T14: every number that a person can type


WORDED = {
    "/language",
    "/role",
    "/setfees",
    "/takefees",
    "/claim",
    "/unhalt",
    "/unfreeze",
    "/freeze",
    "/stopall",
    "/close",
    "/forget",
    "/history",
    "/price",
    "/confirm",
    "/withdrawals",
    "/refund",
    "/sendback",
    "/reconcile",
    "/settle",
    "/sessions",
    *("/move", "/moved", "/approve"),
    *("/convert", "/buy", "/sell", "/leave", "/orders"),  # see test_conversion_talk
}
NUMBERED = ("/run", "/stop", "/change", "/pause", "/resume", "/live")
"""Commands that take a number; amounts are asked for in conversations, which their own tests feed."""


def test_every_command_that_takes_a_number_is_known_here() -> None:
    reads = {route.command for route in ROUTES if route.asks & {"arguments", "message"}} - {""}
    assert reads - WORDED == set(NUMBERED), "say above whether it takes words or a number"


@pytest.mark.parametrize("command", NUMBERED)
async def test_no_literal_of_the_corpus_is_taken_for_a_number(command: str) -> None:
    world = World()
    world.trade(BTC_USDT="60000")
    alice = world.person("alice", USDT="5000", BTC="1")
    for said in ("/new", "BTC/USDT", "calm", "0.1", "1000", "yes"):
        await alice.says(said)
    before = everything(world)
    for literal in NASTY_AMOUNTS:
        world.clock.advance(seconds=1)
        assert await alice.hears(world.message("alice", f"{command} {literal} half_spread_bps 20"))
        assert everything(world) == before, literal
        for table in (world.inbox.rows, world.outbox.rows, world.messenger.shown):
            table.clear()  # which a transaction copies, and would each time be longer


def test_no_literal_takes_long_to_refuse() -> None:
    """Of three tries the shortest counts, in CPU time: other processes of this machine do not."""
    slowest: tuple[float, str] = (0.0, "")
    for literal in [*NASTY_AMOUNTS, "9" * 100_000, "1e999999", "0" * 2_000]:
        tries = []
        for _ in range(3):
            began = time.process_time_ns()
            with pytest.raises(Refused):
                parse_amount(literal)
            number_in([literal])
            tries.append((time.process_time_ns() - began) / 1e6)
        slowest = max(slowest, (min(tries), literal[:40]))
    assert slowest[0] < 1, slowest
