"""Mixin's own SDK for Node judges the sandbox's Mixin and our adapters: two codes that never saw each other.

What both of us would get wrong alike, no test of ours could find; this client was written by others.
"""

import asyncio
import json
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.mixin.blaze import Blaze
from adapters.mixin.messenger import MixinMessenger
from bot.events import Event, Message
from bot.outbox import Outgoing
from bot.replies import Text
from domain.ids import AssetId, UserId, request_id
from domain.ports.wallet import BuiltTransaction, Payment, WalletOutput
from sandbox.world import BTC, USDT
from tests.adapters.mixin.conftest import Mixin, running
from tests.clocks import WallClock
from tests.sdk.install import HERE, NotToBeHad, install

pytestmark = pytest.mark.timeout(240)  # the first test waits for npm

INVALID_SIGNATURE, INPUT_TAKEN, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 2000003, 10105, 401, 403, 404


class Refused(Exception):
    """What the SDK threw."""

    def __init__(self, code: Any, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code


class Client:
    """A person behind the SDK, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, keystore: dict[str, str]) -> None:
        self._process = process
        self.user_id = UserId(keystore["app_id"])

    async def ask(self, order: str, **facts: Any) -> Any:
        """Give an order and return the SDK's answer.

        Raises:
            Refused: the SDK threw.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"order": order, **facts}).encode() + b"\n")
        async with asyncio.timeout(15):
            answer = json.loads(await self._process.stdout.readline())
        if "error" in answer:
            raise Refused(**answer["error"])
        return answer["data"]

    async def draft(self, to: str, amount: str, memo: str = "") -> str:
        """Have a payment of USDT built and checked; return its trace."""
        trace = str(uuid.uuid4())
        await self.ask("draft", to=to, asset=USDT, amount=amount, memo=memo, trace=trace)
        return trace

    async def balance(self) -> Decimal:
        return Decimal(await self.ask("balance", asset=USDT))


def read_keys(path: Path | str) -> dict[str, str]:
    keys: dict[str, str] = json.loads(Path(path).read_text())
    return keys


@asynccontextmanager
async def client_of(mixin: Mixin, keystore: Path) -> AsyncIterator[Client]:
    """Run the SDK with somebody's keystore file."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / "client.mjs"),
        mixin.base,
        str(keystore),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    try:
        yield Client(process, read_keys(keystore))
    finally:
        try:
            await asyncio.wait_for(process.communicate(b""), 5)  # which closes its input
        except TimeoutError:
            process.kill()
            await process.communicate()


@pytest.fixture(scope="module")
def sdk() -> None:
    """Install the SDK; without a registry there is nothing to judge by."""
    try:
        install()
    except NotToBeHad as e:
        if os.environ.get("CI") and shutil.which("node"):
            raise
        pytest.skip(f"MIXIN'S OWN SDK DID NOT JUDGE US: {e}")


@pytest.fixture
async def mixin(tmp_path: Path, sdk: None) -> AsyncIterator[Mixin]:
    """Run an emulator with its people; give the bot's side of it."""
    async with running(tmp_path) as it:
        yield it


@pytest.fixture
async def alice(mixin: Mixin) -> AsyncIterator[Client]:
    """Give Alice, who uses the SDK with the key file that the sandbox wrote for her."""
    async with client_of(mixin, Path(mixin.keys["alice"])) as client:
        yield client


async def received(mixin: Mixin, since: int) -> list[WalletOutput]:
    """Return what others paid the bot after a sequence number."""
    outputs = await mixin.wallet.outputs_from(since + 1)
    return [output for output in outputs if output.sender != mixin.keystore.app_id]


async def last_sequence(mixin: Mixin) -> int:
    return (await mixin.wallet.outputs_from(0))[-1].sequence


async def pay_out(mixin: Mixin, to: UserId, amount: str, memo: str) -> tuple[str, BuiltTransaction]:
    """Pay by our own adapter; return the request id and what was built."""
    unspent = [o for o in await mixin.wallet.outputs_from(0) if not o.spent and o.asset_id == USDT]
    name = request_id("withdrawal", memo)
    inputs = tuple(output.output_id for output in unspent)
    built = await mixin.wallet.build(Payment(name, AssetId(USDT), to, Decimal(amount), memo, inputs))
    signed = await mixin.wallet.sign(name, built.raw, inputs)
    await mixin.wallet.submit(name, signed)
    await mixin.settled()
    return name, built


