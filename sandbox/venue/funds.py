"""Coins that come to the venue and leave it: addresses, deposits, withdrawals. No clock, socket or disk.

What a venue is like when it comes to money is in `Habits`, which tests change: whether it knows a
withdrawal's name again, when it lists what it did, what it takes, and how its lists lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from sandbox.rails.crossing import (
    BROADCAST,
    CREDITED,
    DELIVERED,
    SEEN,
    STRAY,
    WAITING,
    Arrival,
    Crossing,
    Departure,
    Mishaps,
)
from sandbox.rails.networks import BY_NAME
from sandbox.tables import Journal, Table
from sandbox.venue.accounts import Accounts
from sandbox.venue.coins import Way, find_way, way_of, ways_of


class Reason(StrEnum):
    """Why a venue declines to move coins; each of its languages has its own word for it."""

    UNKNOWN_COIN = "unknown coin"
    UNKNOWN_NETWORK = "unknown network"
    CLOSED = "closed"
    TOO_PRECISE = "too precise"
    TOO_LITTLE = "too little"
    BAD_ADDRESS = "bad address"
    BAD_TAG = "bad tag"
    NOT_LISTED = "not listed"
    TOO_POOR = "too poor"
    NOT_CANCELLABLE = "not cancellable"


class Declined(Exception):
    """The venue declines; nothing happened."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class Stage(StrEnum):
    """Where a withdrawal is in its life."""

    REVIEW = "review"
    PROCESSING = "processing"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """Whether it may still be called off."""
        return self in (Stage.REVIEW, Stage.PROCESSING)


@dataclass(frozen=True, slots=True)
class Address:
    """A place on a chain that belongs to an account; a venue may hand out a new one, and old ones stay."""

    account: str
    network: str
    number: int
    address: str
    tag: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """``units`` leave the account, the fee among them."""

    number: int
    account: str
    coin: str
    network: str
    address: str
    tag: str
    units: int
    fee: int
    client_id: str
    applied_ms: int
    stage: str
    released: bool = False  # they are promised to the chain
    chain_hash: str = ""


