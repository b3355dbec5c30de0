"""The database as the Angel sees it: it reads a few tables, and writes through one function (safety §2.9)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.db.asking import Asking
from adapters.db.orders import intent_of
from adapters.db.progress import WORDS, word_of
from adapters.db.secrets import CURRENT, sealed_of
from adapters.sealing.envelope import Kind, Sealed
from domain.angel.closing import Stranded
from domain.angel.entries import Entry
from domain.angel.watch import Sign, Standing
from domain.health.progress import WHOLE, Patience, Word, ill
from domain.ids import RunId, VenueAccountName
from domain.leases import Scope
from domain.market.model import Pair
from domain.market.orders import Intent
from domain.money import ZERO, Coin
from domain.ports.account_looks import DeadManState
from domain.ports.angel import Answer

_LOOK = """
    SELECT l.scope, l.epoch, l.holder, l.state,
           extract(epoch FROM lease_clock() - l.renewed_at)::float8 AS renewed_ago_s,
           extract(epoch FROM l.expires_at - lease_clock())::float8 AS left_s,
           extract(epoch FROM l.renewed_at)::float8 AS renewed_at_s,
           l.state = 'released' AND l.holder NOT LIKE 'angel:%' AND EXISTS (
               SELECT FROM order_intents o WHERE o.account = substr(l.scope, 7) AND NOT o.settled
                   AND o.state NOT IN ('filled', 'cancelled', 'expired', 'abandoned', 'rejected')
           ) AS left_behind
    FROM leases l ORDER BY l.scope
"""
_PATIENCE = Patience()
_ACT = "SELECT angel_act($1::jsonb) AS answer"
_PAIRS = """
    SELECT base, quote FROM trade_cursors WHERE account = $1
    UNION SELECT base, quote FROM runs WHERE account = $1 AND state <> 'stopped'
    UNION SELECT base, quote FROM order_intents WHERE account = $1 AND NOT settled
    ORDER BY base, quote
"""
_UNSETTLED = "SELECT * FROM order_intents WHERE account = $1 AND NOT settled ORDER BY seq"
_STRANDED = """
    WITH left_here AS (
        SELECT * FROM runs WHERE account = $1 AND state = 'halted' AND kind IN ('strategy', 'leg')
    )
    SELECT r.id, r.account, r.kind, r.leader, r.base, r.quote, r.base_start, r.quote_start, a.coin, b.total,
           b.total - b.held AS free, r.id IN (SELECT id FROM left_here) AS here
    FROM runs r
    LEFT JOIN accounts a ON a.kind = 'run' AND a.owner = r.id AND a.venue = r.account
        AND a.coin IN (r.base, r.quote)
    LEFT JOIN balances b ON b.account_id = a.id
    WHERE r.id IN (SELECT id FROM left_here UNION ALL SELECT leader FROM left_here)
       OR r.leader IN (SELECT id FROM left_here)
    ORDER BY r.started_at, r.id
"""


class PostgresAngelStore:
    """As ``domain.ports.angel.AngelStore``, with the rights of the Angel's own login."""

    def __init__(self, store: Asking) -> None:
        self._store = store

    async def look(self) -> Sequence[Sign]:
        """Return every lease, with what its holder says of its own work."""
        words = [word_of(row) for row in await self._store.fetch(WORDS)]
        return [_sign(row, words) for row in await self._store.fetch(_LOOK)]

    async def act(self, entry: Entry, *, late: bool = False) -> Answer:
        """Write an entry down together with what it changes, once; a late one changes nothing."""
        rows = await self._store.fetch(_ACT, json.dumps(entry.line(late=late)), writes=True)
        told = json.loads(rows[0]["answer"])
        return Answer(told["ours"], told["epoch"])

    async def alive(self, us: str, trouble: str, refused: Mapping[VenueAccountName, str]) -> None:
        """Note that this Angel looks, and what would keep it from its work, for whoever can mend it."""
        by_account = [{"account": account, "reason": reason} for account, reason in refused.items()]
        line = {"kind": "alive", "angel": us, "facts": {"trouble": trouble, "refused": by_account}}
        await self._store.fetch(_ACT, json.dumps(line), writes=True)

    async def pairs(self, account: VenueAccountName) -> Sequence[Pair]:
        """Return all pairs on which the account may have orders."""
        rows = await self._store.fetch(_PAIRS, account)
        return [Pair(Coin(row["base"]), Coin(row["quote"])) for row in rows]

    async def unsettled(self, account: VenueAccountName) -> Sequence[Intent]:
        """Return the account's intents that are not settled, oldest first."""
        return [intent_of(row) for row in await self._store.fetch(_UNSETTLED, account)]

    async def sealed_keys(self) -> dict[str, Sealed]:
        """Return the keys that were sealed for the Angel, by the account's name."""
        rows = await self._store.fetch(CURRENT, Kind.ANGEL_KEY)
        return {row["name"]: sealed_of(row) for row in rows}

    async def dead_men(self) -> dict[VenueAccountName, DeadManState]:
        """Return by account how it is with the venue's own timer, as its worker last told."""
        rows = await self._store.fetch("SELECT account, dead_man FROM account_looks ORDER BY account")
        return {VenueAccountName(row["account"]): DeadManState(row["dead_man"]) for row in rows}

    async def stranded(self, account: VenueAccountName) -> Sequence[Stranded]:
        """Return the account's runs that were halted, with what the books say they have."""
        of_run: dict[str, list[dict[str, Any]]] = {}
        for row in await self._store.fetch(_STRANDED, account):
            of_run.setdefault(row["id"], []).append(row)
        halves = {run_id: _stranded(rows) for run_id, rows in of_run.items()}
        return [
            replace(halves[run_id], partner=halves.get(_other_half(run_id, of_run)))
            for run_id, rows in of_run.items()
            if rows[0]["here"]
        ]


def _sign(row: dict[str, Any], words: Sequence[Word]) -> Sign:
    said = [w for w in words if w.holder == row["holder"] and w.progress.part in (WHOLE, row["scope"])]
    return Sign(
        Scope(row["scope"]),
        row["epoch"],
        row["holder"],
        Standing(row["state"]),
        row["renewed_ago_s"],
        row["left_s"],
        next((why for word in said if (why := ill(word, _PATIENCE))), ""),
        row["renewed_at_s"],
        row["left_behind"],
        next((w.progress.waits_for for w in said if w.progress.part == row["scope"]), ""),
    )


def _other_half(run_id: str, of_run: Mapping[str, Sequence[dict[str, Any]]]) -> str:
    """Return the run that a leg belongs to, or the leg of a run, or nothing."""
    leader = of_run[run_id][0]["leader"]
    legs = (other for other, rows in of_run.items() if rows[0]["leader"] == run_id)
    return str(leader or next(legs, ""))


def _stranded(rows: Sequence[dict[str, Any]]) -> Stranded:
    run, has = rows[0], {row["coin"]: row for row in rows}
    base, quote = (has.get(run[side], {"total": ZERO, "free": ZERO}) for side in ("base", "quote"))
    return Stranded(
        RunId(run["id"]),
        VenueAccountName(run["account"]),
        Pair(Coin(run["base"]), Coin(run["quote"])),
        *(run["base_start"], run["quote_start"], base["total"], quote["total"], base["free"], quote["free"]),
        is_leg=run["kind"] == "leg",
    )
