"""Runs of strategies, the orders they mean to send, and what the venue traded for them."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

ACCOUNTS = """
ALTER TABLE venue_accounts
    ADD COLUMN opened_at TIMESTAMPTZ,
    ADD COLUMN halted TEXT NOT NULL DEFAULT '';
COMMENT ON COLUMN venue_accounts.opened_at IS 'when its opening balances were booked';
COMMENT ON COLUMN venue_accounts.halted IS 'the code of what stopped it until a person has looked, or empty';

CREATE TABLE markets (
    account VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    tick NUMERIC(38, 18) NOT NULL,
    lot NUMERIC(38, 18) NOT NULL,
    min_quantity NUMERIC(38, 18) NOT NULL,
    min_notional NUMERIC(38, 18) NOT NULL,
    maker_fee_bps NUMERIC(38, 18) NOT NULL,
    taker_fee_bps NUMERIC(38, 18) NOT NULL,
    max_open_orders INT NOT NULL,
    mid NUMERIC(38, 18) NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, base, quote),
    CONSTRAINT markets_numbers CHECK (tick > 0 AND tick < 'Infinity' AND lot > 0 AND lot < 'Infinity' AND mid > 0 AND mid < 'Infinity')
);
COMMENT ON TABLE markets IS 'what each account''s worker last saw: for those who cannot ask the venue';
"""

RUNS = """
CREATE TABLE runs (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    user_id VARCHAR(36) NOT NULL REFERENCES users (user_id),
    number INT NOT NULL,
    account VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    strategy TEXT NOT NULL,
    preset TEXT NOT NULL,
    config_version INT NOT NULL,
    state VARCHAR(16) NOT NULL,
    base_start NUMERIC(38, 18) NOT NULL,
    quote_start NUMERIC(38, 18) NOT NULL,
    base_end NUMERIC(38, 18),
    quote_end NUMERIC(38, 18),
    started_at TIMESTAMPTZ NOT NULL,
    anchored_at TIMESTAMPTZ,
    stopped_at TIMESTAMPTZ,
    trouble TEXT NOT NULL DEFAULT '',
    told_seq BIGINT NOT NULL DEFAULT 0,
    told_at TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
    CONSTRAINT runs_number UNIQUE (user_id, number),
    CONSTRAINT runs_numbers CHECK (
        number > 0 AND base_start >= 0 AND quote_start >= 0
        AND base_start < 'Infinity' AND quote_start < 'Infinity' AND base_start + quote_start > 0
    ),
    CONSTRAINT runs_stopped CHECK ((stopped_at IS NOT NULL) = (state = 'stopped'))
);
COMMENT ON COLUMN runs.number IS 'counts one person''s runs';
COMMENT ON COLUMN runs.anchored_at IS 'the market''s time at the first tick, from which all ticks count';
COMMENT ON COLUMN runs.told_seq IS 'the newest fill the person was told of';
CREATE INDEX runs_active ON runs (account, started_at) WHERE state <> 'stopped';

INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('run', '', 'funding'), ('run', '', 'running'),
    ('run', 'funding', 'running'), ('run', 'funding', 'stopping'),
    ('run', 'running', 'stopping'), ('run', 'stopping', 'stopped');
CREATE TRIGGER runs_edges BEFORE INSERT OR UPDATE ON runs
    FOR EACH ROW EXECUTE FUNCTION check_edge('run');

CREATE TABLE run_configs (
    run_id VARCHAR(36) NOT NULL REFERENCES runs (id),
    version INT NOT NULL,
    config JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, version),
    CONSTRAINT run_configs_version CHECK (version > 0)
);
COMMENT ON TABLE run_configs IS 'ST6: a change is a new version';
CREATE TRIGGER run_configs_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON run_configs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

