"""The chain over all transfers; and rules are written by their owner, not by whoever says to be migrating.

Who may do what is no migration: it stands in ``adapters/db/grants.py`` and is applied after each of them.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

MIGRATING = """
CREATE OR REPLACE FUNCTION refuse_outside_migration() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('mrmarket.migrating', true), '') <> 'on'
        OR current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION refuse_outside_migration() IS
    'the setting says that the owner means it; without the owner''s role it opens nothing';
"""

CHAIN = """
CREATE TABLE chain_links (
    number      BIGINT NOT NULL PRIMARY KEY,
    transfer_id BIGINT NOT NULL,
    previous    TEXT NOT NULL,
    hash        TEXT NOT NULL,
    chained_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT chain_links_transfer UNIQUE (transfer_id),
    CONSTRAINT chain_links_hash CHECK (hash ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE chain_links IS
    'I10: each transfer sealed behind the one before, in the order in which they were found committed. Transfers '
    'never go away, so they need no foreign key, which would write to their rows';

CREATE FUNCTION check_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest BIGINT;
    sealed TEXT;
BEGIN
    SELECT number, hash INTO newest, sealed FROM chain_links ORDER BY number DESC LIMIT 1;
    IF NEW.number <> coalesce(newest, 0) + 1 OR NEW.previous <> coalesce(sealed, repeat('0', 64))
        OR NOT EXISTS (SELECT FROM transfers WHERE id = NEW.transfer_id)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM108', MESSAGE = 'link_misplaced',
            DETAIL = jsonb_build_object('number', NEW.number, 'transfer', NEW.transfer_id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_link() IS 'I10: links follow each other without a gap; the hash itself is the verifier''s';
CREATE TRIGGER chain_links_follow BEFORE INSERT ON chain_links
    FOR EACH ROW EXECUTE FUNCTION check_link();
CREATE TRIGGER chain_links_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return MIGRATING + CHAIN


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
