"""Every error code of mixin.md §4.8: what the adapter takes it for, and what a payout then does."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from adapters.mixin.outcomes import REFUSED, UNAVAILABLE, error_of
from domain.errors import InvariantBroken, MrMarketError, OutcomeUnknown, Refused, Unavailable
from domain.ids import WithdrawalId
from domain.ports.freezes import WALLET
from domain.services.payouts import LOOKED_UP_ENOUGH, NO_STANDS_AFTER, STUCK_AFTER
from domain.services.withdrawals import Outlook
from tests.domain.services.money_world import ALICE, OWNER, USDT, MoneyWorld, Process, money_world
from tests.fakes.wallet import FakeWallet

CALLS = ("build", "sign", "submit")


class End(Enum):
    """What becomes of a payout to which Mixin always answers the same."""

    GIVEN_BACK = "the promise ends and the person is told"
    TRIED_AGAIN = "nothing ends; it is tried again, and people are told when that goes on"
    LOOKED_INTO = "our own request is looked up; after that all payouts stop"
    STOPPED = "all payouts stop at once"


ANSWERS: dict[int, tuple[type[MrMarketError] | None, str, End]] = {
    # code: a no, a no for now, or (None) silence; our word for it; the end of a payout
    400: (Refused, "request_invalid", End.TRIED_AGAIN),
    401: (Unavailable, "mixin_unauthorized", End.TRIED_AGAIN),
    403: (Refused, "forbidden", End.TRIED_AGAIN),
    404: (Refused, "not_found", End.TRIED_AGAIN),
    429: (Unavailable, "mixin_busy", End.TRIED_AGAIN),
    500: (None, "mixin_silent", End.TRIED_AGAIN),
    7000: (None, "mixin_silent", End.TRIED_AGAIN),
    7001: (None, "mixin_silent", End.TRIED_AGAIN),
    10002: (Refused, "request_invalid", End.TRIED_AGAIN),
    10006: (Unavailable, "client_too_old", End.TRIED_AGAIN),
    10104: (Unavailable, "deposit_address_pending", End.TRIED_AGAIN),
    10105: (Refused, "inputs_spent", End.LOOKED_INTO),
    10106: (Refused, "inputs_spent", End.LOOKED_INTO),
    10404: (Refused, "receiver_unregistered", End.GIVEN_BACK),
    20116: (None, "mixin_silent", End.TRIED_AGAIN),
    20117: (Refused, "inputs_spent", End.LOOKED_INTO),
    20118: (Unavailable, "pin_refused", End.STOPPED),
    20119: (Unavailable, "pin_refused", End.STOPPED),
    20120: (Refused, "amount_too_small", End.GIVEN_BACK),
    20121: (None, "mixin_silent", End.TRIED_AGAIN),
    20124: (Refused, "network_fee_too_small", End.GIVEN_BACK),
    20125: (None, "mixin_silent", End.TRIED_AGAIN),
    20127: (Refused, "amount_too_small", End.GIVEN_BACK),
    20131: (Refused, "address_invalid", End.GIVEN_BACK),
    20134: (Refused, "amount_too_large", End.GIVEN_BACK),
    20135: (Refused, "network_fee_too_small", End.GIVEN_BACK),
    20137: (Unavailable, "network_suspended", End.TRIED_AGAIN),
    20150: (Refused, "receiver_invalid", End.GIVEN_BACK),
    20160: (Refused, "receiver_deleted", End.GIVEN_BACK),
    30100: (None, "mixin_silent", End.TRIED_AGAIN),
    30102: (Refused, "address_invalid", End.GIVEN_BACK),
    30103: (None, "mixin_silent", End.TRIED_AGAIN),
    2000001: (Refused, "transaction_invalid", End.TRIED_AGAIN),
    2000002: (Refused, "inputs_spent", End.LOOKED_INTO),
    2000003: (Refused, "transaction_invalid", End.TRIED_AGAIN),
    99999: (None, "mixin_silent", End.TRIED_AGAIN),  # one that nobody has told us of
}


@dataclass
class Answering:
    """The wallet at Mixin, which answers one of its calls with an error code until that is taken away."""

    mixin: FakeWallet
    call: str
    code: int | None = None
    deed_first: bool = False

    def __getattr__(self, name: str) -> Any:
        """Give a call as it is, or with the answer changed."""
        there: Callable[..., Awaitable[Any]] = getattr(self.mixin, name)
        if name != self.call or self.code is None:
            return there

        async def answered(*args: Any) -> Any:
            if self.deed_first:
                await there(*args)
            raise error_of({"code": self.code}, "/safe", OutcomeUnknown if name == "submit" else Unavailable)

        return answered


@pytest.fixture
async def world(migrated_url: str) -> AsyncIterator[MoneyWorld]:
    async with money_world(migrated_url) as made:
        await made.give(ALICE, "1000")
        yield made


@pytest.mark.parametrize("code", ANSWERS)
@pytest.mark.parametrize("silence", [Unavailable, OutcomeUnknown])
def test_a_code_is_a_no_a_no_for_now_or_silence(
    code: int, silence: type[Unavailable] | type[OutcomeUnknown]
) -> None:
    kind, word, _ = ANSWERS[code]
    said = error_of({"code": code}, "/safe", silence)
    assert (type(said), said.code) == (kind or silence, word)


def test_no_code_is_known_that_the_table_leaves_out() -> None:
    assert REFUSED.keys() | UNAVAILABLE.keys() <= ANSWERS.keys()


@pytest.mark.database
@pytest.mark.parametrize("call", CALLS)
async def test_a_payout_ends_only_by_an_answer_that_is_known_to_be_final(
    world: MoneyWorld, call: str
) -> None:
    """WD7: whatever the code, nothing is lost, nobody is left without a word, what is not final goes on."""
    mixin = Answering(world.wallet, call)
    process, paid = world.process(wallet=mixin), 0
    for code, (_, word, end) in ANSWERS.items():
        world.clock.advance(3_600)  # the owner is told once an hour for each reason
        free = await world.free(ALICE)
        payout_id = await world.request(ALICE, "10")
        mixin.code = code
        if end is End.GIVEN_BACK:
            looks = NO_STANDS_AFTER if call == "submit" else 0
            await drive(world, process, payout_id, looks)
            assert await world.held(ALICE) == 10, code
            await drive(world, process, payout_id, 1)
            assert await ended(world, payout_id) == ("refused", word), code
            assert await world.free(ALICE) == free, code
            assert (await told(world, "withdrawal_refused"))["reason"] == word
            continue
        await SEEN[end](world, process, payout_id, word)
        assert await world.held(ALICE) == 10, code
        mixin.code = None
        await world.settle(3, process)
        await process.deposits.collect()  # the change
        assert (await ended(world, payout_id))[0] == "done", code
        paid += 1
    assert world.wallet.paid[ALICE, USDT.asset_id] == paid * Decimal("9.99")
    await world.check()


@pytest.mark.database
async def test_a_payment_that_was_made_stays_made_whatever_was_answered(world: MoneyWorld) -> None:
    mixin = Answering(world.wallet, "submit", deed_first=True)
    process = world.process(wallet=mixin)
    for code, (_, _, end) in ANSWERS.items():
        payout_id = await world.request(ALICE, "10")
        mixin.code = code
        await drive(world, process, payout_id, 2)
        if end is End.STOPPED:
            await lift(world)
        await world.settle(3, process)
        await process.deposits.collect()  # the change
        assert (await ended(world, payout_id))[0] == "done", code
    assert world.wallet.paid[ALICE, USDT.asset_id] == len(ANSWERS) * Decimal("9.99")
    assert "withdrawal_refused" not in await world.notices(ALICE)
    await world.check()


async def goes_on(world: MoneyWorld, process: Process, payout_id: WithdrawalId, word: str) -> None:
    """See that it is tried again and again, and that both are told once, after minutes."""
    before = (await world.notices(ALICE)).count("withdrawal_stuck")
    await drive(world, process, payout_id, STUCK_AFTER - 1)
    assert (await world.notices(ALICE)).count("withdrawal_stuck") == before
    await drive(world, process, payout_id, 2)
    assert (await world.notices(ALICE)).count("withdrawal_stuck") == before + 1
    assert (await told(world, "payout_stuck"))["reason"] == word
    assert (await world.process().withdrawals.status(ALICE))[0].outlook is Outlook.STUCK


async def is_looked_into(world: MoneyWorld, process: Process, payout_id: WithdrawalId, word: str) -> None:
    """See that it is looked up some times before everything stops."""
    await drive(world, process, payout_id, LOOKED_UP_ENOUGH)
    with pytest.raises(InvariantBroken, match="spent_elsewhere"):
        await process.payouts.drive(payout_id)
    assert word == "inputs_spent"
    await lift(world)


async def stops(world: MoneyWorld, process: Process, payout_id: WithdrawalId, word: str) -> None:
    """See that one such answer is enough to stop everything."""
    await drive(world, process, payout_id, 1)
    assert "frozen" in await process.payouts.drive(payout_id)
    [freeze] = await process.freezes.list(OWNER)
    assert (freeze.scope, freeze.reason) == (WALLET, f"{word}:{payout_id}")
    assert (await told(world, "payouts_frozen"))["reason"] == freeze.reason
    await lift(world)


Seen = Callable[[MoneyWorld, Process, WithdrawalId, str], Awaitable[None]]
SEEN: dict[End, Seen] = {End.TRIED_AGAIN: goes_on, End.LOOKED_INTO: is_looked_into, End.STOPPED: stops}


async def drive(world: MoneyWorld, process: Process, payout_id: WithdrawalId, times: int) -> None:
    for _ in range(times):
        await process.payouts.drive(payout_id)
        world.clock.advance(31)


async def lift(world: MoneyWorld) -> None:
    """Let the owner let payouts go on."""
    freezes = world.process().freezes
    _, token = await freezes.ask(OWNER, WALLET)
    await freezes.lift(OWNER, WALLET, token, f"said {token[:8]}")


async def ended(world: MoneyWorld, payout_id: WithdrawalId) -> tuple[str, str]:
    """Return the state of a payout and why."""
    [row] = await world.store.fetch("SELECT state, reason FROM payouts WHERE id = $1", payout_id)
    return row["state"], row["reason"]


async def told(world: MoneyWorld, kind: str) -> dict[str, Any]:
    """Return what the latest notice of a kind says."""
    rows = await world.store.fetch("SELECT params FROM outbox WHERE kind = $1 ORDER BY seq DESC", kind)
    params: dict[str, Any] = json.loads(rows[0]["params"])
    return params