async def test_login_by_the_key_file_of_the_world(mixin: Mixin, alice: Client) -> None:
    profile = await alice.ask("profile")
    assert (profile["user_id"], profile["full_name"]) == (alice.user_id, "Alice")
    assert (await alice.ask("registration"))["has_safe"] is True
    assert await alice.balance() == Decimal(25000)
    assert Decimal(await alice.ask("balance", asset=BTC)) == Decimal(1)
    assert not (await mixin.get("books"))["unknown_routes"]


async def test_login_with_the_session_key_of_another_is_refused(mixin: Mixin, tmp_path: Path) -> None:
    keystore, other = read_keys(mixin.keys["alice"]), read_keys(mixin.keys["bob"])
    stolen = tmp_path / "stolen.json"
    stolen.write_text(json.dumps(keystore | {"session_private_key": other["session_private_key"]}))
    async with client_of(mixin, stolen) as thief:
        with pytest.raises(Refused) as refused:
            await thief.ask("profile")
        assert refused.value.code == UNAUTHORIZED
        with pytest.raises(Refused, match="401"):
            await thief.ask("listen")


async def test_payment_by_the_sdk_and_payout_by_our_wallet(mixin: Mixin, alice: Client) -> None:
    before = await last_sequence(mixin)
    trace = await alice.draft(mixin.keystore.app_id, "10.12345678", "in 充值")
    with pytest.raises(Refused) as refused:
        await alice.ask("transaction", trace=trace)
    assert refused.value.code == NOT_FOUND  # it was checked only
    sent = await alice.ask("submit", trace=trace)
    again = await alice.ask("submit", trace=trace)
    assert again["transaction_hash"] == sent["transaction_hash"]
    await mixin.settled()
    [paid] = await received(mixin, before)
    assert (paid.amount, paid.sender, paid.asset_id) == (Decimal("10.12345678"), alice.user_id, USDT)
    assert (paid.request_id, paid.memo, paid.spent) == (trace, "in 充值", False)
    assert paid.transaction_hash == sent["transaction_hash"]
    assert await alice.balance() == Decimal(25000) - paid.amount

    name, built = await pay_out(mixin, alice.user_id, "4.00000001", "out 提现")
    assert await alice.balance() == Decimal(25000) - paid.amount + Decimal("4.00000001")
    await assert_sdk_sees_payout(mixin, alice, name)
    reread = await alice.ask("reread", raw=built.raw)
    assert (reread["raw"], reread["hash"]) == (built.raw, built.transaction_hash)
    assert (reread["inputs"], Decimal(reread["amounts"][0])) == (2, Decimal("4.00000001"))
    assert reread["memo"] == "out 提现"


async def assert_sdk_sees_payout(mixin: Mixin, alice: Client, name: str) -> None:
    """Hold a payout of 4.00000001 against everything the SDK can read of it."""
    done = await alice.ask("transaction", trace=name)
    assert done["state"] == "spent"
    unspent = await alice.ask("outputs", asset=USDT, state="unspent")
    [output] = [o for o in unspent if o["transaction_hash"] == done["transaction_hash"]]
    assert Decimal(output["amount"]) == Decimal("4.00000001")
    assert (output["senders"], output["receivers"]) == ([mixin.keystore.app_id], [alice.user_id])

    newest, older = await alice.ask("snapshots", asset=USDT, limit=2)
    assert [Decimal(s["amount"]) for s in (newest, older)] == [Decimal("4.00000001"), Decimal("-10.12345678")]
    assert (newest["opponent_id"], newest["request_id"]) == (mixin.keystore.app_id, name)
    assert bytes.fromhex(newest["memo"]).decode() == "out 提现"
    from_there = await alice.ask("snapshots", asset=USDT, limit=1, offset=older["created_at"])
    assert [s["snapshot_id"] for s in from_there] == [older["snapshot_id"]]


