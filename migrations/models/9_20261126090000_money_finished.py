"""Withdrawals taken back, freezes lifted by a person, what is kept aside, and deposits that are not final."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

PAYOUTS = """
ALTER TABLE payouts
    DROP CONSTRAINT payouts_check2,
    DROP CONSTRAINT payouts_purpose_check,
    ADD CONSTRAINT payouts_purpose_check CHECK (purpose IN ('withdrawal', 'consolidation', 'refund')),
    ADD CONSTRAINT payouts_bytes CHECK (
        raw <> '' OR state IN ('requested', 'waiting', 'reserved', 'refused', 'cancelled')
    );
DROP INDEX payouts_due;
CREATE INDEX payouts_due ON payouts (due_at) WHERE state NOT IN ('done', 'refused', 'cancelled');
CREATE INDEX payouts_receiver ON payouts (receiver, created_at DESC) WHERE purpose <> 'consolidation';
COMMENT ON INDEX payouts_receiver IS 'what a person asks about';
INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('payout', 'requested', 'cancelled'), ('payout', 'waiting', 'cancelled');
"""

FREEZES = """
ALTER TABLE freezes
    DROP CONSTRAINT freezes_pkey,
    ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN lifted_at timestamptz,
    ADD COLUMN lifted_by text,
    ADD CONSTRAINT freezes_lifted CHECK ((lifted_at IS NULL) = (lifted_by IS NULL));
CREATE UNIQUE INDEX freezes_open ON freezes (scope) WHERE lifted_at IS NULL;
COMMENT ON TABLE freezes IS 'why payouts were stopped, and who looked and let them go on';

CREATE FUNCTION check_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.scope, NEW.reason, NEW.created_at) IS DISTINCT FROM
       (OLD.id, OLD.scope, OLD.reason, OLD.created_at) OR OLD.lifted_at IS NOT NULL
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_freeze() IS 'a freeze is lifted once, and nothing else of it changes';
CREATE TRIGGER freezes_lift BEFORE UPDATE ON freezes FOR EACH ROW EXECUTE FUNCTION check_freeze();
CREATE TRIGGER freezes_stay BEFORE DELETE OR TRUNCATE ON freezes
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

KEPT = """
CREATE TABLE kept_outputs (
    output_id  text PRIMARY KEY REFERENCES outputs (output_id),
    sender     text,
    asset_id   text NOT NULL,
    amount     numeric NOT NULL CHECK (amount > 0 AND amount < 'Infinity'),
    reason     text NOT NULL CHECK (reason <> ''),
    booked     boolean NOT NULL,
    state      text NOT NULL,
    settled_by text NOT NULL DEFAULT '',
    CHECK ((settled_by = '') = (state = 'kept')),
    CHECK (sender IS NOT NULL OR state = 'kept')
);
COMMENT ON COLUMN kept_outputs.booked IS 'the ledger has it in suspense; of tokens nobody approved it knows nothing';
COMMENT ON COLUMN kept_outputs.settled_by IS 'the payout that gives it back, or the output with which it was enough';
CREATE INDEX kept_outputs_open ON kept_outputs (sender, asset_id) INCLUDE (amount) WHERE state = 'kept';
CREATE INDEX kept_outputs_refunds ON kept_outputs (settled_by) WHERE state = 'refunding';
INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('kept', '', 'kept'), ('kept', 'kept', 'credited'), ('kept', 'kept', 'refunding'),
    ('kept', 'refunding', 'refunded'), ('kept', 'refunding', 'kept');
INSERT INTO kept_outputs (output_id, sender, asset_id, amount, reason, booked, state)
    SELECT output_id, sender, asset_id, amount, reason, kind = 'suspense', 'kept' FROM outputs
    WHERE kind IN ('suspense', 'strange') AND reason <> 'spent_before';
CREATE TRIGGER kept_outputs_edges BEFORE INSERT OR UPDATE ON kept_outputs
    FOR EACH ROW EXECUTE FUNCTION check_edge('kept');
CREATE FUNCTION check_kept_output() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.output_id, NEW.sender, NEW.asset_id, NEW.amount, NEW.reason, NEW.booked) IS DISTINCT FROM
       (OLD.output_id, OLD.sender, OLD.asset_id, OLD.amount, OLD.reason, OLD.booked)
    OR (NEW.state = 'refunded' AND NEW.settled_by <> OLD.settled_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'output', OLD.output_id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_kept_output() IS 'what is kept stays what it was; only what becomes of it is written';
CREATE TRIGGER kept_outputs_keep BEFORE UPDATE ON kept_outputs
    FOR EACH ROW EXECUTE FUNCTION check_kept_output();
CREATE TRIGGER kept_outputs_stay BEFORE DELETE OR TRUNCATE ON kept_outputs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Outputs of tokens that nobody approved can be given back, so they are free to be spent, for that alone.
CREATE OR REPLACE FUNCTION free_output() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO free_outputs
        SELECT o.output_id, o.asset_id, o.amount FROM outputs o
        WHERE o.output_id = CASE WHEN TG_OP = 'DELETE' THEN OLD.output_id ELSE NEW.output_id END
          AND NOT o.inscription AND NOT o.spent_before
          AND (o.kind <> 'strange' OR o.reason = 'asset_unknown');
    RETURN NULL;
END $$;
"""

