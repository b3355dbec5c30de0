"""Worker processes and the wallet's lease: clean hand-over, and a sleeper that wakes too late (AN2)."""

import asyncio
import signal

import pytest

from adapters.watchdog import EXIT_CODE
from domain.errors import Refused
from domain.ids import AssetId, WithdrawalId
from sandbox.world import USDT
from tests.adapters.mixin.conftest import Mixin
from tests.workers.conftest import Factory
from tests.workers.test_process import all_done, books_agree, request, user_of

pytestmark = pytest.mark.database

SPENDING = "POST /safe/transactions"
CHECKING = "POST /safe/transaction/requests"


async def spendings(mixin: Mixin) -> int:
    """Return how many posts of signed bytes have arrived, counted by a fault that does no harm."""
    faults = (await mixin.get("faults"))["faults"]
    return 1000 - int(next(fault["times"] for fault in faults if fault["match"] == SPENDING))


async def holder(factory: Factory) -> tuple[str, str, int]:
    rows = await factory.world.store.fetch(
        "SELECT holder, state, epoch FROM leases WHERE scope = 'wallet' UNION ALL SELECT '', 'none', 0"
    )
    return rows[0]["holder"], rows[0]["state"], rows[0]["epoch"]


async def paid_by(factory: Factory, epoch: int) -> bool:
    return (await holder(factory))[1:] == ("held", epoch)


async def prepare(factory: Factory, mixin: Mixin, amount: str) -> WithdrawalId:
    alice = await user_of(mixin, "Alice")
    await mixin.post("people/Alice/transfer", asset_id=AssetId(USDT), amount="100", memo="")
    await mixin.settled()
    await factory.money.deposits.collect()
    await mixin.post("faults", kind="delay", match=SPENDING, times=1000, ms=1)
    return await request(factory, alice, amount)


async def test_frozen_worker_that_wakes_after_the_take_over_sends_nothing(
    factory: Factory, mixin: Mixin
) -> None:
    await mixin.post("faults", kind="delay", match=CHECKING, times=1, ms=700)
    payout_id = await prepare(factory, mixin, "40")
    sleeper = await factory.start()

    async def is_built() -> bool:
        return (await factory.money.payouts._payouts.get(payout_id)).state == "built"

    await factory.until(is_built)  # its next request is on its way, and answered while it sleeps
    sleeper.send_signal(signal.SIGSTOP)
    heir = await factory.start()
    await factory.until(lambda: all_done(factory))
    assert await paid_by(factory, 2)
    assert await spendings(mixin) == 1
    sleeper.send_signal(signal.SIGCONT)
    await asyncio.sleep(1.5)
    assert await spendings(mixin) == 1
    assert await paid_by(factory, 2)
    if sleeper.returncode is None:  # it slept for less than its watchdog minds
        log = factory.log.read_text()
        assert "another worker took the wallet" in log or "standing by for the wallet" in log
        assert await factory.stop(sleeper) == 0
    else:
        assert sleeper.returncode == EXIT_CODE
    await factory.until(lambda: books_agree(factory))
    assert await factory.stop(heir) == 0
    payout = await factory.money.payouts._payouts.get(payout_id)
    with pytest.raises(Refused, match="lease_lost"):  # as every process is wired that holds no lease
        await factory.world.wallet.submit(payout.request_id, payout.signed_raw)
    assert await spendings(mixin) == 1


async def test_worker_that_ends_hands_over_at_once(factory: Factory, mixin: Mixin) -> None:
    first = await factory.start(ready=True)
    await factory.until(lambda: paid_by(factory, 1))
    second = await factory.start(ready=True)
    assert await factory.stop(first) == 0
    began = asyncio.get_running_loop().time()
    await factory.until(lambda: paid_by(factory, 2))
    assert asyncio.get_running_loop().time() - began < 2
    await prepare(factory, mixin, "10")
    await factory.until(lambda: all_done(factory))
    assert await factory.stop(second) == 0
    assert (await holder(factory))[1] == "released"
    assert await spendings(mixin) == 1


async def test_worker_of_another_release_stands_by_and_says_so(factory: Factory, mixin: Mixin) -> None:
    factory.env["MRMARKET_BUILD"] = "yesterday"
    old = await factory.start(ready=True)

    async def told() -> bool:
        return "this release is not the one that was deployed" in factory.log.read_text()

    await factory.until(told)
    payout_id = await prepare(factory, mixin, "10")
    with pytest.raises(Refused, match="epoch_lost"):  # nor does a process step in that never had the lease
        await factory.money.payouts.advance(payout_id)
    assert await spendings(mixin) == 0
    assert (await holder(factory))[1] == "none"
    assert await factory.stop(old) == 0
