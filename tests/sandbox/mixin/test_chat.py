"""Messages: once per id, to the right reader, again until they are read."""

import json
from typing import Any

import pytest

from adapters.mixin.codec.ids import conversation_id
from sandbox.mixin.core import person
from sandbox.mixin.core.blaze import Blaze
from sandbox.mixin.core.errors import ApiError
from sandbox.mixin.core.world import World
from tests.sandbox.mixin.test_money import refused
from tests.sandbox.mixin.worlds import ALICE, BOB, BOT, USDT, Client, begun, name, text_of

BUTTONS = [{"label": "Deposit", "color": "#5979F0", "action": "input:/deposit"}]
CARD = {"app_id": BOT["user_id"], "title": "BTC/USDT", "description": "Quoting", "actions": BUTTONS}


@pytest.fixture
def world() -> World:
    return begun()


@pytest.fixture
def bot(world: World) -> Client:
    client = Client(world, BOT)
    client.meet(ALICE)
    return client


def shown(world: World, who: str) -> list[dict[str, Any]]:
    return list(person.history(world, person.find(world, who), 0)["messages"])


def listening(world: World, user_id: str = BOT["user_id"]) -> Blaze:
    line = Blaze(world, user_id)
    line.receive({"id": "1", "action": "LIST_PENDING_MESSAGES"})
    return line


def pushed(line: Blaze) -> list[str]:
    return [text_of(frame["data"]) for frame in line.due() if frame["data"]["category"] == "PLAIN_TEXT"]


# ---- sending


def test_message_is_shown_once_however_often_it_is_sent(world: World, bot: Client) -> None:
    message = bot.message(ALICE, "hello")
    for _ in range(3):
        assert bot.post("/messages", [message]) == {}
    assert bot.post("/messages", message) == {}  # a single object
    assert [m["text"] for m in shown(world, "alice")] == ["hello"]


def test_batch_goes_together_or_not_at_all(world: World, bot: Client) -> None:
    good, bad = bot.message(ALICE, "one"), bot.message(ALICE, "", category="SYSTEM_SAFE_SNAPSHOT")
    refused(10002, bot.post, "/messages", [good, bad])
    assert shown(world, "alice") == []
    refused(10002, bot.post, "/messages", [bot.message(ALICE, "x") for _ in range(101)])
    bot.post("/messages", [bot.message(ALICE, "x") for _ in range(100)])
    assert len(shown(world, "alice")) == 100


def test_too_large_body_meets_the_proxy(bot: Client) -> None:
    body = json.dumps([bot.message(ALICE, "x" * 100_000)]).encode()
    answer = bot.raw("POST", "/messages", body)
    assert (answer.status, answer.headers["Content-Type"]) == (413, "text/html")


def test_nobody_writes_to_strangers_or_into_foreign_conversations(world: World, bot: Client) -> None:
    refused(403, bot.post, "/messages", [bot.message(BOB, "never met")])
    alice = Client(world, ALICE)
    alice.meet(BOB)
    between = conversation_id(ALICE["user_id"], BOB["user_id"])
    refused(403, bot.post, "/messages", [bot.message(ALICE, "x") | {"conversation_id": between}])
    refused(403, bot.post, "/messages", [bot.message(ALICE, "x") | {"recipient_id": BOB["user_id"]}])
    refused(404, bot.get, f"/conversations/{between}")
    assert alice.get(f"/conversations/{between}")["category"] == "CONTACT"


