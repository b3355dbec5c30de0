"""The end of an instance: announced, paid out, closed."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

CLOSINGS = """
CREATE TABLE closings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state VARCHAR(16) NOT NULL,
    announced_by VARCHAR(36) NOT NULL,
    announced_at TIMESTAMPTZ NOT NULL,
    begins_at TIMESTAMPTZ NOT NULL,
    began_at TIMESTAMPTZ,
    closed_at TIMESTAMPTZ,
    over_at TIMESTAMPTZ,
    CONSTRAINT closings_give_notice CHECK (begins_at >= announced_at + interval '24 hours'),
    CONSTRAINT closings_wait CHECK (began_at >= begins_at),
    CONSTRAINT closings_times CHECK (
        (began_at IS NOT NULL) = (state IN ('paying', 'closed', 'reopened'))
        AND (closed_at IS NOT NULL) = (state IN ('closed', 'reopened'))
        AND (over_at IS NOT NULL) = (state IN ('called_off', 'reopened'))
    )
);
COMMENT ON TABLE closings IS 'WI4: when everybody was told that they would be paid and the instance closed, and how far that is';
COMMENT ON CONSTRAINT closings_give_notice ON closings IS 'nobody is made to leave within a day of the word';
COMMENT ON CONSTRAINT closings_wait ON closings IS 'and nobody before the time that they were told';
CREATE UNIQUE INDEX closings_one ON closings ((true)) WHERE over_at IS NULL;
COMMENT ON INDEX closings_one IS 'one at a time';

INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('closing', '', 'announced'), ('closing', 'announced', 'paying'), ('closing', 'announced', 'called_off'),
    ('closing', 'paying', 'closed'), ('closing', 'closed', 'reopened');
CREATE TRIGGER closings_edges BEFORE INSERT OR UPDATE ON closings
    FOR EACH ROW EXECUTE FUNCTION check_edge('closing');
CREATE TRIGGER closings_stay BEFORE DELETE OR TRUNCATE ON closings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER closings_stay_as_announced BEFORE UPDATE ON closings
    FOR EACH ROW WHEN (
        (NEW.id, NEW.announced_by, NEW.announced_at, NEW.begins_at)
        IS DISTINCT FROM (OLD.id, OLD.announced_by, OLD.announced_at, OLD.begins_at)
    ) EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return CLOSINGS


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
