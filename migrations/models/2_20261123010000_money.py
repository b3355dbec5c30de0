"""Money in and out: deposit intents, outputs, payouts, reservations, confirmations, freezes."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True


UPGRADE = """
-- What came into the wallet. Rows are never changed: what was booked stays booked (DP5).
CREATE TABLE outputs (
    output_id        text PRIMARY KEY,
    sequence         bigint NOT NULL,
    transaction_hash text NOT NULL,
    output_index     integer NOT NULL,
    asset_id         text NOT NULL,
    amount           numeric NOT NULL CHECK (amount > 0 AND amount < 'Infinity'),
    sender           text,
    memo             text NOT NULL,
    request_id       text NOT NULL,
    inscription      boolean NOT NULL,
    spent_before     boolean NOT NULL,
    created_at       timestamptz NOT NULL,
    immutable_hash   text NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('deposit', 'float', 'change', 'suspense', 'strange')),
    reason           text NOT NULL,
    recorded_at      timestamptz NOT NULL,
    CHECK (kind NOT IN ('deposit', 'float') OR (sender IS NOT NULL AND NOT inscription))
);
CREATE INDEX outputs_sequence ON outputs (sequence);
CREATE INDEX outputs_spendable ON outputs (asset_id, amount DESC) WHERE NOT inscription AND NOT spent_before;

CREATE TABLE deposit_intents (
    id         text PRIMARY KEY,
    user_id    text NOT NULL,
    asset_id   text NOT NULL,
    coin       text NOT NULL,
    network    text NOT NULL,
    amount     numeric(38, 18) NOT NULL CHECK (amount > 0 AND amount <> 'NaN'),
    trace      text NOT NULL UNIQUE,
    pay_link   text NOT NULL,
    created_at timestamptz NOT NULL,
    paid_by    text UNIQUE REFERENCES outputs (output_id)
);

CREATE TABLE payouts (
    id               text PRIMARY KEY,
    purpose          text NOT NULL CHECK (purpose IN ('withdrawal', 'consolidation')),
    receiver         text NOT NULL,
    asset_id         text NOT NULL,
    coin             text NOT NULL,
    network          text NOT NULL,
    amount           numeric(38, 18) NOT NULL CHECK (amount > 0 AND amount <> 'NaN'),
    fee              numeric(38, 18) NOT NULL CHECK (fee >= 0 AND fee < amount),
    state            text NOT NULL,
    request_id       text NOT NULL UNIQUE,
    raw              text NOT NULL DEFAULT '',
    transaction_hash text NOT NULL DEFAULT '',
    signed_raw       text NOT NULL DEFAULT '',
    reason           text NOT NULL DEFAULT '',
    change           numeric(38, 18) NOT NULL DEFAULT 0 CHECK (change >= 0 AND change <> 'NaN'),
    change_output    text REFERENCES outputs (output_id),
    attempts         integer NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL,
    due_at           timestamptz NOT NULL,
    CHECK ((raw = '') = (transaction_hash = '')),
    CHECK (raw <> '' OR state IN ('requested', 'waiting', 'reserved', 'refused')),
    CHECK (signed_raw <> '' OR state <> 'signed'),
    CHECK (signed_raw = '' OR state IN ('signed', 'sent', 'done', 'refused')),
    CHECK (purpose = 'withdrawal' OR fee = 0)
);
CREATE INDEX payouts_due ON payouts (due_at) WHERE state NOT IN ('done', 'refused');
CREATE INDEX payouts_waiting ON payouts (asset_id, created_at, id) WHERE state = 'waiting';
CREATE INDEX payouts_change_due ON payouts (asset_id)
    WHERE change > 0 AND change_output IS NULL AND state <> 'refused';

INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('payout', '', 'requested'),
    ('payout', 'requested', 'waiting'),
    ('payout', 'requested', 'reserved'),
    ('payout', 'waiting', 'reserved'),
    ('payout', 'reserved', 'built'),
    ('payout', 'reserved', 'refused'),
    ('payout', 'built', 'signed'),
    ('payout', 'built', 'sent'),
    ('payout', 'built', 'refused'),
    ('payout', 'signed', 'sent'),
    ('payout', 'signed', 'refused'),
    ('payout', 'sent', 'done');
CREATE TRIGGER payouts_edges BEFORE INSERT OR UPDATE ON payouts
    FOR EACH ROW EXECUTE FUNCTION check_edge('payout');

-- One output pays one payout (WD3): the key is the promise.
CREATE TABLE reservations (
    output_id text PRIMARY KEY REFERENCES outputs (output_id),
    payout_id text NOT NULL REFERENCES payouts (id),
    position  integer NOT NULL CHECK (position BETWEEN 0 AND 254),
    UNIQUE (payout_id, position)
);

CREATE TABLE confirmations (
    token_hash  text PRIMARY KEY,
    user_id     text NOT NULL,
    action      text NOT NULL,
    params_hash text NOT NULL,
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);

CREATE TABLE freezes (
    scope      text PRIMARY KEY,
    reason     text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TRIGGER outputs_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON outputs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payouts_stay BEFORE DELETE OR TRUNCATE ON payouts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER reservations_stay BEFORE UPDATE OR TRUNCATE ON reservations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What a payout is never changes; bytes, hash and signature are set once, in their own step (WD3).
CREATE FUNCTION payout_keeps_its_word() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.purpose, NEW.receiver, NEW.asset_id, NEW.coin, NEW.network, NEW.amount, NEW.fee,
        NEW.request_id, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.purpose, OLD.receiver, OLD.asset_id, OLD.coin, OLD.network, OLD.amount, OLD.fee,
        OLD.request_id, OLD.created_at)
    OR ((NEW.raw, NEW.transaction_hash) IS DISTINCT FROM (OLD.raw, OLD.transaction_hash)
        AND NOT (OLD.state = 'reserved' AND NEW.state = 'built'))
    OR (NEW.signed_raw IS DISTINCT FROM OLD.signed_raw
        AND NOT (OLD.state = 'built' AND NEW.state = 'signed'))
    OR (OLD.change_output IS NOT NULL AND NEW.change_output IS DISTINCT FROM OLD.change_output) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'payout', OLD.id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payouts_keep_their_word BEFORE UPDATE ON payouts
    FOR EACH ROW EXECUTE FUNCTION payout_keeps_its_word();

-- Inputs are taken before anything is built, and come back only after a definite no.
CREATE FUNCTION reservation_follows_payout() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    standing text;
BEGIN
    SELECT state INTO standing FROM payouts
        WHERE id = CASE WHEN TG_OP = 'DELETE' THEN OLD.payout_id ELSE NEW.payout_id END;
    IF TG_OP = 'DELETE' AND standing IS DISTINCT FROM 'refused'
    OR TG_OP = 'INSERT' AND standing NOT IN ('requested', 'waiting') THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP, 'payout', standing);
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER reservations_follow BEFORE INSERT OR DELETE ON reservations
    FOR EACH ROW EXECUTE FUNCTION reservation_follows_payout();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return UPGRADE


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
