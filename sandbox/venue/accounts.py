"""Balances: free and locked per account and asset, fees taken, what left, and the public's side of it all."""

from __future__ import annotations

from collections import defaultdict

from sandbox.venue.model import PUBLIC

Key = tuple[str, str]  # account, asset


class Accounts:
    """Every unit that clients brought in is free, locked, taken as a fee, gone, or with the public."""

    def __init__(self) -> None:
        self.free: defaultdict[Key, int] = defaultdict(int)
        self.locked: defaultdict[Key, int] = defaultdict(int)
        self.brought: defaultdict[str, int] = defaultdict(int)
        self.fees: defaultdict[str, int] = defaultdict(int)
        self.left: defaultdict[str, int] = defaultdict(int)  # for the chains, or is about to
        self.public: defaultdict[str, int] = defaultdict(int)
        self.changed: set[Key] = set()

    def bring(self, account: str, asset: str, amount: int) -> None:
        """Credit what an account starts with."""
        self.brought[asset] += amount
        self.credit(account, asset, amount)

    def lock(self, account: str, asset: str, amount: int) -> bool:
        """Promise free funds to an order; False when there is not enough."""
        key = account, asset
        if self.free[key] < amount:
            return False
        self.free[key] -= amount
        self.locked[key] += amount
        self.changed.add(key)
        return True

    def send_off(self, account: str, asset: str, amount: int) -> bool:
        """Take free funds for a withdrawal; False when there is not enough."""
        if self.free[account, asset] < amount:
            return False
        self.credit(account, asset, -amount)
        self.left[asset] += amount
        return True

    def call_back(self, account: str, asset: str, amount: int) -> None:
        """Give back what a withdrawal had taken."""
        self.left[asset] -= amount
        self.credit(account, asset, amount)

    def unlock(self, account: str, asset: str, amount: int) -> None:
        """Give back what an order no longer needs."""
        key = account, asset
        assert 0 <= amount <= self.locked[key], f"{account} would unlock more {asset} than is locked"
        self.locked[key] -= amount
        self.free[key] += amount
        self.changed.add(key)

    def pay(self, account: str, asset: str, amount: int) -> None:
        """Take locked funds, or the public's."""
        if account == PUBLIC:
            self.public[asset] -= amount
            return
        key = account, asset
        assert 0 <= amount <= self.locked[key], f"{account} would pay more {asset} than is locked"
        self.locked[key] -= amount
        self.changed.add(key)

    def credit(self, account: str, asset: str, amount: int) -> None:
        """Give funds to an account or to the public."""
        if account == PUBLIC:
            self.public[asset] += amount
            return
        self.free[account, asset] += amount
        self.changed.add((account, asset))

    def assets_of(self, account: str) -> list[str]:
        """Return the assets an account has ever touched, in order."""
        return sorted({asset for name, asset in (*self.free, *self.locked) if name == account})

    def missing(self) -> dict[str, int]:
        """Return per asset what was brought in and is nowhere: all zeros, or the venue is broken."""
        held: defaultdict[str, int] = defaultdict(int)
        for table in (self.free, self.locked):
            for (_, asset), amount in table.items():
                held[asset] += amount
        assets = {*held, *self.brought, *self.fees, *self.left, *self.public}
        gone = (held, self.fees, self.left, self.public)
        return {asset: self.brought[asset] - sum(table[asset] for table in gone) for asset in sorted(assets)}