async def test_swapped_views_are_refused_and_the_right_ones_spend_our_payout(
    mixin: Mixin, alice: Client
) -> None:
    before = await last_sequence(mixin)
    await pay_out(mixin, alice.user_id, "4.5", "w1")
    trace = str(uuid.uuid4())
    facts = {"to": mixin.keystore.app_id, "asset": USDT, "amount": "25002", "memo": "both", "trace": trace}
    draft = await alice.ask("draft", **facts)
    assert (draft["inputs"], draft["views"]) == (2, 2)
    with pytest.raises(Refused) as refused:
        await alice.ask("submit", trace=trace, swapped=True)
    assert refused.value.code == INVALID_SIGNATURE
    await mixin.settled()
    assert await alice.balance() == Decimal("25004.5")
    assert await received(mixin, before) == []

    await alice.ask("submit", trace=trace)
    await mixin.settled()
    assert [o.amount for o in await received(mixin, before)] == [Decimal(25002)]
    assert await alice.balance() == Decimal("2.5")


async def test_double_spend_is_refused_before_and_after_it_settled(tmp_path: Path, sdk: None) -> None:
    async with (
        running(tmp_path, settle_ns=1_500_000_000) as mixin,
        client_of(mixin, Path(mixin.keys["alice"])) as alice,
    ):
        before = await last_sequence(mixin)
        first, second = [await alice.draft(mixin.keystore.app_id, amount) for amount in ("7", "8")]
        await alice.ask("submit", trace=first)
        with pytest.raises(Refused, match="is locked by another") as refused:
            await alice.ask("submit", trace=second)
        assert refused.value.code == INPUT_TAKEN
        await mixin.settled()
        with pytest.raises(Refused, match="is spent by other") as refused:
            await alice.ask("submit", trace=second)
        assert refused.value.code == INPUT_TAKEN
        assert [o.amount for o in await received(mixin, before)] == [Decimal(7)]
        assert await alice.balance() == Decimal(24993)


class Answering:
    """Takes the bot's events in, and answers each text by our own messenger."""

    def __init__(self, mixin: Mixin) -> None:
        self._messenger = MixinMessenger(mixin.http)
        self.texts: list[tuple[str, str]] = []

    async def receive(self, events: list[Event]) -> int:
        for event in events:
            if isinstance(event, Message):
                self.texts.append((event.sender_id, event.text))
                answer = Text(f"you said: {event.text}")
                await self._messenger.send([Outgoing(event.sender_id, str(uuid.uuid4()), answer)])
        return len(events)


@asynccontextmanager
async def answering(mixin: Mixin) -> AsyncIterator[Answering]:
    """Run the bot's side of a chat that echoes."""
    desk = Answering(mixin)
    blaze = Blaze(mixin.base.replace("http", "ws") + "/", mixin.http, WallClock(), desk.receive)
    task = asyncio.create_task(blaze.run())
    try:
        yield desk
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_text_by_the_sdk_is_answered_over_blaze_and_its_receipt_counts(
    mixin: Mixin, alice: Client
) -> None:
    bot, said = mixin.keystore.app_id, ["hello 你好 <&> \u2028 👋", "[1, 2]"]
    async with answering(mixin) as desk:
        with pytest.raises(Refused) as refused:
            await alice.ask("say", to=bot, text="too early")
        assert refused.value.code == FORBIDDEN  # they have no conversation yet
        await alice.ask("meet", user=bot)
        await alice.ask("listen")
        await alice.ask("say", to=bot, text=said[0])
        [heard] = await alice.ask("heard", count=1)
        assert (heard["user_id"], heard["data"]) == (bot, f"you said: {said[0]}")
        assert heard["conversation_id"] == await alice.ask("conversation", user=bot)
        await alice.ask("hangUp")
        await alice.ask("say", to=bot, text=said[1])  # nobody listens: the answer waits
        await alice.ask("listen")
        [heard] = await alice.ask("heard", count=1)  # and the first, which was read, does not come again
        assert heard["data"] == f"you said: {said[1]}"
        assert desk.texts == [(alice.user_id, text) for text in said]