@pytest.mark.parametrize(
    ("category", "content"),
    [
        ("PLAIN_TEXT", ""),
        ("PLAIN_TEXT", b"\xff\xfe"),
        ("PLAIN_NONSENSE", "x"),
        ("APP_BUTTON_GROUP", "not json"),
        ("APP_BUTTON_GROUP", "[]"),
        ("APP_BUTTON_GROUP", json.dumps(BUTTONS * 19)),
        ("APP_BUTTON_GROUP", json.dumps([BUTTONS[0] | {"label": ""}])),
        ("APP_BUTTON_GROUP", json.dumps([BUTTONS[0] | {"color": "blue"}])),
        ("APP_BUTTON_GROUP", json.dumps([BUTTONS[0] | {"action": "javascript:alert(1)"}])),
        ("APP_BUTTON_GROUP", json.dumps([BUTTONS[0] | {"action": "http://example.com"}])),
        ("APP_BUTTON_GROUP", json.dumps([BUTTONS[0] | {"action": "input: "}])),
        ("APP_CARD", json.dumps(CARD | {"title": "x" * 37})),
        ("APP_CARD", json.dumps(CARD | {"description": ""})),
        ("APP_CARD", json.dumps(CARD | {"actions": BUTTONS * 7})),
        (
            "PLAIN_IMAGE",
            json.dumps(
                {"attachment_id": name(), "mime_type": "image/png", "size": 1, "width": 0, "height": 1}
            ),
        ),
        (
            "PLAIN_IMAGE",
            json.dumps(
                {"attachment_id": name(), "mime_type": "image/png", "size": 1, "width": 1, "height": 1}
            ),
        ),
        ("MESSAGE_RECALL", json.dumps({"message_id": name()})),
    ],
)
def test_content_that_no_client_could_show_is_refused(
    bot: Client, category: str, content: str | bytes
) -> None:
    refused(10002, bot.post, "/messages", [bot.message(ALICE, content, category)])


def test_card_of_another_app_is_refused(bot: Client) -> None:
    card = json.dumps(CARD | {"app_id": ALICE["user_id"]})
    refused(403, bot.post, "/messages", [bot.message(ALICE, card, "APP_CARD")])


def test_page_outside_the_resource_patterns_is_refused(world: World, bot: Client) -> None:
    world.state.users.change(world.bot(), resource_patterns=("https://mm.example.com/*",))
    inside, outside = (
        json.dumps([BUTTONS[0] | {"action": f"https://{host}/x"}]) for host in ("mm.example.com", "a.example")
    )
    bot.post("/messages", [bot.message(ALICE, inside, "APP_BUTTON_GROUP")])
    refused(403, bot.post, "/messages", [bot.message(ALICE, outside, "APP_BUTTON_GROUP")])


def test_either_base64_alphabet_is_taken(world: World, bot: Client) -> None:
    url_safe = bot.message(ALICE, "ÿ?>~ÿ")
    standard = bot.message(ALICE, "") | {"data_base64": "", "data": "w78/Pn7Dvw=="}
    bot.post("/messages", [url_safe, standard])
    assert [m["text"] for m in shown(world, "alice")] == ["ÿ?>~ÿ", "ÿ?>~ÿ"]
    refused(10002, bot.post, "/messages", [bot.message(ALICE, "x") | {"data_base64": "@@@"}])


def test_recalled_message_is_gone_from_the_page(world: World, bot: Client) -> None:
    message = bot.message(ALICE, "oops")
    bot.post("/messages", [message])
    version = person.history(world, person.find(world, "alice"), 0)["version"]
    recall = json.dumps({"message_id": message["message_id"]})
    bot.post("/messages", [bot.message(ALICE, recall, "MESSAGE_RECALL")])
    [changed] = person.history(world, person.find(world, "alice"), version)["messages"]
    assert changed["recalled"]
    assert "text" not in changed


# ---- receiving


def test_message_is_pushed_again_until_it_is_read(world: World, bot: Client) -> None:
    message = person.say(world, person.find(world, "alice"), {"text": "hi"})
    line = listening(world)
    assert "hi" in pushed(line)
    assert pushed(line) == []
    world.clock.pass_by(11)  # type: ignore[attr-defined]  # the test's own clock
    assert "hi" in pushed(line)
    bot.post("/acknowledgements", [{"message_id": message.message_id, "status": "DELIVERED"}])
    assert "hi" in pushed(listening(world)), "DELIVERED does not end redelivery"
    bot.post("/acknowledgements", [{"message_id": message.message_id, "status": "READ"}])
    assert pushed(listening(world)) == []


def test_unread_message_is_dropped_after_a_week(world: World) -> None:
    person.say(world, person.find(world, "alice"), {"text": "hi"})
    world.clock.pass_by(7 * 24 * 3600 + 1)  # type: ignore[attr-defined]  # the test's own clock
    assert listening(world).due() == []


def test_nothing_is_pushed_before_the_client_lists_pending(world: World) -> None:
    person.say(world, person.find(world, "alice"), {"text": "hi"})
    assert Blaze(world, BOT["user_id"]).due() == []


