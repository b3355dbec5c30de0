"""I11: every table with a state is guarded, and the edges in the database are those in the code."""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.conversions.model import CONVERSION_EDGES
from domain.market.orders import ORDER_EDGES
from domain.market.runs import RUN_EDGES
from domain.payouts.model import PAYOUT_EDGES
from domain.ports.closings import CLOSING_EDGES
from domain.ports.kept import KEPT_EDGES
from domain.treasury.addresses import ADDRESS_EDGES
from domain.treasury.model import TRANSFER_EDGES

FREE = {"conversations"}
"""Whose column ``state`` is no state of a machine: a place in a dialogue, whose steps are the flow's."""

BEGIN = ""
"""From where new rows come."""

EDGES: dict[str, Mapping[Any, Iterable[Any]]] = {
    "payout": {BEGIN: ["requested"], **PAYOUT_EDGES},
    "order": {BEGIN: ["prepared", "sending"], **ORDER_EDGES},
    "run": {BEGIN: ["funding", "running"], **RUN_EDGES},
    "conversion": {BEGIN: ["waiting", "converting"], **CONVERSION_EDGES},
    "kept": {BEGIN: ["kept"], **KEPT_EDGES},
    "treasury": {BEGIN: ["planned"], **TRANSFER_EDGES},
    "address": {BEGIN: ["proposed"], **ADDRESS_EDGES},
    "closing": {BEGIN: ["announced"], **CLOSING_EDGES},
    "deposit": {BEGIN: ["pending"], "pending": ["final"]},
    "inbox": {BEGIN: ["pending"], "pending": ["done", "dead"]},
    "outbox": {BEGIN: ["pending"], "pending": ["sent", "dead"]},
    "fee_charge": {BEGIN: ["waiting", "charged"], "waiting": ["charged", "forgone"]},
    "lease": {
        BEGIN: ["held"],
        "held": ["released", "angel"],
        "angel": ["released"],
        "released": ["held", "angel"],
    },
}
"""What the code knows of each machine; where it has no table of edges, what its statements do."""

TRIGGERS = """
    SELECT c.relname::text AS table, t.tgtype AS type,
           split_part(encode(t.tgargs, 'escape'), '\\000', 1) AS machine
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.proname = 'check_edge' AND t.tgenabled = 'O' AND t.tgqual IS NULL
"""
_BEFORE_EACH_ROW_OF_INSERT_OR_UPDATE = 1 | 2 | 4 | 16


async def guarded(admin: Any) -> dict[str, str]:
    """Return the machine of each table whose every new and changed row is checked."""
    return {
        row["table"]: row["machine"]
        for row in await admin.fetch(TRIGGERS)
        if row["type"] == _BEFORE_EACH_ROW_OF_INSERT_OR_UPDATE
    }


async def test_every_table_with_a_state_is_guarded(admin: Any) -> None:
    rows = await admin.fetch(
        "SELECT table_name FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name = 'state' AND table_name NOT IN "
        "(SELECT table_name FROM information_schema.views WHERE table_schema = 'public')"
    )
    assert {row["table_name"] for row in rows} == (await guarded(admin)).keys() | FREE


async def test_edges_are_those_the_code_knows(admin: Any) -> None:
    rows = await admin.fetch("SELECT machine, from_state, to_state FROM state_edges")
    known = {
        (machine, str(before), str(after))
        for machine, edges in EDGES.items()
        for before, afters in edges.items()
        for after in afters
    }
    assert {tuple(row.values()) for row in rows} == known, "say in EDGES above what the code knows"


async def test_each_machine_guards_a_table(admin: Any) -> None:
    assert sorted((await guarded(admin)).values()) == sorted(EDGES)
