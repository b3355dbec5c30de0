"""What everybody traded lately on the pairs that are traded here: one row each, as it was told last."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = """
CREATE TABLE traded (
    venue TEXT NOT NULL CHECK (venue <> ''),
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    since TIMESTAMPTZ NOT NULL,
    until TIMESTAMPTZ NOT NULL CHECK (until >= since),
    trades INTEGER NOT NULL CHECK (trades >= 0),
    bought NUMERIC NOT NULL CHECK (bought >= 0 AND bought < 'Infinity'),
    sold NUMERIC NOT NULL CHECK (sold >= 0 AND sold < 'Infinity'),
    last_id TEXT,
    last_at TIMESTAMPTZ,
    last_price NUMERIC CHECK (last_price > 0 AND last_price < 'Infinity'),
    last_quantity NUMERIC CHECK (last_quantity > 0 AND last_quantity < 'Infinity'),
    last_taker TEXT CHECK (last_taker IN ('buy', 'sell')),
    PRIMARY KEY (venue, base, quote),
    CONSTRAINT traded_last_is_whole CHECK (
        num_nulls(last_id, last_at, last_price, last_quantity, last_taker) IN (0, 5)
    ),
    CONSTRAINT traded_has_a_last CHECK (trades = 0 OR last_at IS NOT NULL),
    CONSTRAINT traded_adds_up CHECK ((trades = 0) = (bought + sold = 0))
);
COMMENT ON TABLE traded IS
    'trades of everybody after since up to until, whole: none of them is missing; older words are not kept';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return UPGRADE


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