def test_acknowledging_what_is_foreign_or_unknown_changes_nothing(world: World, bot: Client) -> None:
    message = person.say(world, person.find(world, "alice"), {"text": "hi"})
    bob = Client(world, BOB)
    bob.post("/acknowledgements", [{"message_id": message.message_id, "status": "READ"}])
    bot.post("/acknowledgements", [{"message_id": name(), "status": "READ"}])
    assert "hi" in pushed(listening(world))
    refused(10002, bot.post, "/acknowledgements", [{"message_id": message.message_id, "status": "SEEN"}])
    refused(10002, bot.post, "/acknowledgements", [{"message_id": name(), "status": "READ"}] * 101)


def test_two_senders_may_choose_the_same_message_id(world: World) -> None:
    one = person.say(world, person.find(world, "alice"), {"text": "mine"})
    person.say(world, person.find(world, "bob"), {"text": "no, mine", "message_id": one.message_id})
    person.say(world, person.find(world, "bob"), {"text": "again", "message_id": one.message_id})
    assert [t for t in pushed(listening(world)) if "mine" in t or t == "again"] == ["mine", "no, mine"]


def test_backlog_of_thousands_is_pushed_whole_and_in_order(world: World) -> None:
    alice = person.find(world, "alice")
    for number in range(1000):
        person.say(world, alice, {"text": str(number)})
    line, got = listening(world), []
    while batch := pushed(line):
        got += batch
    assert got == [str(number) for number in range(1000)]


def test_blaze_sends_acknowledges_and_explains_its_refusals(world: World, bot: Client) -> None:
    line = listening(world)
    message = bot.message(ALICE, "by blaze")
    reply = line.receive({"id": "7", "action": "CREATE_MESSAGE", "params": message})
    assert reply["data"] == {
        "type": "message",
        "message_id": message["message_id"],
        "status": "SENT",
        "category": "",
    }
    assert [m["text"] for m in shown(world, "alice")] == ["by blaze"]
    refusal = line.receive(
        {"id": "8", "action": "CREATE_MESSAGE", "params": message | {"category": "SYSTEM_X"}}
    )
    assert (refusal["id"], refusal["error"]["code"]) == ("8", 10002)
    said = person.say(world, person.find(world, "alice"), {"text": "hi"})
    entries = [{"message_id": said.message_id, "status": "READ"}]
    line.receive({"id": "9", "action": "ACKNOWLEDGE_MESSAGE_RECEIPTS", "params": {"messages": entries}})
    assert pushed(line) == []
    strange: list[Any] = [{}, [], {"action": "SING", "params": {}}, {"action": "CREATE_MESSAGE"}]
    for nonsense in strange:
        assert "error" in line.receive(nonsense)


# ---- what people do


def test_pressed_buttons_do_what_clients_do(world: World, bot: Client) -> None:
    pay = f"https://mixin.one/pay/{BOT['user_id']}?asset={USDT}&amount=1&trace={name()}"
    actions = [
        "input:  /deposit ",
        pay,
        "https://mm.example.com/p",
        "mixin://send?text=%2Fhelp",
        "mixin://users/1",
    ]
    buttons = json.dumps([BUTTONS[0] | {"action": action} for action in actions])
    message = bot.message(ALICE, buttons, "APP_BUTTON_GROUP")
    bot.post("/messages", [message])
    alice = person.find(world, "alice")
    done = [person.press(world, alice, message["message_id"], at)["kind"] for at in range(5)]
    assert done == ["input", "pay", "page", "input", "mixin"]
    assert [m["text"] for m in shown(world, "alice")[1:]] == ["/deposit", "/help"]
    with pytest.raises(ApiError):
        person.press(world, alice, message["message_id"], 5)


def test_card_of_the_old_style_is_pressed_as_a_whole(world: World, bot: Client) -> None:
    card = bot.message(ALICE, json.dumps(CARD | {"action": "input:/runs"}), "APP_CARD")
    bot.post("/messages", [card])
    assert person.press(world, person.find(world, "alice"), card["message_id"], 0)["text"] == "/runs"


def test_people_do_not_see_each_others_messages(world: World, bot: Client) -> None:
    person.say(world, person.find(world, "bob"), {"text": "secret"})
    bot.post("/messages", [bot.message(ALICE, "for alice"), bot.message(BOB, "for bob")])
    assert [m["text"] for m in shown(world, "alice")] == ["for alice"]
    assert [m["text"] for m in shown(world, "bob")] == ["secret", "for bob"]