ORDERS = """
CREATE TABLE order_intents (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    client_order_id VARCHAR(18) NOT NULL,
    run_id VARCHAR(36) NOT NULL REFERENCES runs (id),
    account VARCHAR(64) NOT NULL,
    epoch BIGINT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    side VARCHAR(4) NOT NULL,
    price NUMERIC(38, 18) NOT NULL,
    quantity NUMERIC(38, 18) NOT NULL,
    post_only BOOLEAN NOT NULL,
    not_after TIMESTAMPTZ NOT NULL,
    state VARCHAR(16) NOT NULL,
    order_id TEXT NOT NULL DEFAULT '',
    filled NUMERIC(38, 18) NOT NULL DEFAULT 0,
    booked NUMERIC(38, 18) NOT NULL DEFAULT 0,
    booked_quote NUMERIC(38, 18) NOT NULL DEFAULT 0,
    absent_since TIMESTAMPTZ,
    settled BOOLEAN NOT NULL DEFAULT false,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT order_intents_client_order_id UNIQUE (client_order_id),
    CONSTRAINT order_intents_client_order_id_text CHECK (client_order_id ~ '^[a-z0-9]{1,18}$'),
    CONSTRAINT order_intents_side CHECK (side IN ('buy', 'sell')),
    CONSTRAINT order_intents_numbers CHECK (
        price > 0 AND price < 'Infinity' AND quantity > 0 AND quantity < 'Infinity'
        AND booked >= 0 AND booked <= filled AND filled < 'Infinity' AND booked_quote >= 0
    ),
    CONSTRAINT order_intents_settled CHECK (
        NOT settled OR (
            state IN ('filled', 'cancelled', 'expired', 'abandoned', 'rejected') AND booked = filled
        )
    )
) WITH (fillfactor = 70);
COMMENT ON COLUMN order_intents.seq IS 'the order in which they were decided: ids of one millisecond have none';
COMMENT ON COLUMN order_intents.filled IS 'by the venue''s count';
COMMENT ON COLUMN order_intents.booked IS 'by our fills';
COMMENT ON CONSTRAINT order_intents_settled ON order_intents IS
    'FL4: an order is done when it has ended and what the venue counts is booked';
CREATE INDEX order_intents_unsettled ON order_intents (account, seq) WHERE NOT settled;
CREATE INDEX order_intents_run ON order_intents (run_id) WHERE NOT settled;
CREATE UNIQUE INDEX order_intents_order_id ON order_intents (account, base, quote, order_id) WHERE order_id <> '';

INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('order', '', 'prepared'), ('order', '', 'sending'),
    ('order', 'prepared', 'sending'), ('order', 'prepared', 'abandoned'),
    ('order', 'sending', 'open'), ('order', 'sending', 'partial'), ('order', 'sending', 'rejected'),
    ('order', 'sending', 'unknown'), ('order', 'sending', 'abandoned'), ('order', 'sending', 'filled'),
    ('order', 'sending', 'cancelled'), ('order', 'sending', 'expired'),
    ('order', 'unknown', 'open'), ('order', 'unknown', 'partial'), ('order', 'unknown', 'rejected'),
    ('order', 'unknown', 'abandoned'), ('order', 'unknown', 'filled'), ('order', 'unknown', 'cancelled'),
    ('order', 'unknown', 'expired'),
    ('order', 'open', 'partial'), ('order', 'open', 'filled'), ('order', 'open', 'cancelled'),
    ('order', 'open', 'expired'),
    ('order', 'partial', 'filled'), ('order', 'partial', 'cancelled'), ('order', 'partial', 'expired'),
    ('order', 'cancelled', 'filled'), ('order', 'expired', 'filled');
CREATE TRIGGER order_intents_edges BEFORE INSERT OR UPDATE ON order_intents
    FOR EACH ROW EXECUTE FUNCTION check_edge('order');

CREATE FUNCTION check_new_intent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM venue_accounts WHERE name = NEW.account AND epoch = NEW.epoch AND halted = '' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM003', MESSAGE = 'epoch_lost',
            DETAIL = jsonb_build_object('account', NEW.account, 'epoch', NEW.epoch);
    END IF;
    PERFORM FROM runs WHERE id = NEW.run_id AND state = 'running' AND account = NEW.account
        AND base = NEW.base AND quote = NEW.quote FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM004', MESSAGE = 'run_not_running',
            DETAIL = jsonb_build_object('run', NEW.run_id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_new_intent() IS 'ST2 and the fence: no order of a run that stops, none from an old epoch';
CREATE TRIGGER order_intents_fenced BEFORE INSERT ON order_intents
    FOR EACH ROW EXECUTE FUNCTION check_new_intent();

CREATE FUNCTION check_intent_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.client_order_id, NEW.run_id, NEW.account, NEW.epoch, NEW.base, NEW.quote, NEW.side,
        NEW.price, NEW.quantity, NEW.post_only, NEW.not_after)
       IS DISTINCT FROM
       (OLD.id, OLD.client_order_id, OLD.run_id, OLD.account, OLD.epoch, OLD.base, OLD.quote, OLD.side,
        OLD.price, OLD.quantity, OLD.post_only, OLD.not_after)
       OR (OLD.order_id <> '' AND NEW.order_id <> OLD.order_id)
       OR NEW.booked < OLD.booked OR NEW.filled < OLD.filled OR (OLD.settled AND NOT NEW.settled)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_intent_stays() IS 'what was sent stays as sent, and progress only grows';
CREATE TRIGGER order_intents_stay_as_sent BEFORE UPDATE ON order_intents
    FOR EACH ROW EXECUTE FUNCTION check_intent_stays();
CREATE TRIGGER order_intents_stay BEFORE DELETE OR TRUNCATE ON order_intents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

FILLS = """
CREATE TABLE fills (
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    account VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    intent_id VARCHAR(36) REFERENCES order_intents (id),
    run_id VARCHAR(36) REFERENCES runs (id),
    order_id TEXT NOT NULL,
    side VARCHAR(4) NOT NULL,
    price NUMERIC(38, 18) NOT NULL,
    quantity NUMERIC(38, 18) NOT NULL,
    quote_quantity NUMERIC(38, 18) NOT NULL,
    fee NUMERIC(38, 18) NOT NULL,
    fee_coin TEXT NOT NULL,
    maker BOOLEAN NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    booked_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (account, base, quote, trade_id),
    CONSTRAINT fills_seq UNIQUE (seq),
    CONSTRAINT fills_side CHECK (side IN ('buy', 'sell')),
    CONSTRAINT fills_owner CHECK ((intent_id IS NULL) = (run_id IS NULL)),
    CONSTRAINT fills_numbers CHECK (
        price > 0 AND price < 'Infinity' AND quantity > 0 AND quantity < 'Infinity'
        AND quote_quantity > 0 AND quote_quantity < 'Infinity' AND fee > '-Infinity' AND fee < 'Infinity'
    )
);
COMMENT ON TABLE fills IS 'FL1: booked once per trade of the venue; without an intent: of nobody here (FL7)';
CREATE INDEX fills_run ON fills (run_id, seq) WHERE run_id IS NOT NULL;
CREATE TRIGGER fills_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON fills
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE orphan_trades (
    account VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    side VARCHAR(4) NOT NULL,
    price NUMERIC(38, 18) NOT NULL,
    quantity NUMERIC(38, 18) NOT NULL,
    quote_quantity NUMERIC(38, 18) NOT NULL,
    fee NUMERIC(38, 18) NOT NULL,
    fee_coin TEXT NOT NULL,
    maker BOOLEAN NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, base, quote, trade_id)
);
COMMENT ON TABLE orphan_trades IS 'FL2: trades whose order is not known yet';

CREATE TABLE trade_cursors (
    account VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    trade_id TEXT,
    since TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (account, base, quote)
);
COMMENT ON TABLE trade_cursors IS 'FL3: how far the account''s own trades have been read';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return ACCOUNTS + RUNS + ORDERS + FILLS


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
