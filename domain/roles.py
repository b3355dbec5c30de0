"""Who may do what: roles of people, and the permissions of each. Nobody may do what no line here gives."""

from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What a person is to an instance; everybody who is nothing else is a user."""

    USER = "user"
    ADMIN = "admin"
    OWNER = "owner"


class Permission(StrEnum):
    """One thing that can be done here. Looking at something and changing it are always two."""

    TALK = "talk"
    PAGES_READ = "pages.read"
    MONEY_OWN = "money.own"
    """One's own money: look at it, pay in, take out."""
    RUNS_OWN = "runs.own"
    """One's own runs, conversions and orders: look at them, start, change and stop them."""
    RUNS_STOP_ALL = "runs.stop_all"
    CLOSING_READ = "closing.read"
    CLOSING_SET = "closing.set"
    """Pay everybody and close."""
    INACTIVE_READ = "inactive.read"
    OWNER_CLAIM = "owner.claim"
    """Ask to be the first owner; the code decides."""
    AUDIT_READ = "audit.read"
    ROLES_READ = "roles.read"
    ROLES_CHANGE = "roles.change"
    FEES_SET = "fees.set"
    FEES_TAKE = "fees.take"
    SUSPENSE_READ = "suspense.read"
    SUSPENSE_RETURN = "suspense.return"
    FREEZES_READ = "freezes.read"
    FREEZES_SET = "freezes.set"
    """Stop what a person begins, or what is begun with a coin."""
    FREEZES_LIFT = "freezes.lift"
    HALTS_READ = "halts.read"
    HALTS_LIFT = "halts.lift"
    RECONCILE_READ = "reconcile.read"
    RECONCILE_SETTLE = "reconcile.settle"
    TRANSFERS_READ = "transfers.read"
    TRANSFERS_CONFIRM = "transfers.confirm"
    """Say that what was asked for by hand has been done."""
    TRANSFERS_DECIDE = "transfers.decide"
    """Say what becomes of a transfer that nobody answers for, or that arrived short."""
    ADDRESSES_READ = "addresses.read"
    ADDRESSES_APPROVE = "addresses.approve"


_USERS = frozenset(
    {
        Permission.TALK,
        Permission.PAGES_READ,
        Permission.MONEY_OWN,
        Permission.RUNS_OWN,
        Permission.OWNER_CLAIM,
    }
)
_ADMINS = _USERS | {
    Permission.CLOSING_READ,
    Permission.INACTIVE_READ,
    Permission.AUDIT_READ,
    Permission.ROLES_READ,
    Permission.SUSPENSE_READ,
    Permission.FREEZES_READ,
    Permission.FREEZES_SET,
    Permission.HALTS_READ,
    Permission.RECONCILE_READ,
    Permission.TRANSFERS_READ,
    Permission.TRANSFERS_CONFIRM,
    Permission.ADDRESSES_READ,
}
_OWNERS = _ADMINS | {
    Permission.RUNS_STOP_ALL,
    Permission.CLOSING_SET,
    Permission.ROLES_CHANGE,
    Permission.FEES_SET,
    Permission.FEES_TAKE,
    Permission.SUSPENSE_RETURN,
    Permission.FREEZES_LIFT,
    Permission.HALTS_LIFT,
    Permission.RECONCILE_SETTLE,
    Permission.TRANSFERS_DECIDE,
    Permission.ADDRESSES_APPROVE,
}

PERMISSIONS = MappingProxyType({Role.USER: _USERS, Role.ADMIN: _ADMINS, Role.OWNER: _OWNERS})
"""The matrix of ``docs/actors.md``."""


def may(role: Role, permission: str) -> bool:
    """Tell whether a role has a permission; one that is not listed nobody has."""
    return permission in PERMISSIONS[role]
