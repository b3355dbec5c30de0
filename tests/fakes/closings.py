"""The end of an instance in memory, over the ledger, payouts, runs and notices of a test."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.errors import InvariantBroken
from domain.ids import UserId
from domain.ledger.model import Account, AccountKind
from domain.market.runs import RunState
from domain.money import ZERO, Coin
from domain.payouts.fees import SMALLEST
from domain.payouts.model import ENDED, Payout, PayoutState, Purpose
from domain.ports.closings import CLOSING_EDGES, Claim, Closing, ClosingState, CoinLeft, Left
from domain.ports.freezes import coin_scope, user_scope
from domain.ports.kept import KeptState


class FakeClosings:
    """Closings in order; what people have is asked of the other fakes."""

    def __init__(self, ledger: Any, notices: Any, freezes: Any, runs: Any, treasury: Any = None) -> None:
        self.rows: list[Closing] = []
        self._ledger, self._notices, self._freezes = ledger, notices, freezes
        self._runs, self._treasury = runs, treasury

    async def current(self) -> Closing | None:
        return next((each for each in self.rows if CLOSING_EDGES[each.state]), None)

    async def add(self, by: UserId, at: datetime, begins_at: datetime) -> Closing | None:
        assert begins_at >= at + timedelta(hours=24), "closings_give_notice"
        if await self.current():
            return None
        self.rows.append(Closing(len(self.rows) + 1, ClosingState.ANNOUNCED, by, at, begins_at))
        return self.rows[-1]

    async def move(self, closing: Closing, to: ClosingState, at: datetime) -> bool:
        if closing not in self.rows:
            return False
        if to not in CLOSING_EDGES[closing.state]:
            raise InvariantBroken("illegal_transition", machine="closing", was=closing.state, to=to)
        assert to is not ClosingState.PAYING or at >= closing.begins_at, "closings_wait"
        self.rows = [replace(each, state=to) if each == closing else each for each in self.rows]
        return True

    async def tell_holders(self, kind: str, cause: str, params: Mapping[str, str]) -> int:
        people = {account.owner for account, total in self._claims() if total > 0}
        people |= {run.user_id for run in self._runs.rows if run.state is not RunState.STOPPED}
        return await self._tell(sorted(people), kind, cause, params)

    async def tell_told(self, told: str, kind: str, cause: str, params: Mapping[str, str]) -> int:
        people = [who for who, said, why in self._notices.rows if (said, why) == (told, cause)]
        return await self._tell(people, kind, cause, params)

    async def _tell(self, people: Sequence[str], kind: str, cause: str, params: Mapping[str, str]) -> int:
        new = [who for who in people if (who, kind, cause) not in self._notices.rows]
        for who in new:
            await self._notices.tell(UserId(who), kind, cause, params)
        return len(new)

    async def payable(self, coins: Sequence[Coin], refused_since: datetime, limit: int) -> list[Claim]:
        found = [
            Claim(UserId(account.owner), account.coin, free)
            for account, free in await self._free()
            if free >= SMALLEST and not await self._stuck(account, coins, refused_since)
        ]
        return sorted(found, key=lambda claim: (claim.user_id, claim.coin))[:limit]

    async def left(self, coins: Sequence[Coin], refused_since: datetime) -> Left:
        people, owed = defaultdict[Coin, set[str]](set), defaultdict[Coin, Decimal](Decimal)
        dust = defaultdict[Coin, Decimal](Decimal)
        for account, total in self._claims():
            if total > 0:
                people[account.coin].add(account.owner)
                owed[account.coin] += total
                small = account.kind is AccountKind.AVAILABLE and total < SMALLEST
                dust[account.coin] += total if small else ZERO
        stuck = [
            account
            for account, free in await self._free()
            if free >= SMALLEST and await self._stuck(account, coins, refused_since)
        ]
        open_payouts = [
            payout
            for payout in self._payouts()
            if payout.purpose in (Purpose.WITHDRAWAL, Purpose.REFUND) and payout.state not in ENDED
        ]
        kept = self._treasury.rows.kept.values() if self._treasury else ()
        return Left(
            tuple(CoinLeft(coin, len(people[coin]), owed[coin], dust[coin]) for coin in sorted(owed)),
            sum(run.state is not RunState.STOPPED for run in self._runs.rows),
            len(open_payouts),
            len(stuck),
            sum(each.state is KeptState.KEPT for each in kept),
        )

    def _claims(self) -> list[tuple[Account, Decimal]]:
        mine, rows = (AccountKind.AVAILABLE, AccountKind.PENDING), self._ledger.rows
        totals = rows["total"] if isinstance(rows, dict) else rows.totals  # chat has a simpler ledger
        return [(account, total) for account, total in totals.items() if account.kind in mine]

    async def _free(self) -> list[tuple[Account, Decimal]]:
        mine = [account for account, _ in self._claims() if account.kind is AccountKind.AVAILABLE]
        return [(account, (await self._ledger.balance(account)).free) for account in mine]

    def _payouts(self) -> Sequence[Payout]:
        return list(self._treasury.rows.payouts.values()) if self._treasury else []

    async def _stuck(self, account: Account, coins: Sequence[Coin], refused_since: datetime) -> bool:
        scopes = [user_scope(UserId(account.owner)), coin_scope(account.coin)]
        refused = any(
            (payout.receiver, payout.token.coin) == (account.owner, account.coin)
            and payout.state is PayoutState.REFUSED
            and payout.created_at >= refused_since
            for payout in self._payouts()
        )
        return account.coin not in coins or refused or bool(await self._freezes.among(scopes))
