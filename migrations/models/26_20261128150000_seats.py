"""Seats: how many workers there are, so that each takes its part of the accounts and no more."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

SEATS = """
ALTER TABLE leases DROP CONSTRAINT leases_scope;
ALTER TABLE leases ADD CONSTRAINT leases_scope
    CHECK (scope = 'wallet' OR scope ~ '^venue:[a-z0-9][a-z0-9_.-]*$' OR scope ~ '^seat:[1-9][0-9]{0,3}$');
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return SEATS


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