@dataclass(frozen=True, slots=True)
class Deposit:
    """``units`` came to an account's address; so much less than that is credited as the fee says."""

    number: int
    account: str
    coin: str
    network: str
    address: str
    tag: str
    units: int
    fee: int
    chain_hash: str
    seen_ms: int
    credited: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A withdrawal as an account asks for it."""

    coin: str
    network: str
    address: str
    tag: str
    units: int
    client_id: str = ""


@dataclass(slots=True)
class Habits:
    """What the venue is like; tests change it."""

    client_ids: str = (
        "label"  # "dedupe": the same name is the same withdrawal; "ignore": it is not even shown
    )
    listed_after_ms: int = 0  # so long after it was asked for a withdrawal is in no list
    review: bool = False  # withdrawals wait for somebody's word
    process_ms: int = 300
    extra_fee: int = 0  # units it takes beyond the fee it quotes
    deposit_fee: int = 0  # units it takes of what arrives
    no_deposits: bool = False
    no_withdrawals: bool = False
    regress: bool = False  # lists show the stage before
    duplicate_rows: bool = False  # lists show everything twice, under two ids
    rename: bool = False  # lists show other ids than before
    drop_tag: bool = False  # addresses are shown without their tag
    strange_address: bool = False  # addresses are shown that belong to somebody else

    def change(self, wanted: Mapping[str, Any]) -> None:
        """Replace everything by the defaults and what is wanted.

        Raises:
            ValueError: there is no such habit, or not with such a value.
        """
        fresh = Habits()
        for name, value in wanted.items():
            if not hasattr(fresh, name) or type(value) is not type(getattr(fresh, name)):
                raise ValueError(f"no habit is called {name} with a value like {value!r}")
        if wanted.get("client_ids", "label") not in ("dedupe", "label", "ignore"):
            raise ValueError("client_ids is dedupe, label or ignore")
        for name, value in {**asdict(fresh), **wanted}.items():
            setattr(self, name, value)

    def shown(self) -> dict[str, Any]:
        """Return everything as it is."""
        return asdict(self)


class Funds:
    """All that crosses between this venue's accounts and the chains; rows are kept by its journal."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.habits, self.mishaps = Habits(), Mishaps()
        self.allowed: dict[str, Sequence[tuple[str, str, str]]] = {}  # account -> network, address, tag
        j = self.journal = Journal()
        self.addresses = Table(j, Address, lambda a: f"{a.account} {a.network} {a.number}")
        self.withdrawals = Table(
            j,
            Withdrawal,
            lambda w: str(w.number),
            account=lambda w: (w.account,),
            open=lambda w: ("open",) if Stage(w.stage).is_open else (),
        )
        self.deposits = Table(j, Deposit, lambda d: d.chain_hash, account=lambda d: (d.account,))
        self.departures = Table(
            j,
            Departure,
            lambda d: d.name,
            going=lambda d: (d.state,) if d.state in (WAITING, BROADCAST) else (),
        )
        self.arrivals = Table(
            j, Arrival, lambda a: a.hash, waiting=lambda a: (SEEN,) if a.state == SEEN else ()
        )

    def load(self, kind: str, key: str, body: str) -> None:
        """Take one stored row back."""
        tables = (self.addresses, self.withdrawals, self.deposits, self.departures, self.arrivals)
        next(table for table in tables if table.name == kind).load(key, body)

    # -- coming in

    def address_of(self, account: str, coin: str, network: str) -> Address:
        """Return where an account's deposits go, as the venue says it."""
        way = self._way(coin, network)
        known = self._addresses(account, way.network.name)
        found = known[-1] if known else self._new_address(account, way.network.name, 1)
        if self.habits.strange_address:
            found = replace(found, address=way.network.address_of("somebody else"))
        return replace(found, tag="") if self.habits.drop_tag else found

    def renew_address(self, account: str, network: str) -> Address:
        """Hand out another address from now on; what is sent to the old one arrives all the same."""
        return self._new_address(account, network, len(self._addresses(account, network)) + 1)

    def _addresses(self, account: str, network: str) -> list[Address]:
        return [each for each in self.addresses if (each.account, each.network) == (account, network)]

    def _new_address(self, account: str, network: str, number: int) -> Address:
        chain, owner = BY_NAME[network], f"venue {account} {number}"
        address = chain.address_of("venue" if chain.tagged else owner)
        return self.addresses.put(Address(account, network, number, address, chain.tag_of(owner)))

    def see(self, crossing: Crossing, now_ms: int) -> None:
        """Note what a chain shows, once; what the venue cannot give to an account goes to its support."""
        if crossing.hash in self.arrivals:
            return
        at, way = self._owner_of(crossing), way_of(crossing)
        found = at and way and crossing.units >= way.least_deposit_units
        owner, state = (at.account if at else ""), SEEN if found else STRAY
        self.arrivals.put(Arrival(**crossing.facts(), owner=owner, seen_ms=now_ms, state=state))
        if at and way and found:
            self._expect(crossing, at.account, way, now_ms)

    def _owner_of(self, crossing: Crossing) -> Address | None:
        place = (crossing.network.name, crossing.address, crossing.tag)
        return next((a for a in self.addresses if (a.network, a.address, a.tag) == place), None)

    def _expect(self, crossing: Crossing, account: str, way: Way, now_ms: int) -> None:
        self.deposits.put(
            Deposit(
                number=len(self.deposits) + 1,
                account=account,
                coin=way.coin,
                network=way.network.name,
                address=crossing.address,
                tag=crossing.tag,
                units=crossing.units,
                fee=min(self.habits.deposit_fee, crossing.units - 1),
                chain_hash=crossing.hash,
                seen_ms=now_ms,
            )
        )

    def recover(self, chain_hash: str, account: str, now_ms: int) -> None:
        """Let support find whose coins these are."""
        stray = self.arrivals.get(chain_hash)
        way = way_of(stray)
        if stray.state != STRAY or way is None:
            raise Declined(Reason.UNKNOWN_COIN)
        self.arrivals.change(stray, owner=account, state=SEEN)
        self._expect(stray, account, way, now_ms)

    def confirmations(self, deposit: Deposit, now_ms: int) -> tuple[int, int]:
        """Return how often a deposit was confirmed, and how often it must be."""
        arrival = self.arrivals.get(deposit.chain_hash)
        needed = arrival.network.confirmations
        return min(arrival.confirmations(now_ms, self.mishaps.block_ms), needed), needed

    def _credit(self, arrival: Arrival) -> None:
        deposit = self.deposits.get(arrival.hash)
        self.arrivals.change(arrival, state=CREDITED)
        self.deposits.change(deposit, credited=True)
        self.accounts.brought[deposit.coin] += deposit.units
        self.accounts.fees[deposit.coin] += deposit.fee
        self.accounts.credit(deposit.account, deposit.coin, deposit.units - deposit.fee)

    # -- going out

    def withdraw(self, account: str, ask: Ask, now_ms: int) -> Withdrawal:
        """Take a withdrawal on, or return the one of the same name where names are known again."""
        if self.habits.client_ids == "dedupe" and ask.client_id:
            for known in self.withdrawals.by("account", account):
                if known.client_id == ask.client_id:
                    return known
        way = self._way(ask.coin, ask.network)
        fee = way.fee_units + self.habits.extra_fee
        self._check(account, ask, way, fee)
        if not self.accounts.send_off(account, ask.coin, ask.units):
            raise Declined(Reason.TOO_POOR)
        return self.withdrawals.put(
            Withdrawal(
                number=len(self.withdrawals) + 1,
                account=account,
                coin=ask.coin,
                network=ask.network,
                address=ask.address,
                tag=ask.tag,
                units=ask.units,
                fee=fee,
                client_id=ask.client_id,
                applied_ms=now_ms,
                stage=Stage.REVIEW if self.habits.review else Stage.PROCESSING,
            )
        )

    def _way(self, coin: str, network: str) -> Way:
        if not ways_of(coin):
            raise Declined(Reason.UNKNOWN_COIN)
        way = find_way(coin, network)
        if way is None:
            raise Declined(Reason.UNKNOWN_NETWORK)
        return way

    def _check(self, account: str, ask: Ask, way: Way, fee: int) -> None:
        allowed = self.allowed.get(account)
        rules = (
            (not self.habits.no_withdrawals, Reason.CLOSED),
            (way.network.is_address(ask.address), Reason.BAD_ADDRESS),
            (bool(ask.tag) == way.network.tagged, Reason.BAD_TAG),
            (allowed is None or (ask.network, ask.address, ask.tag) in allowed, Reason.NOT_LISTED),
            (way.takes(ask.units), Reason.TOO_PRECISE),
            (ask.units >= way.least_units and ask.units > fee, Reason.TOO_LITTLE),
        )
        for holds, reason in rules:
            if not holds:
                raise Declined(reason)

    def decide(self, number: int, stage: Stage, now_ms: int) -> Withdrawal:
        """Let somebody at the venue approve a withdrawal (``PROCESSING``), call it off or let it fail."""
        withdrawal = self.withdrawals.get(str(number))
        if not Stage(withdrawal.stage).is_open or withdrawal.released:
            raise Declined(Reason.NOT_CANCELLABLE)
        if stage is Stage.PROCESSING:
            return self.withdrawals.change(withdrawal, stage=stage, applied_ms=now_ms)
        self.accounts.call_back(withdrawal.account, withdrawal.coin, withdrawal.units)
        return self.withdrawals.change(withdrawal, stage=stage)

    def carry(self, number: int, chain_hash: str, now_ms: int) -> Withdrawal:
        """Let a chain carry a withdrawal at once, under a hash that somebody chooses."""
        withdrawal = self.withdrawals.get(str(number))
        if not Stage(withdrawal.stage).is_open or withdrawal.released:
            raise Declined(Reason.NOT_CANCELLABLE)
        self._release(withdrawal, now_ms)
        promised = self.departures.get(str(number))
        self.departures.put(replace(promised, hash=chain_hash, state=BROADCAST))
        return self.withdrawals.change(
            self.withdrawals.get(str(number)), stage=Stage.DONE, chain_hash=chain_hash
        )

    def _release(self, withdrawal: Withdrawal, now_ms: int) -> None:
        """Promise the coins to the chain, less the fee."""
        chain, carried = BY_NAME[withdrawal.network], withdrawal.units - withdrawal.fee
        way = self._way(withdrawal.coin, withdrawal.network)
        self.accounts.fees[withdrawal.coin] += withdrawal.fee
        self.accounts.left[withdrawal.coin] -= withdrawal.fee
        self.withdrawals.change(withdrawal, released=True)
        self.departures.put(
            Departure(
                hash=chain.hash_of(f"venue {withdrawal.number} {withdrawal.applied_ms}"),
                chain_id=chain.chain_id,
                asset_key=way.asset_key,
                units=carried,
                sender=chain.address_of("venue"),
                address=withdrawal.address,
                tag=withdrawal.tag,
                name=str(withdrawal.number),
                due_ms=now_ms + self.mishaps.send_after_ms,
            )
        )

    # -- time

    def step(self, now_ms: int) -> list[Departure]:
        """Let time pass: release, broadcast, credit. Return what the other side has yet to see."""
        for withdrawal in self.withdrawals.by("open", "open"):
            ripe = now_ms >= withdrawal.applied_ms + self.habits.process_ms
            if withdrawal.stage == Stage.PROCESSING and ripe and not withdrawal.released:
                self._release(withdrawal, now_ms)
        for waiting in self.departures.by("going", WAITING):
            if gone := self.mishaps.broadcast(waiting, now_ms):
                self.departures.put(gone)
                row = self.withdrawals.get(gone.name)
                self.withdrawals.change(row, stage=Stage.DONE, chain_hash=gone.hash)
        for gone in self.departures.by("going", BROADCAST):
            if self._owner_of(gone):  # to an account of this very venue
                self.see(gone, now_ms)
                self.delivered(gone)
        for arrival in self.arrivals.by("waiting", SEEN):
            confirmed = arrival.confirmations(now_ms, self.mishaps.block_ms) >= arrival.network.confirmations
            if confirmed and not self.habits.no_deposits:
                self._credit(arrival)
        return self.departures.by("going", BROADCAST)

    def delivered(self, departure: Departure) -> None:
        """Remember that the other side has seen it."""
        self.departures.change(departure, state=DELIVERED)

    # -- lists

    def listed_withdrawals(self, account: str, now_ms: int) -> list[tuple[str, Withdrawal]]:
        """Return what the venue shows of an account's withdrawals, each under an id, oldest first."""
        late = now_ms - self.habits.listed_after_ms
        rows = [w for w in self.withdrawals.by("account", account) if w.applied_ms <= late]
        if self.habits.client_ids == "ignore":
            rows = [replace(row, client_id="") for row in rows]
        if self.habits.regress:
            rows = [replace(row, stage=Stage.PROCESSING, chain_hash="") for row in rows]
        return self._named(rows)

    def listed_deposits(self, account: str) -> list[tuple[str, Deposit]]:
        """Return what the venue shows of an account's deposits, each under an id, oldest first."""
        rows = self.deposits.by("account", account)
        return self._named([replace(row, credited=False) for row in rows] if self.habits.regress else rows)

    def _named(self, rows: Sequence[Any]) -> list[tuple[str, Any]]:
        start = 500_000 if self.habits.rename else 0
        named = [(str(start + row.number), row) for row in rows]
        again = [(str(900_000 + row.number), row) for row in rows] if self.habits.duplicate_rows else []
        return sorted(named + again, key=lambda each: int(each[1].number))

    def shown(self) -> dict[str, Any]:
        """Return everything there is, for tests and the curious."""
        tables = (self.addresses, self.withdrawals, self.deposits, self.departures, self.arrivals)
        return {
            **{f"{table.name.lower()}s": [asdict(row) for row in table] for table in tables},
            "habits": self.habits.shown(),
            "mishaps": self.mishaps.shown(),
        }
