"""What a venue says of a trade later, what a fee in a third coin cost its run, and why an account was halted."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

VERSIONS = """
ALTER TABLE fills ADD COLUMN fee_known BOOLEAN NOT NULL DEFAULT true;
ALTER TABLE orphan_trades ADD COLUMN fee_known BOOLEAN NOT NULL DEFAULT true;
COMMENT ON COLUMN fills.fee_known IS 'FL6: false while the venue has not said what it took';
CREATE INDEX fills_unknown_fee ON fills (account, at) WHERE NOT fee_known;
CREATE INDEX fills_at ON fills (account, base, quote, at);

CREATE TABLE fill_versions (
    account VARCHAR(64) NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    version INT NOT NULL,
    kind VARCHAR(16) NOT NULL,
    price NUMERIC(38, 18) NOT NULL,
    quantity NUMERIC(38, 18) NOT NULL,
    quote_quantity NUMERIC(38, 18) NOT NULL,
    fee NUMERIC(38, 18) NOT NULL,
    fee_coin TEXT NOT NULL,
    fee_known BOOLEAN NOT NULL,
    borne NUMERIC(38, 18) NOT NULL,
    noted_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account, base, quote, trade_id, version),
    CONSTRAINT fill_versions_of FOREIGN KEY (account, base, quote, trade_id)
        REFERENCES fills (account, base, quote, trade_id),
    CONSTRAINT fill_versions_version CHECK (version > 1),
    CONSTRAINT fill_versions_kind CHECK (kind IN ('fee', 'trade', 'bust')),
    CONSTRAINT fill_versions_numbers CHECK (
        price > 0 AND price < 'Infinity' AND quantity > 0 AND quantity < 'Infinity'
        AND quote_quantity > 0 AND quote_quantity < 'Infinity' AND fee > '-Infinity' AND fee < 'Infinity'
        AND borne >= 0 AND borne < 'Infinity'
    )
);
COMMENT ON TABLE fill_versions IS
    'FL6, FL8: what the venue says of a trade now, when that is not what it said first; the first is in fills';
COMMENT ON COLUMN fill_versions.borne IS 'what the instance bore of a later fee, in its coin';
CREATE TRIGGER fill_versions_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON fill_versions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW fills_now WITH (security_invoker = true) AS
    SELECT f.seq, f.account, f.base, f.quote, f.trade_id, f.intent_id, f.run_id, f.order_id, f.side, f.maker,
           f.at, coalesce(v.price, f.price) AS price, coalesce(v.quantity, f.quantity) AS quantity,
           coalesce(v.quote_quantity, f.quote_quantity) AS quote_quantity, coalesce(v.fee, f.fee) AS fee,
           coalesce(v.fee_coin, f.fee_coin) AS fee_coin, coalesce(v.fee_known, f.fee_known) AS fee_known,
           coalesce(v.version, 1) AS version, coalesce(v.kind = 'bust', false) AS busted
    FROM fills f LEFT JOIN (
        SELECT DISTINCT ON (account, base, quote, trade_id) *
        FROM fill_versions ORDER BY account, base, quote, trade_id, version DESC
    ) v USING (account, base, quote, trade_id);
COMMENT ON VIEW fills_now IS 'every fill as the venue last described it';
"""

CHARGES = """
CREATE TABLE fee_charges (
    account VARCHAR(64) NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    version INT NOT NULL,
    run_id VARCHAR(36) NOT NULL REFERENCES runs (id),
    coin TEXT NOT NULL,
    fee NUMERIC(38, 18) NOT NULL,
    price NUMERIC(38, 18),
    charged NUMERIC(38, 18) NOT NULL DEFAULT 0,
    state VARCHAR(16) NOT NULL,
    noted_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account, base, quote, trade_id, version),
    CONSTRAINT fee_charges_of FOREIGN KEY (account, base, quote, trade_id)
        REFERENCES fills (account, base, quote, trade_id),
    CONSTRAINT fee_charges_version CHECK (version > 0),
    CONSTRAINT fee_charges_numbers CHECK (
        fee <> 0 AND fee > '-Infinity' AND fee < 'Infinity' AND price > 0 AND price < 'Infinity'
        AND charged * fee >= 0 AND abs(charged) < 'Infinity'
    ),
    CONSTRAINT fee_charges_priced CHECK (
        (state = 'charged') = (price IS NOT NULL) AND (state = 'charged' OR charged = 0)
    )
);
COMMENT ON TABLE fee_charges IS
    'FL5: what a fee in a coin that is none of the pair''s costs its run in quote, and at which price. What is missing '
    'of fee times price the instance bears';
CREATE INDEX fee_charges_waiting ON fee_charges (account) WHERE state = 'waiting';
INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('fee_charge', '', 'waiting'), ('fee_charge', '', 'charged'),
    ('fee_charge', 'waiting', 'charged'), ('fee_charge', 'waiting', 'forgone');
CREATE TRIGGER fee_charges_edges BEFORE INSERT OR UPDATE ON fee_charges
    FOR EACH ROW EXECUTE FUNCTION check_edge('fee_charge');
CREATE TRIGGER fee_charges_stay BEFORE DELETE OR TRUNCATE ON fee_charges
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

HALTS = """
CREATE INDEX order_intents_sent ON order_intents USING brin (not_after);
COMMENT ON INDEX order_intents_sent IS 'OR9: what was sent in the last day, summed when a worker begins';

CREATE TABLE halts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    reason TEXT NOT NULL CHECK (reason <> ''),
    halted_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    lifted_at TIMESTAMPTZ,
    lifted_by VARCHAR(36),
    CONSTRAINT halts_lifted CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
);
COMMENT ON TABLE halts IS 'why accounts were halted, and who looked and let them trade again';
CREATE UNIQUE INDEX halts_open ON halts (account, reason) WHERE lifted_at IS NULL;
INSERT INTO halts (account, reason) SELECT name, halted FROM venue_accounts WHERE halted <> '';

CREATE FUNCTION check_halt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.account, NEW.reason, NEW.halted_at) IS DISTINCT FROM
       (OLD.id, OLD.account, OLD.reason, OLD.halted_at) OR OLD.lifted_at IS NOT NULL
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_halt() IS 'a halt is lifted once, and nothing else of it changes';
CREATE TRIGGER halts_lift BEFORE UPDATE ON halts FOR EACH ROW EXECUTE FUNCTION check_halt();
CREATE TRIGGER halts_stay BEFORE DELETE OR TRUNCATE ON halts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return VERSIONS + CHARGES + HALTS


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
