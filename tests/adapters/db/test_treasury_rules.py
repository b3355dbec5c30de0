"""What direct SQL, with the program's own rights, may not do to treasury transfers and the address book."""

import pytest

from domain.errors import InvariantBroken, Refused
from domain.payouts.onward import ChainAddress
from domain.services.addresses import Place
from domain.treasury.model import Direction
from domain.treasury.networks import NETWORKS
from tests.domain.services.money_world import OWNER, USDT
from tests.domain.services.treasury_world import ACCOUNT, CODE, treasury_world

ADD = (
    "INSERT INTO treasury_transfers SELECT 'new', direction, '{account}', asset_id, coin, network, amount,"
    " fee, fee_asset_id, fee_inside, to_network, to_address, to_tag, canary, by_hand, 'new', '{state}',"
    " created_at, due_at FROM treasury_transfers WHERE state = 'planned'"
)
PAYOUT = (
    "INSERT INTO payouts (id, purpose, receiver, asset_id, coin, network, amount, fee, state, request_id,"
    " created_at, due_at{more}) VALUES ('p', '{purpose}', 'b', 'a', 'USDT', 'n', 1, 0, 'requested', 'r',"
    " now(), now(){values})"
)
TO_A_CHAIN = {
    "more": ", to_network, to_address, to_tag, fee_asset_id, network_fee",
    "values": ", 'c', '0xthief', '', 'a', 0",
}
REFUSED = {
    "an address approved by nobody": "UPDATE treasury_addresses SET state = 'approved'"
    " WHERE state = 'proposed'",
    "an address approved by somebody": "UPDATE treasury_addresses SET state = 'approved',"
    " approved_by = 'mallory' WHERE state = 'proposed'",
    "an address put in as approved": "INSERT INTO treasury_addresses SELECT 'x', 'gate-3', coin, network,"
    " said_network, '0xthief', '', 'approved', seen_at, approved_by, now() FROM treasury_addresses"
    " WHERE state = 'proven' LIMIT 1",
    "an address that becomes another": "UPDATE treasury_addresses SET address = '0xthief'",
    "a tag that is dropped": "UPDATE treasury_addresses SET tag = '' WHERE state = 'proven'",
    "a frozen address in use again": "UPDATE treasury_addresses SET state = 'proven' WHERE state = 'frozen'",
    "an entry that goes away": "DELETE FROM treasury_addresses",
    "a transfer to another place": "UPDATE treasury_transfers SET to_address = '0xthief'",
    "a transfer of more": "UPDATE treasury_transfers SET amount = amount + 1",
    "a transfer that is sent unpromised": "UPDATE treasury_transfers SET state = 'held'",
    "a transfer that skips all": "UPDATE treasury_transfers SET state = 'credited', ended_at = now()",
    "a transfer that begins in the middle": ADD.format(account="gate-2", state="sending"),
    "a second one of an account and coin": ADD.format(account="gate-1", state="planned"),
    "a transfer that goes away": "DELETE FROM treasury_transfers",
    "what has ended and changes": "UPDATE treasury_transfers SET reason = 'x' WHERE state = 'void'",
    "a payout to a chain without an address": PAYOUT.format(purpose="transfer", more="", values=""),
    "a withdrawal that goes to a chain": PAYOUT.format(purpose="withdrawal", **TO_A_CHAIN),
}


@pytest.mark.database
async def test_what_the_tables_refuse(migrated_url: str, admin_url: str) -> None:
    async with treasury_world((migrated_url, admin_url)) as world:
        await world.plan(Direction.TO_VENUE)
        world.far.addresses[USDT.coin, CODE] = other = ChainAddress(CODE, "0xother")
        await world.settle()
        [freeze] = await world.books.freezes.open()
        await world.books.freezes.lift(freeze, OWNER, world.clock.now())
        place = Place(ACCOUNT, USDT.coin, NETWORKS["Ethereum"], CODE)
        await world.process().addresses.note(place, other)
        await world.plan(Direction.TO_MIXIN)
        store = world.books.store
        states = await store.fetch("SELECT state FROM treasury_addresses ORDER BY state")
        assert [row["state"] for row in states] == ["frozen", "proposed", "proven"]
        refused = set()
        for name, sql in REFUSED.items():
            try:
                await store.execute(sql)
            except (InvariantBroken, Refused):
                refused.add(name)
        assert refused == REFUSED.keys()
        await store.execute(PAYOUT.format(purpose="transfer", **TO_A_CHAIN))
        with pytest.raises((InvariantBroken, Refused), match="payout_not_promised"):
            await store.execute("UPDATE payouts SET state = 'reserved' WHERE id = 'p'")
        assert await world.books.faults() == []
