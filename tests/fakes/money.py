"""Just enough of money in memory for people to talk about: claims, holds, intents, payouts, confirmations."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, cast

from domain.errors import Refused
from domain.ids import AssetId, UserId, WithdrawalId
from domain.ledger.model import Account, AccountKind, Balance, Cause, Hold, Transfer, available, mixin, own
from domain.money import ZERO, Coin, Token
from domain.payouts.line import Waiting
from domain.payouts.model import Payout, PayoutState, Purpose
from domain.ports.confirmations import Confirmation
from domain.ports.deposits import DepositIntent
from domain.ports.freezes import INSTANCE, NEW, WALLET, Freeze
from domain.ports.kept import KeptGroup
from domain.ports.users import User
from tests.fakes.rows import Flat


class FakeLedger:
    """Balances and holds by account."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {"total": {}, "holds": {}, "causes": set()}

    def give(self, user_id: str, coin: str, amount: str) -> None:
        """Let a person have so much."""
        account = available(UserId(user_id), Coin(coin))
        self.rows["total"][account] = self.rows["total"].get(account, ZERO) + Decimal(amount)

    async def earn(self, token: Token, amount: str) -> None:
        """Let the instance have earned so much in fees, that lies in Mixin beside all that is owed."""
        missing = Decimal(amount) - await self.spare(token.coin)
        for account, more in ((own(AccountKind.FEES, token.coin), Decimal(amount)), (mixin(token), missing)):
            self.rows["total"][account] = self.rows["total"].get(account, ZERO) + more

    async def post(self, transfer: Transfer) -> bool:
        if transfer.cause in self.rows["causes"]:
            return False
        self.rows["causes"].add(transfer.cause)
        for posting in transfer.postings:
            if (await self.balance(posting.source)).free < posting.amount:
                raise Refused("insufficient_funds")
            total = self.rows["total"]
            total[posting.source] = total.get(posting.source, ZERO) - posting.amount
            total[posting.destination] = total.get(posting.destination, ZERO) + posting.amount
        return True

    async def hold(self, hold: Hold) -> bool:
        if (await self.balance(hold.account)).free < hold.amount:
            raise Refused("insufficient_funds")
        self.rows["holds"][hold.owner] = hold
        return True

    async def balance(self, account: Account) -> Balance:
        held = sum((h.amount for h in self.rows["holds"].values() if h.account == account), ZERO)
        return Balance(self.rows["total"].get(account, ZERO), held)

    async def unclaimed(self, account: Account) -> Decimal:
        claims = (
            total
            for run, total in self.rows["total"].items()
            if (run.kind, run.venue, run.coin) == (AccountKind.RUN, account.owner, account.coin)
        )
        return (await self.balance(account)).total - sum(claims, ZERO)

    async def spare(self, coin: Coin) -> Decimal:
        kinds = (AccountKind.AVAILABLE, AccountKind.PENDING, AccountKind.RUN, AccountKind.SUSPENSE)
        mine = {account: total for account, total in self.rows["total"].items() if account.coin == coin}
        there = sum((total for account, total in mine.items() if account.kind is AccountKind.MIXIN), ZERO)
        return there - sum((total for account, total in mine.items() if account.kind in kinds), ZERO)

    async def balances(self, kind: AccountKind, owner: str) -> dict[Coin, Balance]:
        mine = [account for account in self.rows["total"] if (account.kind, account.owner) == (kind, owner)]
        return {account.coin: await self.balance(account) for account in mine}

    async def post_all(self, transfers: Sequence[Transfer]) -> int:
        raise NotImplementedError

    async def find_all(self, causes: Sequence[Cause]) -> list[Transfer]:
        raise NotImplementedError

    async def hold_all(self, holds: Sequence[Hold]) -> int:
        raise NotImplementedError

    async def use_hold(self, owner: Cause, amount: Decimal) -> None:
        raise NotImplementedError

    async def release_all(self, owners: Sequence[Cause]) -> int:
        raise NotImplementedError

    async def balances_of(
        self, kind: AccountKind, owners: Sequence[str]
    ) -> Mapping[str, Mapping[Coin, Balance]]:
        raise NotImplementedError

    async def release(self, owner: Cause) -> Decimal:
        return self.rows["holds"].pop(owner).amount  # type: ignore[no-any-return]  # rows hold anything


class FakeUsers:
    """People by id."""

    def __init__(self) -> None:
        self.rows: dict[str, User] = {}
        self.forgotten: dict[str, datetime] = {}

    async def ensure(self, user: User, said_at: datetime | None = None) -> User | None:
        gone_at = self.forgotten.get(user.user_id)
        if user.user_id not in self.rows and gone_at and said_at and said_at <= gone_at:
            return None
        return self.rows.setdefault(user.user_id, user)

    async def find(self, user_id: UserId) -> User | None:
        return self.rows.get(user_id)

    async def set_language(self, user_id: UserId, language: str) -> None:
        self.rows[user_id] = replace(self.rows[user_id], language=language)

    async def run_claims(self, user_id: UserId) -> dict[Coin, Decimal]:
        return {}


