"""The end of an instance: announced, paid out, closed; and of a person's profile: erased at their word."""

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

SIGNS_OF_LIFE = """
CREATE INDEX outputs_sender ON outputs (sender, recorded_at) WHERE sender IS NOT NULL;
COMMENT ON INDEX outputs_sender IS 'WI9: when a person paid in last';
"""

FORGETTING = """
ALTER TABLE users
    ADD COLUMN forgotten BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN forgotten_at TIMESTAMPTZ,
    ADD CONSTRAINT users_forgotten CHECK (forgotten_at IS NOT NULL OR NOT forgotten);
COMMENT ON COLUMN users.forgotten IS 'WI7: nothing is known of them but the id that the books go by, until they write again';
COMMENT ON COLUMN users.forgotten_at IS 'what they said before is not answered, whenever it arrives';

CREATE FUNCTION forget_person(person TEXT, at TIMESTAMPTZ) RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM accounts a JOIN balances b ON b.account_id = a.id
               WHERE a.owner = person AND a.kind IN ('available', 'pending') AND b.total >= 0.00000001)
    OR EXISTS (SELECT FROM runs WHERE user_id = person AND state <> 'stopped')
    OR EXISTS (SELECT FROM payouts WHERE receiver = person AND state NOT IN ('done', 'refused', 'cancelled'))
    OR EXISTS (SELECT FROM roles WHERE holder = person) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM090', MESSAGE = 'still_here', DETAIL = '{}';
    END IF;
    UPDATE inbox SET state = 'done', ended_at = at
    WHERE user_id = person AND state = 'pending' AND sent_at <= at
      AND seq > (SELECT min(seq) FROM inbox WHERE user_id = person AND state = 'pending');
    UPDATE inbox SET body = '', reason = '' WHERE user_id = person AND sent_at <= at;
    UPDATE outbox SET state = 'dead', ended_at = at WHERE user_id = person AND state = 'pending';
    UPDATE outbox SET params = '{}', reason = '' WHERE user_id = person;
    DELETE FROM conversations WHERE user_id = person;
    DELETE FROM confirmations WHERE user_id = person;
    DELETE FROM deposit_intents WHERE user_id = person AND paid_by IS NULL;
    UPDATE users SET language = 'en', created_at = at, forgotten = true, forgotten_at = at
    WHERE user_id = person;
END $$;
COMMENT ON FUNCTION forget_person(TEXT, TIMESTAMPTZ) IS
    'WI7: what is personal goes, the oldest message that waits is the word itself; what was booked stays under the id';

CREATE FUNCTION forget_late_word() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM users WHERE user_id = NEW.user_id AND forgotten_at >= NEW.sent_at) THEN
        NEW.body := '';
        NEW.reason := '';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION forget_late_word() IS 'WI7: what arrives late of what a person said before they were forgotten is not kept';
CREATE TRIGGER inbox_forgets BEFORE UPDATE ON inbox
    FOR EACH ROW WHEN (OLD.state = 'pending' AND NEW.state <> 'pending') EXECUTE FUNCTION forget_late_word();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return CLOSINGS + SIGNS_OF_LIFE + FORGETTING


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
