"""What people do in a simulation, by name."""

import asyncio
from collections.abc import Mapping

from sandbox.world import BTC, ETH, USDT
from tests.simulation.people import (
    Person,
    approve,
    ask_for,
    change_run,
    deposit,
    leave_run,
    look_after_transfers,
    see_to_transfers,
    start_run,
    stop_run,
    take_back,
    take_fees,
    withdraw,
)
from tests.simulation.simulation import Scenario

DAY_S = 24 * 3600.0

People = Mapping[str, Person]


async def paying_in(people: People) -> None:
    """Pay in by a link, and without one."""
    alice = people["Alice"]
    await deposit(alice, "USDT", "250.5")
    alice.mixin.transfers("Alice", USDT, "3.00000001")
    await alice.sees("has arrived")


async def taking_out(people: People) -> None:
    """Pay in without words, and take out in two parts."""
    alice = people["Alice"]
    alice.mixin.transfers("Alice", USDT, "100")
    await alice.sees("has arrived")
    await withdraw(alice, "USDT", "40.25")
    await withdraw(alice, "USDT")


async def having_it_back(people: People) -> None:
    """Pay in too little, have it back; pay in little again, and enough to be credited with it."""
    alice = people["Alice"]
    alice.mixin.transfers("Alice", USDT, "0.4")
    await alice.sees("come in, in payments below")
    await alice.asks(f"/refund {USDT}", "go back to your own")
    await alice.asks(alice.tap(f"/refund {USDT} "), "on their way back")
    await alice.sees("sent back")
    for amount in ("0.6", "0.7"):
        alice.mixin.transfers("Alice", USDT, amount)
    await alice.sees("added up")
    await withdraw(alice, "USDT")


async def gathering(people: People) -> None:
    """Pay in by many small payments, ask for all; take that back while it waits for a merge; ask again."""
    alice = people["Alice"]
    for _ in range(8):
        alice.mixin.transfers("Alice", USDT, "0.25")
    await alice.sees("added up")
    await asyncio.sleep(5)  # an idle worker merges what it finds
    await ask_for(alice, "USDT")
    if await take_back(alice):
        await withdraw(alice, "USDT")


async def taking_fees(people: People) -> None:
    """Pay in and out; the owner takes what was earned, calls it off, and takes it again a day later."""
    alice, owner = people["Alice"], people["Owner"]
    alice.mixin.transfers("Alice", USDT, "100")
    await alice.sees("has arrived")
    await withdraw(alice, "USDT", "40.25")
    await take_fees(owner, USDT)
    await owner.asks("/takefees", "has earned")
    await owner.asks(owner.tap("/takefees cancel "), "called off")
    await take_fees(owner, USDT)
    owner.clock.leap(DAY_S)
    await owner.sees("of fees is in your mixin wallet")


async def waiting_for_float(people: People) -> None:
    """Sell at the exchange, and ask for more than the wallet holds until the owner adds to it."""
    alice, owner = people["Alice"], people["Owner"]
    for asset_id, coin, amount in ((USDT, "USDT", "100"), (BTC, "BTC", "0.02")):
        alice.mixin.transfers("Alice", asset_id, amount)
        await alice.sees(f"{coin}.*has arrived")
    await start_run(alice, "all", "all")
    await asyncio.sleep(10)
    await stop_run(alice, 1)
    await ask_for(alice, "USDT")
    if await take_back(alice):
        await ask_for(alice, "USDT")
        await asyncio.sleep(3)
        owner.mixin.transfers("Owner", USDT, "5000", "float")
        await alice.sees("USDT is in your mixin wallet")


async def making_a_market(people: People) -> None:
    """Pay in, run, fill, change, stop, and take everything out."""
    alice = people["Alice"]
    alice.mixin.transfers("Alice", USDT, "1000")
    await alice.sees("has arrived")
    alice.mixin.transfers("Alice", BTC, "0.02")
    await alice.sees("BTC.*has arrived")
    await start_run(alice, "all", "all")
    await asyncio.sleep(5)
    await change_run(alice, 1, "levels 2")
    await asyncio.sleep(5)
    await stop_run(alice, 1)
    await withdraw(alice, "USDT")


async def leaving_in_quote(people: People) -> None:
    """Pay in, run, fill, have all of it in one coin, and take that out."""
    alice = people["Alice"]
    for asset_id, coin, amount in ((USDT, "USDT", "1000"), (BTC, "BTC", "0.02")):
        alice.mixin.transfers("Alice", asset_id, amount)
        await alice.sees(f"{coin}.*has arrived")
    await start_run(alice, "all", "all")
    await asyncio.sleep(8)
    await leave_run(alice, 1, "USDT")
    await withdraw(alice, "USDT")


async def moving_both_ways(people: People) -> None:
    """Supply the exchange from the wallet, and the wallet from the exchange for somebody who waits."""
    alice, owner = people["Alice"], people["Owner"]
    owner.mixin.transfers("Owner", ETH, "1", "float")  # what the network takes
    await approve(owner, "main")
    seeing = asyncio.create_task(see_to_transfers(owner))
    await _emptied(owner)
    alice.mixin.transfers("Alice", USDT, "100")
    await alice.sees("has arrived")
    await _emptied(owner)
    seeing.cancel()
    await ask_for(alice, "USDT")
    await approve(owner, "mixin")
    seeing = asyncio.create_task(see_to_transfers(owner))
    await alice.sees("USDT is in your mixin wallet")
    seeing.cancel()
    await asyncio.gather(seeing, return_exceptions=True)


async def _emptied(owner: Person) -> None:
    while owner.mixin.unspent_of_bot().get(USDT, 0) > 10:
        await asyncio.sleep(5)


async def moving_in_a_storm(people: People) -> None:
    """Fill the exchange up to its target, want all back, and bring it home, while answers get lost."""
    alice, owner = people["Alice"], people["Owner"]
    owner.mixin.transfers("Owner", ETH, "1", "float")
    alice.mixin.transfers("Alice", USDT, "100")
    await alice.sees("has arrived")
    minding = asyncio.create_task(look_after_transfers(owner))
    try:
        await _emptied(owner)
        await withdraw(alice, "USDT")
    finally:
        minding.cancel()
        await asyncio.gather(minding, return_exceptions=True)


async def everybody(people: People) -> None:
    """All of it at once, by several people."""

    async def bob() -> None:
        await deposit(people["Bob"], "USDT", "120")
        await withdraw(people["Bob"], "USDT")

    await asyncio.gather(leaving_in_quote(people), bob())


SCENARIOS: dict[str, Scenario] = {
    script.__name__: Scenario(
        script,
        with_float=script not in (gathering, waiting_for_float),
        keep="500000" if script is moving_both_ways else "",
    )
    for script in (
        paying_in,
        taking_out,
        having_it_back,
        gathering,
        taking_fees,
        waiting_for_float,
        making_a_market,
        leaving_in_quote,
        moving_both_ways,
        everybody,
    )
}
SCENARIOS["moving_in_a_storm"] = Scenario(moving_in_a_storm, keep="410000", storm_s=300.0, hurried=True)
