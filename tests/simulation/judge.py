"""The judge: our books against the far sides' own records, and everybody's money to the last digit."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from sandbox.mixin.core.decode import read
from tests.simulation.far_mixin import FarMixin
from tests.simulation.far_venue import ACCOUNT, FarVenue
from tests.simulation.watch import Watch

_BALANCES = """
    SELECT a.kind, a.owner, a.coin, b.total, b.held FROM balances b JOIN accounts a ON a.id = b.account_id
"""
_OWED = """
    SELECT a.owner AS user_id, a.coin, sum(b.total) AS total
    FROM balances b JOIN accounts a ON a.id = b.account_id JOIN account_kinds k ON k.kind = a.kind
    WHERE k.side = 'owed' AND a.kind <> 'run' GROUP BY a.owner, a.coin
    UNION ALL
    SELECT r.user_id, a.coin, sum(b.total) FROM balances b JOIN accounts a ON a.id = b.account_id
    JOIN runs r ON r.id = a.owner WHERE a.kind = 'run' GROUP BY r.user_id, a.coin
"""
_GIVEN = """
    SELECT sender, asset_id, sum(amount) AS amount FROM (
        SELECT sender, asset_id, amount FROM outputs WHERE kind = 'float'
        UNION ALL SELECT sender, asset_id, amount FROM kept_outputs WHERE state IN ('kept', 'refunding')
    ) given WHERE sender IS NOT NULL GROUP BY sender, asset_id
"""
_TRADED = """
    SELECT r.user_id,
        sum(CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END) AS base,
        sum(CASE f.side WHEN 'buy' THEN -f.quote_quantity ELSE f.quote_quantity END) AS quote,
        sum(f.fee) FILTER (WHERE f.fee_coin = f.base) AS fee_base,
        sum(f.fee) FILTER (WHERE f.fee_coin = f.quote) AS fee_quote
    FROM fills f JOIN runs r ON r.id = f.run_id GROUP BY r.user_id
"""
_CHARGED = "SELECT user_id, coin, sum(amount) AS amount FROM service_fees GROUP BY user_id, coin"
_TAKEN = """
    SELECT receiver AS user_id, coin, sum(amount) AS amount FROM payouts
    WHERE purpose = 'fees' AND state = 'done' GROUP BY receiver, coin
"""
_OPEN = """
    SELECT 'payout ' || id || ' ' || state AS what FROM payouts
    WHERE state NOT IN ('done', 'refused', 'cancelled')
    UNION ALL SELECT 'run ' || id || ' ' || state FROM runs WHERE state NOT IN ('stopped', 'running')
    UNION ALL SELECT 'message ' || message_id FROM inbox WHERE state <> 'done'
    UNION ALL SELECT 'notice ' || kind || ' ' || state FROM outbox WHERE state <> 'sent'
    UNION ALL SELECT 'order ' || id || ' ' || state FROM order_intents o WHERE NOT settled
        AND NOT EXISTS (SELECT FROM runs r WHERE r.id = o.run_id AND r.state = 'running')
    UNION ALL SELECT 'hold ' || owner_kind || ' ' || owner FROM holds WHERE ended_at IS NULL
        AND NOT EXISTS (SELECT FROM runs WHERE state = 'running')
    UNION ALL SELECT 'transfer ' || id || ' ' || state FROM treasury_transfers WHERE ended_at IS NULL
    UNION ALL SELECT 'freeze ' || scope || ' ' || reason FROM freezes
    UNION ALL SELECT scope || ' differs: ' || outcome FROM (
        SELECT DISTINCT ON (scope) scope, outcome FROM reconciliations ORDER BY scope, id DESC
    ) newest WHERE outcome IN ('short', 'surplus')
    UNION ALL SELECT 'halt ' || name || ' ' || halted FROM venue_accounts WHERE halted <> ''
