"""Withdrawals that a person takes back, and freezes that a person lifts."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

PAYOUTS = """
ALTER TABLE payouts
    DROP CONSTRAINT payouts_check2,
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


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return PAYOUTS + FREEZES


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
