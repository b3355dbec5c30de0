"""Roles of people, the audit of what they did with them, and how the first owner comes to be."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

AUDIT = """
CREATE TABLE audit (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    who VARCHAR(36) NOT NULL,
    action VARCHAR(64) NOT NULL CHECK (action <> ''),
    params JSONB NOT NULL CHECK (jsonb_typeof(params) = 'object'),
    params_hash TEXT NOT NULL CHECK (params_hash ~ '^[0-9a-f]{64}$'),
    cause TEXT NOT NULL CHECK (cause <> ''),
    at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE audit IS 'every privileged change, in the commit of the change; nobody is who when settings said so';
CREATE TRIGGER audit_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

ROLES = """
CREATE TABLE role_changes (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id VARCHAR(36) NOT NULL CHECK (user_id <> ''),
    from_role VARCHAR(16) NOT NULL,
    to_role VARCHAR(16) NOT NULL,
    audit BIGINT NOT NULL REFERENCES audit (number),
    CONSTRAINT role_changes_audited UNIQUE (audit),
    CONSTRAINT role_changes_edges
        CHECK ((from_role, to_role) IN (('user', 'admin'), ('admin', 'user'), ('user', 'owner')))
);
COMMENT ON CONSTRAINT role_changes_audited ON role_changes IS
    'no change without an audit row of its own, which says by whom';
COMMENT ON CONSTRAINT role_changes_edges ON role_changes IS
    'nothing leads away from owner, so once there is one there always is';
CREATE INDEX role_changes_newest ON role_changes (user_id, number DESC);
CREATE TRIGGER role_changes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON role_changes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW roles WITH (security_invoker = true) AS
    SELECT user_id AS holder, to_role AS role, number FROM (
        SELECT DISTINCT ON (user_id) user_id, to_role, number FROM role_changes ORDER BY user_id, number DESC
    ) newest WHERE to_role <> 'user';
COMMENT ON VIEW roles IS 'who is more than a user now; a reader sees as much of it as of the history';

CREATE FUNCTION check_role_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    actor TEXT;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('roles', 0));  -- one change at a time, none while one is kept
    SELECT who INTO actor FROM audit WHERE number = NEW.audit;
    IF NEW.from_role <> coalesce((SELECT role FROM roles WHERE holder = NEW.user_id), 'user') THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    IF NEW.to_role = 'owner' THEN
        IF EXISTS (SELECT FROM roles WHERE role = 'owner') THEN
            RAISE EXCEPTION USING ERRCODE = 'MM060', MESSAGE = 'owner_exists', DETAIL = '{}';
        END IF;
    ELSIF NEW.user_id = actor OR NOT EXISTS (SELECT FROM roles WHERE holder = actor AND role = 'owner') THEN
        RAISE EXCEPTION USING ERRCODE = 'MM061', MESSAGE = 'not_allowed', DETAIL = '{}';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_role_change() IS
    'the first owner comes by code or settings; from then on an owner changes roles, of others';
CREATE TRIGGER role_changes_ruled BEFORE INSERT ON role_changes
    FOR EACH ROW EXECUTE FUNCTION check_role_change();
"""

CODES = """
CREATE TABLE owner_codes (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code_hash TEXT NOT NULL CHECK (code_hash ~ '^[0-9a-f]{64}$'),
    issued_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT owner_codes_expire CHECK (expires_at > issued_at AND expires_at <= issued_at + interval '24 hours')
);
COMMENT ON TABLE owner_codes IS 'only the newest counts, and only while there is no owner';
CREATE TRIGGER owner_codes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON owner_codes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE owner_tries (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id VARCHAR(36) NOT NULL,
    at TIMESTAMPTZ NOT NULL
);
CREATE INDEX owner_tries_latest ON owner_tries (at);
CREATE TRIGGER owner_tries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON owner_tries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return AUDIT + ROLES + CODES


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
