"""How each venue account is: the newest look of the worker that trades it."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = """
CREATE TABLE account_looks (
    account TEXT PRIMARY KEY CHECK (account <> ''),
    venue TEXT NOT NULL CHECK (venue <> ''),
    at TIMESTAMPTZ NOT NULL,
    powers TEXT[] CHECK (powers <@ ARRAY['read', 'trade', 'withdraw']),
    apart_ms INT,
    open_orders INT NOT NULL CHECK (open_orders >= 0),
    dead_man VARCHAR(16) NOT NULL CHECK (dead_man IN ('proven', 'configured', 'absent')),
    refusal VARCHAR(64) NOT NULL DEFAULT ''
);
COMMENT ON TABLE account_looks IS
    'what each key may do, how far clocks are apart, what rests: the newest look; no money depends on it';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return UPGRADE


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