class FakeConfirmations:
    """Confirmations by the hash of their token."""

    def __init__(self) -> None:
        self.rows: Flat[str, Confirmation] = Flat()

    async def add(self, confirmation: Confirmation) -> None:
        self.rows[confirmation.token_hash] = confirmation

    async def find(self, token_hash: str) -> Confirmation | None:
        return self.rows.get(token_hash)

    async def use(self, token_hash: str, used_at: datetime) -> Confirmation | None:
        found = self.rows.get(token_hash)
        if found is not None and found.used_at is None:
            self.rows[token_hash] = replace(found, used_at=used_at)
        return found


class FakeIntents:
    """Deposit intents in order; nothing else of the deposit store is reached by chat."""

    def __init__(self) -> None:
        self.rows: list[DepositIntent] = []

    async def add_intent(self, intent: DepositIntent) -> None:
        self.rows.append(intent)


class FakePayouts:
    """Payouts in order; nothing else of the payout store is reached by chat."""

    def __init__(self) -> None:
        self.rows: list[Payout] = []

    async def add(self, payout: Payout) -> None:
        self.rows.append(payout)

    async def get(self, payout_id: WithdrawalId) -> Payout:
        for row in self.rows:
            if row.id == payout_id:
                return row
        raise Refused("withdrawal_unknown", id=payout_id)

    async def save(self, payout: Payout, was: PayoutState) -> bool:
        at = [row.id for row in self.rows].index(payout.id)
        stood = self.rows[at].state is was
        self.rows[at] = payout if stood else self.rows[at]
        return stood

    async def of(self, receiver: UserId, limit: int) -> list[Payout]:
        return [row for row in self.rows if row.receiver == receiver][:limit]

    async def takings(self, limit: int) -> list[Payout]:
        return [row for row in self.rows if row.purpose is Purpose.FEES][:limit]

    async def line(self, asset_id: AssetId) -> list[Waiting]:
        return []


class FakeFreezes:
    """Stops of payouts, the oldest first."""

    def __init__(self) -> None:
        self.rows: list[Freeze] = []
        self.lifted_by: list[UserId] = []
        self.lifted: set[tuple[str, str]] = set()
        self._made = 0

    def add(self, scope: str, reason: str, at: datetime) -> None:
        """Stop payouts of a scope."""
        self._made += 1
        self.rows.append(Freeze(self._made, scope, reason, at))

    async def freeze(self, scope: str, reason: str, at: datetime) -> bool:
        fresh = scope not in {row.scope for row in self.rows}
        if fresh:
            self.add(scope, reason, at)
        return fresh

    async def looked_at(self, scope: str, reason: str) -> bool:
        return (scope, reason) in self.lifted

    async def frozen(self, *scopes: str) -> str:
        return next((row.reason for row in self.rows if row.scope in (INSTANCE, WALLET, *scopes)), "")

    async def among(self, scopes: Sequence[str]) -> set[str]:
        return {row.scope for row in self.rows if row.scope in scopes}

    async def new_begins(self) -> bool:
        return NEW not in {row.scope for row in self.rows}

    async def frozen_instance(self) -> str:
        return next((row.reason for row in self.rows if row.scope == INSTANCE), "")

    async def open(self) -> list[Freeze]:
        return list(self.rows)

    async def lift(self, freeze: Freeze, by: UserId, at: datetime) -> bool:
        was = len(self.rows)
        self.lifted |= {(row.scope, row.reason) for row in self.rows if row.id == freeze.id}
        self.rows = [row for row in self.rows if row.id != freeze.id]
        self.lifted_by += [by] * (was - len(self.rows))
        return len(self.rows) < was


class FakeKept:
    """What is kept aside, by sender."""

    def __init__(self) -> None:
        self.rows: list[KeptGroup] = []

    async def lock(self, sender: UserId) -> None:
        return None

    async def of(self, sender: UserId, reasons: Iterable[str]) -> list[KeptGroup]:
        return [row for row in self.rows if row.sender == sender and row.reason in reasons]

    async def all(self, limit: int) -> list[KeptGroup]:
        return self.rows[:limit]

    async def of_asset(self, asset_id: AssetId, reasons: Iterable[str], limit: int) -> list[KeptGroup]:
        named = [
            row for row in self.rows if row.asset_id == asset_id and row.sender and row.reason in reasons
        ]
        return named[:limit]

    async def take(self, group: KeptGroup, payout_id: WithdrawalId) -> Decimal:
        self.rows = [row for row in self.rows if row != group]
        return group.amount

    async def refunds_since(self, receiver: UserId, since: datetime) -> int:
        return 0


class FakeLinks:
    """The one call of the wallet that stays in the building."""

    async def pay_link(self, asset_id: AssetId, amount: Decimal, trace: str, memo: str) -> str:
        return f"https://mixin.one/pay/bot?asset={asset_id}&amount={amount}&memo={memo}&trace={trace}"


class CountedIds:
    """Ids that can be read in a failing test."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new_id(self) -> str:
        return f"id-{next(self._numbers)}"

    def client_order_id(self) -> str:
        return f"mmk{next(self._numbers):015d}"

    def token(self) -> str:
        return f"ToKeN_{next(self._numbers)}"


def unreached(port: object) -> Any:
    """Return a fake that has only the calls which chat reaches, for a parameter that asks for all of them."""
    return cast("Any", port)
