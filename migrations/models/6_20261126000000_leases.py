"""Leases: who may act for a scope, until when, under which epoch; and which release may take one."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

DEPLOYMENT = """
CREATE TABLE deployment (
    only_row BOOLEAN NOT NULL PRIMARY KEY DEFAULT true CHECK (only_row),
    build TEXT NOT NULL CHECK (build <> ''),
    schema_version INT NOT NULL,
    stamped_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE deployment IS 'AN9, PG7: the release that was deployed last, stamped by the migrate command';
CREATE TRIGGER deployment_by_migration BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON deployment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_outside_migration();

CREATE FUNCTION lease_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT clock_timestamp() $$;
COMMENT ON FUNCTION lease_clock() IS 'CK1: the one clock of leases; a simulation puts its own in its place';
"""

LEASES = """
CREATE TABLE leases (
    scope TEXT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    holder TEXT NOT NULL,
    state VARCHAR(16) NOT NULL,
    ttl INTERVAL NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    renewed_at TIMESTAMPTZ NOT NULL,
    build TEXT NOT NULL,
    schema_version INT NOT NULL,
    CONSTRAINT leases_scope CHECK (scope = 'wallet' OR scope ~ '^venue:[a-z0-9][a-z0-9_.-]*$'),
    CONSTRAINT leases_epoch CHECK (epoch > 0),
    CONSTRAINT leases_ttl CHECK (ttl BETWEEN interval '1 second' AND interval '5 minutes'),
    CONSTRAINT leases_fence UNIQUE (scope, epoch)
) WITH (fillfactor = 50);
COMMENT ON TABLE leases IS 'D4: who acts for a venue account or the wallet; all times by lease_clock()';
COMMENT ON CONSTRAINT leases_fence ON leases IS
    'makes the epoch a key: FOR KEY SHARE bars a take-over, and neither waits for a renewal nor bars one';

INSERT INTO leases
    SELECT 'venue:' || name, epoch, '', 'released', interval '10 s', now(), now(), '', 0
    FROM venue_accounts WHERE epoch > 0;

INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('lease', '', 'held'), ('lease', 'held', 'released'), ('lease', 'released', 'held');
CREATE TRIGGER leases_edges BEFORE INSERT OR UPDATE ON leases
    FOR EACH ROW EXECUTE FUNCTION check_edge('lease');

CREATE FUNCTION refuse_other_release(its_build TEXT, its_schema INT, patience INTERVAL) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    deployed deployment;
BEGIN
    SELECT * INTO deployed FROM deployment;
    IF (deployed.build, deployed.schema_version) IS DISTINCT FROM (its_build, its_schema)
       AND coalesce(deployed.stamped_at + patience <= lease_clock(), true) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM006', MESSAGE = 'lease_version', DETAIL = jsonb_build_object(
            'build', its_build, 'schema_version', its_schema,
            'deployed', deployed.build, 'deployed_schema_version', deployed.schema_version);
    END IF;
END $$;
COMMENT ON FUNCTION refuse_other_release(TEXT, INT, INTERVAL) IS
    'AN9: a release that is not the deployed one takes nothing, and keeps what it has for a while only';

CREATE FUNCTION check_lease() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at TIMESTAMPTZ := lease_clock();
BEGIN
    IF TG_OP = 'INSERT' OR NEW.epoch <> OLD.epoch THEN  -- a take-over
        IF TG_OP = 'UPDATE' AND OLD.state = 'held' AND OLD.expires_at > at AND NEW.holder <> OLD.holder THEN
            RAISE EXCEPTION USING ERRCODE = 'MM005', MESSAGE = 'lease_held',
                DETAIL = jsonb_build_object('scope', OLD.scope, 'holder', OLD.holder);
        END IF;
        IF TG_OP = 'INSERT' AND NEW.epoch <> 1
           OR TG_OP = 'UPDATE' AND (NEW.epoch <> OLD.epoch + 1 OR NEW.scope <> OLD.scope)
           OR NEW.state <> 'held' OR NEW.expires_at > at + NEW.ttl OR NEW.expires_at <= at THEN
            RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
                DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', 'take');
        END IF;
        PERFORM refuse_other_release(NEW.build, NEW.schema_version, interval '0');
        NEW.renewed_at := at;
        RETURN NEW;
    END IF;
    IF (NEW.scope, NEW.holder, NEW.ttl, NEW.build, NEW.schema_version)
       IS DISTINCT FROM (OLD.scope, OLD.holder, OLD.ttl, OLD.build, OLD.schema_version)
       OR OLD.state <> 'held' OR NEW.expires_at < OLD.expires_at THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    IF NEW.state = 'held' THEN  -- a renewal
        IF OLD.expires_at <= at THEN
            RETURN NULL;  -- too late, if only by the time since the statement looked: nothing is renewed
        END IF;
        IF NEW.expires_at > OLD.expires_at + OLD.ttl
           OR (NEW.expires_at > OLD.expires_at AND NEW.expires_at > at + OLD.ttl) THEN
            RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
                DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', 'renew');
        END IF;
        PERFORM refuse_other_release(OLD.build, OLD.schema_version, interval '2 minutes');
        NEW.renewed_at := at;
        RETURN NEW;
    END IF;
    NEW.expires_at := OLD.expires_at;  -- given back: nothing else changes
    NEW.renewed_at := OLD.renewed_at;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_lease() IS
    'CK3: an epoch only grows, by one; nobody is robbed; a lease lasts its ttl and is never made shorter';
CREATE TRIGGER leases_hold BEFORE INSERT OR UPDATE ON leases
    FOR EACH ROW EXECUTE FUNCTION check_lease();
CREATE TRIGGER leases_stay BEFORE DELETE OR TRUNCATE ON leases
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


ACCOUNTS = """
DROP TRIGGER venue_accounts_epoch_grows ON venue_accounts;
DROP FUNCTION check_epoch();
ALTER TABLE venue_accounts DROP COLUMN epoch;

CREATE FUNCTION check_venue_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.name <> OLD.name OR NEW.venue <> OLD.venue THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER venue_accounts_keep_their_name BEFORE UPDATE ON venue_accounts
    FOR EACH ROW EXECUTE FUNCTION check_venue_account();

CREATE OR REPLACE FUNCTION check_new_intent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM leases WHERE scope = 'venue:' || NEW.account AND epoch = NEW.epoch AND state = 'held'
        FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM003', MESSAGE = 'epoch_lost',
            DETAIL = jsonb_build_object('scope', 'venue:' || NEW.account, 'epoch', NEW.epoch);
    END IF;
    PERFORM FROM venue_accounts WHERE name = NEW.account AND halted = '' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM007', MESSAGE = 'account_halted',
            DETAIL = jsonb_build_object('account', NEW.account);
    END IF;
    PERFORM FROM runs WHERE id = NEW.run_id AND state = 'running' AND account = NEW.account
        AND base = NEW.base AND quote = NEW.quote FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM004', MESSAGE = 'run_not_running',
            DETAIL = jsonb_build_object('run', NEW.run_id);
    END IF;
    RETURN NEW;
END $$;
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return DEPLOYMENT + LEASES + ACCOUNTS


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