PENDING = """
INSERT INTO account_kinds (kind, side, guarded) VALUES ('pending', 'owed', true);
CREATE TABLE pending_deposits (
    output_id text PRIMARY KEY REFERENCES outputs (output_id),
    user_id   text NOT NULL,
    state     text NOT NULL,
    seen_at   timestamptz NOT NULL
);
COMMENT ON TABLE pending_deposits IS 'DP9: deposits that were seen before they were final; spent for nobody until then';
CREATE INDEX pending_deposits_open ON pending_deposits (seen_at) WHERE state = 'pending';
INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('deposit', '', 'pending'), ('deposit', 'pending', 'final');
CREATE TRIGGER pending_deposits_edges BEFORE INSERT OR UPDATE ON pending_deposits
    FOR EACH ROW EXECUTE FUNCTION check_edge('deposit');
CREATE TRIGGER pending_deposits_stay BEFORE DELETE OR TRUNCATE ON pending_deposits
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return PAYOUTS + FREEZES + KEPT + PENDING


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""


MODELS_STATE = (
    "eJztWm1z2jgQ/isavlxuJpchhiRc+4mQ5Mq1CR1C25t2OkaxBWiwJWrJIUzLf7+V/IqxqX"
    "1JroHhU2DfLJ6Vdp9V/L3mcps44qjD2T3xBJaUsz6f116h7zWGXQIfikwOUQ3PZomBEkh8"
    "52gfK2WsNfhOSA9bEpQj7AgCIpsIy6MzZaJceoygGfhw9ptAMwdbBEwdPj9EQmIJDraHR/"
    "JIBbO5BdEoG1f08xn95hNT8jGRE+KB95evIKbMJg9ERF9nU3NEiWOvgOAL4pnUVlG00pSL"
    "mVZ0Jti70uZqYXemxR3fZRmX2UJOOIt9YPFKOiaMeLBEOwUK8x0nBDESBasGgfR8Ei/XTg"
    "Q2GWHfUdAq72AZiaxmmje9gXl7OTDN2hrskUcK0VAEKVQpo0wKjYSLH0yHsLGcwNfG6TJ4"
    "TgJGYKUe+LHd77xp9w8ap7+rB3LIe7ArbkKNoVVLHQJLHATR+CeAqxRWQTuyfxqoI0GCdb"
    "Jr/3ewT5slwD5tFoKtVArsBFx9MqqgGzvs4S0Br6446/D+fdu7yYc3dsjAa1NLoh/IoUJu"
    "IcwbYFVQqMiuEN+cNJwH1+1/skh33vXONThcyLGno+gA5xnYcQ7mFwCXpC7Jxx3ngh66HE"
    "Ufdgv6Qff68nbQvn6/gv9Fe3CpNIaWLjLSg2wlj4OgT93BG6S+os+9m8tsmmK7weeaWhP2"
    "JTcZn5vYTmMSiSPRUvXh0TTVGJTgDlvTOfZsc03DDV5ku65yDTcrwQyPdZIUmmqdMeehxX"
    "SIlqFBtCz9+TTBEngMnzkEuQSzV2g4/HB7MRgOD9F8Qq0JAUKFGJFz7k0RldD88T08D3G2"
    "zokeG+wRRMkCFKp0lsh+5yjSU7WVLEWqcDSSrEg+JcFOXM3Leeh39bZPHM3Wc3IR7viBih"
    "Fu+e0sh4k03BnL5yweMV451SONZXH5SLJWbnwKDzTMQVgIIhEUgWv6QNkhgmd4/J7YSHI1"
    "FjEbjbiHMFIFKn+kekSsnOrxRZdCpQzj1r6WLSj68RVHr7TPzhWW55+9ohxVQDzlsh8RSo"
    "wILmXU9V1YONAlmkdciUVd7OSjneOdJbGB+1EYZgszsAHxi8tO97r97qDROjxuadCBr1JJ"
    "0tlo1osgn1M5gYFrHqDyH1BfDbAH/mfAq9JfsYBH3WJfSwpqyRoLXIV7Hesr7hE6Zm/JQi"
    "PeZap1W3nUe33A2TK8i9geiOHUxhQjvS/h58OPJsFO7sPI2u92BrXlr5k6PwjiFfDGSLWR"
    "NqqL55KssR1encNUyNEECySxMw2onS9ew9TIfPeOeMMhogKJCfeACALh48xZoLHH52KdPD"
    "5NyP1V/RbRRZ3QnOGSjrtMFvDF2CcDuDquWwf4WC3hjz8No9E4M+qN09ZJ8+zspFVvga1e"
    "77rqbENWzrt/dW8GqwlRgtW26mA29qGCVNnoaZ8d7K2tElu9VbjTW2vExSMKCbP6xfKq5w"
    "5eMNfgB9o9qNnhUduSC+ewKrzU++aPhPmkbVncZ7KAAWRNNjKBe2Vs4sC6wkVS+30XTckC"
    "hRc/HEQ61GsEzRjB0GlNgl6N1CyECIbvavwnHhiAg8RTItS9Mr8nXv790tM/4hGUQf+tUE"
    "Yj+50jC891aZ1ArZNcBevYYQf7VcMow82MYm5mZFuWPjjVqFjs8jRMrAzA9a0nYi+kYbSJ"
    "R61JXp8INRvbA05sftYWilPwiLKbN6QVbtPc8Sxnj4bF8+UW3GCPGsfNs2arcdqMt2Ys2b"
    "QjozFgU4H1RPh/vPIlNnbZwSJrnJyUqLJgVVhmtS7zrgkcqgoIh+Y7iO5xvV4CXbAqRFfr"
    "sjfGTBJW6RWqlMv+JaqKL1H90ma2/BdogEu6"
)
