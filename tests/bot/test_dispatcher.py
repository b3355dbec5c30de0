"""Router, filters and dispatcher: the first match wins, and wiring is checked at start-up."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.context import Context
from bot.conversation import Place
from bot.dispatcher import Dispatcher, Handle
from bot.events import Event, Ignored, Message, Payment, Unsupported
from bot.filters import Filter, command, in_state, is_command, payload
from bot.replies import Say
from bot.router import Router, WiringError
from tests.bot.world import OpenDoor

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WHO = {"sender_id": "alice", "conversation_id": "room", "message_id": "m1"}


def text(words: str) -> Message:
    return Message(text=words, sent_at=NOW, **WHO)


def learned(one: Filter, words: str, place: Place | None = None) -> object:
    return one.check(Context(text(words), NOW, place=place))


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("/stop", []),
        ("/stop 3", ["3"]),
        ("/STOP  All", ["all"]),
        ("stop all", ["all"]),
        ("停止 全部", ["全部"]),
        ("/停止", []),
        ("／stop ３", ["3"]),
        ("/stop a b c", ["a", "b", "c"]),
    ],
)
def test_command_is_understood_in_all_its_names(words: str, arguments: list[str]) -> None:
    assert learned(command("/stop", "停止"), words) == {"arguments": arguments}


@pytest.mark.parametrize("words", ["", "/stopp", "please stop", "stop it right now", "停", "/ stop"])
def test_command_is_not_seen_where_none_was_given(words: str) -> None:
    assert learned(command("/stop", "停止"), words) is None


def test_payload_is_given_as_typed() -> None:
    assert learned(payload("/confirm"), "/Confirm aB_9-x") == {"payload": "aB_9-x"}
    assert learned(payload("/confirm"), "/confirm") is None
    assert learned(payload("/confirm"), "/confirm a b") is None
    assert payload("/confirm").check(Context(Payment(snapshot_id="s", sent_at=NOW, **WHO), NOW)) is None


def test_slash_makes_a_command() -> None:
    assert learned(is_command(), "/anything") == {}
    assert learned(is_command(), "anything") is None
    assert learned(is_command(), "") is None


def test_in_state_matches_flow_and_state() -> None:
    place = Place("withdraw", "amount", {}, NOW)
    assert learned(in_state(), "x") is None
    assert learned(in_state(), "x", place) == {}
    assert learned(in_state("withdraw"), "x", place) == {}
    assert learned(in_state("deposit"), "x", place) is None
    assert learned(in_state("withdraw", "coin", "amount"), "x", place) == {}
    assert learned(in_state("withdraw", "coin"), "x", place) is None


async def test_first_match_wins_depth_first_in_order() -> None:
    child, parent_router = Router("child"), Router("empty")

    @child.message(command("/a"), permission="talk")
    async def first() -> Say:
        return Say("first")

    @child.message(permission="talk")
    async def second() -> Say:
        return Say("second")

    dispatcher = Dispatcher(Router("root", parent_router, child), {}, OpenDoor())
    assert await dispatcher.answer(text("/a"), NOW) == [Say("first")]
    assert await dispatcher.answer(text("/b"), NOW) == [Say("second")]


async def test_handler_gets_what_it_asks_for_by_name() -> None:
    router = Router("root")

    @router.message(command("/run"), permission="talk")
    async def run(message: Message, arguments: list[str], runs: dict[str, str], now: datetime) -> Say:
        return Say("run", {"is": runs[arguments[0]], "id": message.message_id, "at": now.isoformat()})

    @router.payment(permission="talk")
    async def paid(payment: Payment) -> Say:
        return Say("paid", {"snapshot": payment.snapshot_id})

    @router.unsupported(permission="talk")
    async def unsupported(unsupported: Unsupported) -> list[Say]:
        return [Say("unsupported", {"category": unsupported.category})]

    dispatcher = Dispatcher(router, {"runs": {"3": "third"}}, OpenDoor())
    assert await dispatcher.answer(text("/run 3"), NOW) == [
        Say("run", {"is": "third", "id": "m1", "at": NOW.isoformat()})
    ]
    assert await dispatcher.answer(Payment(snapshot_id="s", sent_at=NOW, **WHO), NOW) == [
        Say("paid", {"snapshot": "s"})
    ]
    assert await dispatcher.answer(Unsupported(category="PLAIN_AUDIO", sent_at=NOW, **WHO), NOW) == [
        Say("unsupported", {"category": "PLAIN_AUDIO"})
    ]
    assert await dispatcher.answer(Ignored(category="MESSAGE_PIN", sent_at=NOW, **WHO), NOW) == []


def test_handler_that_asks_for_what_nobody_gives_is_found_at_start_up() -> None:
    router = Router("root")

    @router.message(permission="talk")
    async def lost(message: Message, arguments: list[str], balances: object) -> None: ...

    with pytest.raises(WiringError, match="lost asks for arguments, balances"):
        Dispatcher(router, {}, OpenDoor())


async def test_nobody_is_let_to_a_route_without_the_guard() -> None:
    router, asked = Router("root"), []

    class Away(Exception):
        pass

    class Shut(OpenDoor):
        async def admit(self, user_id: str, permission: str) -> None:
            asked.append((user_id, permission))
            raise Away

    @router.message(permission="fees.set")
    async def handler() -> None:
        raise AssertionError("nobody may come here")

    with pytest.raises(Away):
        await Dispatcher(router, {}, Shut()).answer(text("x"), NOW + timedelta(hours=1))
    assert asked == [("alice", "fees.set")]


def test_route_for_a_permission_that_nobody_knows_is_found_at_start_up() -> None:
    router = Router("root")

    @router.message(permission="")
    async def handler() -> None: ...

    with pytest.raises(WiringError, match="handler is for a permission that nobody can have"):
        Dispatcher(router, {}, OpenDoor())


async def test_old_message_moves_no_money() -> None:
    router = Router("root")

    @router.message(command("/stop"), moves_money=True, permission="talk")
    async def stop() -> Say:
        return Say("stopped")

    dispatcher = Dispatcher(router, {}, OpenDoor())
    assert await dispatcher.answer(text("/stop"), NOW + timedelta(minutes=10)) == [Say("stopped")]
    assert await dispatcher.answer(text("/stop"), NOW + timedelta(minutes=11)) == [
        Say("message_too_old", {"minutes": 11})
    ]


async def test_middleware_is_walked_from_the_outside_in() -> None:
    walked: list[str] = []
    router = Router("root")

    @router.message(permission="talk")
    async def handler() -> None:
        walked.append("handler")

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        async def __call__(self, context: Context, inner: Handle) -> list[Say]:
            walked.append(self.name)
            return await inner(context)

    event: Event = text("x")
    await Dispatcher(router, {}, OpenDoor(), [Named("outer"), Named("inner")]).answer(event, NOW)
    assert walked == ["outer", "inner", "handler"]
