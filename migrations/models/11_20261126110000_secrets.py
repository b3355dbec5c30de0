"""Secrets at rest: sealed rows that never change but in what wraps their key, and the master keys' names."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

MASTER_KEYS = """
CREATE TABLE master_keys (
    kid        VARCHAR(16) NOT NULL PRIMARY KEY,
    salt       BYTEA,
    scrypt_n   INT,
    scrypt_r   INT,
    scrypt_p   INT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    retired_at TIMESTAMPTZ,
    CONSTRAINT master_keys_kid CHECK (kid ~ '^[0-9a-f]{16}$'),
    CONSTRAINT master_keys_passphrase CHECK (num_nulls(salt, scrypt_n, scrypt_r, scrypt_p) IN (0, 4))
);
COMMENT ON TABLE master_keys IS
    'the names of master keys, and how a passphrase becomes one; the keys themselves are in no database';

CREATE FUNCTION check_master_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.kid, NEW.salt, NEW.scrypt_n, NEW.scrypt_r, NEW.scrypt_p, NEW.created_at)
       IS DISTINCT FROM (OLD.kid, OLD.salt, OLD.scrypt_n, OLD.scrypt_r, OLD.scrypt_p, OLD.created_at)
       OR OLD.retired_at IS NOT NULL
       OR EXISTS (SELECT FROM secrets WHERE kid = OLD.kid)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_master_key() IS 'T26: a master key is retired once, and only when no secret needs it';
CREATE TRIGGER master_keys_retire BEFORE UPDATE ON master_keys
    FOR EACH ROW EXECUTE FUNCTION check_master_key();
CREATE TRIGGER master_keys_stay BEFORE DELETE OR TRUNCATE ON master_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

SECRETS = """
CREATE TABLE secrets (
    id          UUID NOT NULL PRIMARY KEY,
    instance    VARCHAR(36) NOT NULL,
    kind        VARCHAR(16) NOT NULL,
    name        VARCHAR(64) NOT NULL,
    version     INT NOT NULL,
    nonce       BYTEA NOT NULL,
    ciphertext  BYTEA NOT NULL,
    kid         VARCHAR(16) NOT NULL REFERENCES master_keys (kid),
    wrapped_key BYTEA NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    revoked_at  TIMESTAMPTZ,
    CONSTRAINT secrets_versions UNIQUE (kind, name, version),
    CONSTRAINT secrets_kind CHECK (kind IN ('session_key', 'spend_key', 'venue_key')),
    CONSTRAINT secrets_name CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_.-]*$'),
    CONSTRAINT secrets_version CHECK (version > 0),
    CONSTRAINT secrets_envelope CHECK (octet_length(nonce) = 12 AND octet_length(ciphertext) > 16
        AND octet_length(wrapped_key) = 60)
);
COMMENT ON TABLE secrets IS 'safety 4.2: each sealed under a key of its own, which a master key wraps';

CREATE FUNCTION check_secret() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    in_use BOOLEAN;
BEGIN
    IF TG_OP = 'UPDATE' AND (
        (NEW.id, NEW.instance, NEW.kind, NEW.name, NEW.version, NEW.nonce, NEW.ciphertext, NEW.created_at)
        IS DISTINCT FROM
        (OLD.id, OLD.instance, OLD.kind, OLD.name, OLD.version, OLD.nonce, OLD.ciphertext, OLD.created_at)
        OR (NEW.kid = OLD.kid) <> (NEW.wrapped_key = OLD.wrapped_key)
        OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at))
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    SELECT retired_at IS NULL INTO in_use FROM master_keys WHERE kid = NEW.kid FOR SHARE;
    IF NOT coalesce(in_use, false) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM109', MESSAGE = 'master_key_retired',
            DETAIL = jsonb_build_object('kid', NEW.kid);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_secret() IS
    'T26: what is sealed never changes; only its key is wrapped anew, by a master key that is not retired';
CREATE TRIGGER secrets_sealed BEFORE INSERT OR UPDATE ON secrets
    FOR EACH ROW EXECUTE FUNCTION check_secret();
CREATE TRIGGER secrets_stay BEFORE DELETE OR TRUNCATE ON secrets
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return MASTER_KEYS + SECRETS


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