"""
_FAULTS = "SELECT * FROM ledger_faults UNION ALL SELECT * FROM fee_faults"


class Judge:
    """Compares; what it returns is everything that is wrong, in sentences."""

    def __init__(self, watch: Watch, mixin: FarMixin, venue: FarVenue, coins: Mapping[str, str]) -> None:
        self._watch, self._mixin, self._venue = watch, mixin, venue
        self._coins = dict(coins)  # coin by asset id
        self._purses = {name: mixin.purse(name) for name in self._people()}
        self._given_before: dict[tuple[str, str], Decimal] = mixin.received_by_bot()

    def always(self) -> list[str]:
        """Return what is wrong although it must hold after every commit (I1-I7, WD2, OR3)."""
        return [*(f"fault: {row}" for row in self._watch.rows(_FAULTS)), *self._sent_twice()]

    def at_rest(self) -> list[str]:
        """Return what is wrong when nothing is under way any more (I8, I12, everybody's money)."""
        open_things = [f"not ended: {row['what']}" for row in self._watch.rows(_OPEN)]
        return [*self.always(), *open_things, *self._wallet(), *self._exchange(), *self._everybody()]

    def _people(self) -> list[str]:
        return [
            user.name
            for user in self._mixin.world.state.users
            if not user.is_bot and user.name != "Mixin Fee"
        ]

    def _sent_twice(self) -> Iterator[str]:
        for client_id, times in Counter(self._venue.sent).items():
            if times > 1:
                yield f"order {client_id} was sent {times} times"
        for withdrawal in self._withdrawn_twice():
            yield f"withdrawal {withdrawal} was made twice"
        spent = Counter(name for t in self._mixin.payments_of_bot() for name in _inputs(t.raw))
        yield from (f"output {name} was spent {times} times" for name, times in spent.items() if times > 1)

    def _withdrawn_twice(self) -> Iterator[str]:
        """Return what the venue paid more than once: by place and amount, which carries a tag of its own."""
        made = Counter((w.coin, w.address, w.units) for w in self._venue.funds.withdrawals)
        yield from (f"of {units} {coin} to {to}" for (coin, to, units), n in made.items() if n > 1)

    def _wallet(self) -> Iterator[str]:
        held = self._mixin.unspent_of_bot()
        booked = {r["owner"]: r["total"] for r in self._watch.rows(_BALANCES) if r["kind"] == "mixin"}
        for asset_id, coin in self._coins.items():
            if held.get(asset_id, Decimal(0)) != booked.get(asset_id, Decimal(0)):
                yield f"wallet {coin}: booked {booked.get(asset_id)}, there {held.get(asset_id)}"

    def _exchange(self) -> Iterator[str]:
        there = self._venue.totals()
        rows = [r for r in self._watch.rows(_BALANCES) if (r["kind"], r["owner"]) == ("venue", ACCOUNT)]
        booked = {r["coin"]: r["total"] for r in rows if r["total"]}
        if booked != there:
            yield f"venue: booked {booked}, there {there}"
        if missing := {a: m for a, m in self._venue.engine.accounts.missing().items() if m}:
            yield f"the venue itself lost {missing}"
        known = {r["client_order_id"] for r in self._watch.rows("SELECT client_order_id FROM order_intents")}
        yield from (
            f"order {order.client_id} rests without an intent"
            for order in self._venue.open_orders()
            if order.client_id not in known
        )

    def _everybody(self) -> Iterator[str]:
        """What someone has and is owed is what they began with and their runs made, less our fees.

        The owner has the fees that were taken besides.
        """
        owed: dict[tuple[str, str], Decimal] = {}
        for row in self._watch.rows(_OWED):
            key = row["user_id"], row["coin"]
            owed[key] = owed.get(key, Decimal(0)) + row["total"]
        given = {(r["sender"], r["asset_id"]): r["amount"] for r in self._watch.rows(_GIVEN)}
        charged, taken = self._sums(_CHARGED), self._sums(_TAKEN)
        made = {row["user_id"]: row for row in self._watch.rows(_TRADED)}
        for name, before in self._purses.items():
            user_id = next(u.user_id for u in self._mixin.world.state.users if u.name == name)
            now, result = self._mixin.purse(name), _results(made.get(user_id))
            for asset_id, coin in self._coins.items():
                has = now.get(asset_id, Decimal(0)) + owed.get((user_id, coin), Decimal(0))
                has += given.get((user_id, asset_id), Decimal(0)) - self._given_before.get(
                    (user_id, asset_id), Decimal(0)
                )
                should = before.get(asset_id, Decimal(0)) + result.get(coin, Decimal(0))
                should += taken[user_id, coin] - charged[user_id, coin]
                if has != should:
                    yield f"{name} has {has} {coin} and should have {should}"

    def _sums(self, sql: str) -> dict[tuple[str, str], Decimal]:
        sums = defaultdict[tuple[str, str], Decimal](Decimal)
        return sums | {(row["user_id"], row["coin"]): row["amount"] for row in self._watch.rows(sql)}


def _results(row: Mapping[str, Any] | None) -> dict[str, Decimal]:
    if row is None:
        return {}
    return {
        "BTC": row["base"] - (row["fee_base"] or 0),
        "USDT": row["quote"] - (row["fee_quote"] or 0),
    }


@cache
def _inputs(raw: str) -> tuple[str, ...]:
    return tuple(read(raw).inputs)
