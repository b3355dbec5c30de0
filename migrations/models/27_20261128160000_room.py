"""Room: how many orders an account may send in a second, so that no more runs begin there than it can serve."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

ROOM = """
ALTER TABLE venue_accounts
    ADD COLUMN orders_per_second INT NOT NULL DEFAULT 0 CHECK (orders_per_second >= 0);
COMMENT ON COLUMN venue_accounts.orders_per_second IS 'zero: no worker has told yet';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return ROOM


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
