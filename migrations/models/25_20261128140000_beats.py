"""Beats: what a worker reads and gives back for many runs at once."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

BEATS = """
DROP INDEX order_intents_unsettled;
CREATE INDEX order_intents_unsettled ON order_intents (account, base, quote, seq) WHERE NOT settled;

CREATE FUNCTION release_holds(kinds TEXT[], ids TEXT[]) RETURNS INT LANGUAGE plpgsql AS $$
DECLARE
    known INT;
    released INT;
BEGIN
    WITH given AS (
        SELECT h.account_id FROM unnest(kinds, ids) AS g (kind, id)
        JOIN holds h ON h.owner_kind = g.kind AND h.owner = g.id
    ), locked AS (
        SELECT FROM balances WHERE account_id IN (SELECT account_id FROM given)
        ORDER BY account_id FOR NO KEY UPDATE
    )
    SELECT (SELECT count(*) FROM given) INTO known FROM (SELECT count(*) FROM locked) AS all_locked;
    IF known < cardinality(ids) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM105', MESSAGE = 'hold_unknown', DETAIL = (
            SELECT jsonb_build_object('owner', concat_ws(':', g.kind, g.id)) FROM unnest(kinds, ids) AS g (kind, id)
            WHERE NOT EXISTS (SELECT FROM holds h WHERE h.owner_kind = g.kind AND h.owner = g.id) LIMIT 1
        );
    END IF;
    UPDATE holds h SET remaining = 0, ended_at = clock_timestamp() FROM unnest(kinds, ids) AS g (kind, id)
    WHERE h.owner_kind = g.kind AND h.owner = g.id AND h.ended_at IS NULL;
    GET DIAGNOSTICS released = ROW_COUNT;
    RETURN released;
END $$;
COMMENT ON FUNCTION release_holds IS
    'ends holds, all or none, and returns how many ended now; balances first, as when holds are made';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return BEATS


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
