"""What was once taken for ordinary coins of a token that nobody approved, set right by migration 15."""

import importlib
from typing import Any

import pytest

CORRECTED = importlib.import_module("migrations.models.15_20261127030000_incoming").CORRECTED

PLANTED = """
INSERT INTO outputs
    SELECT name, row_number() OVER (), name, 0, 'shiny', amount, 'alice', '', name, inscription, false, now(),
           name, 'strange', 'asset_unknown', now()
    FROM (VALUES ('plain', 5, false), ('giant', 1e25, false), ('fine', 0.123456789, false), ('art', 1, true),
                 ('going', 1, true), ('beside', 2, false), ('away', 3, false)
         ) AS o (name, amount, inscription);
INSERT INTO kept_outputs
    SELECT output_id, sender, asset_id, amount, reason, false,
           CASE WHEN payout IS NULL THEN 'kept' ELSE 'refunding' END, coalesce(payout, '')
    FROM outputs LEFT JOIN (VALUES ('going', 'waits'), ('beside', 'waits'), ('away', 'pays'))
        AS p (output_id, payout) USING (output_id);
INSERT INTO free_outputs SELECT output_id, asset_id, amount FROM outputs WHERE NOT inscription;
INSERT INTO payouts (id, purpose, receiver, asset_id, coin, network, amount, fee, state, request_id,
                     created_at, due_at)
    SELECT id, 'refund', 'alice', 'shiny', 'shiny', '', 3, 0, 'waiting', id, now(), now()
    FROM (VALUES ('waits'), ('pays')) AS p (id);
"""


@pytest.fixture
async def corrected(admin: Any) -> Any:
    """Give a connection to a database that was as an earlier release left it."""
    await admin.execute("SET session_replication_role = replica")  # as it could be then
    await admin.execute(PLANTED)
    await admin.execute("SET session_replication_role = DEFAULT")
    async with admin.transaction():
        await admin.execute(CORRECTED)
    return admin


async def test_what_no_payment_can_carry_cannot_be_asked_back(corrected: Any) -> None:
    kept = await corrected.fetch("SELECT output_id, reason, state, settled_by FROM kept_outputs ORDER BY 1")
    assert [tuple(row) for row in kept] == [
        ("art", "inscription", "kept", ""),
        ("away", "asset_unknown", "refunding", "pays"),
        ("beside", "asset_unknown", "kept", ""),
        ("fine", "amount_unbookable", "kept", ""),
        ("giant", "amount_unbookable", "kept", ""),
        ("going", "inscription", "kept", ""),
        ("plain", "asset_unknown", "kept", ""),
    ]
    payouts = await corrected.fetch("SELECT id, state FROM payouts ORDER BY 1")
    assert [tuple(row) for row in payouts] == [("pays", "waiting"), ("waits", "cancelled")]


async def test_a_giant_pays_for_nothing_and_the_guards_are_back(corrected: Any) -> None:
    free = await corrected.fetch("SELECT output_id FROM free_outputs ORDER BY 1")
    assert [row["output_id"] for row in free] == ["away", "beside", "fine", "plain"]
    asleep = await corrected.fetch("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'O'")
    assert asleep == []


async def test_the_next_giant_is_not_free_whatever_it_is_taken_for(corrected: Any) -> None:
    await corrected.execute(
        "INSERT INTO outputs SELECT 'next', 99, 'next', 0, asset_id, 1e18, sender, memo, 'next', inscription,"
        " spent_before, now(), 'next', kind, reason, now() FROM outputs WHERE output_id = 'plain'"
    )
    assert await corrected.fetchval("SELECT count(*) FROM free_outputs WHERE output_id = 'next'") == 0
