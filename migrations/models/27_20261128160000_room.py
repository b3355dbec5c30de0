"""Room: how many orders an account may send in a second, so that no more runs begin there than it can serve.

Legs: the other accounts of runs that trade at two, and the orders that are asked of those who hold them.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

ROOM = """
ALTER TABLE venue_accounts
    ADD COLUMN orders_per_second INT NOT NULL DEFAULT 0 CHECK (orders_per_second >= 0);
COMMENT ON COLUMN venue_accounts.orders_per_second IS 'zero: no worker has told yet';
"""


LEGS = """
ALTER TABLE runs
    ADD COLUMN leader VARCHAR(36) REFERENCES runs (id),
    DROP CONSTRAINT runs_kind_check,
    ADD CONSTRAINT runs_kind_check CHECK (kind IN ('strategy', 'conversion', 'leg')),
    ADD CONSTRAINT runs_leader CHECK ((kind = 'leg') = (leader IS NOT NULL));
COMMENT ON COLUMN runs.leader IS 'whose other account this is; its number, and its life, are the leader''s';
CREATE UNIQUE INDEX runs_leg ON runs (leader) WHERE leader IS NOT NULL;

CREATE TABLE asked_orders (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    run_id VARCHAR(36) NOT NULL REFERENCES runs (id),
    account VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    asker VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    epoch BIGINT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    side VARCHAR(4) NOT NULL,
    price NUMERIC(38, 18) NOT NULL,
    quantity NUMERIC(38, 18) NOT NULL,
    post_only BOOLEAN NOT NULL,
    immediate BOOLEAN NOT NULL,
    not_after TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT asked_orders_side CHECK (side IN ('buy', 'sell')),
    CONSTRAINT asked_orders_accounts CHECK (account <> asker),
    CONSTRAINT asked_orders_numbers CHECK (
        price > 0 AND price < 'Infinity' AND quantity > 0 AND quantity < 'Infinity'
    )
);
COMMENT ON TABLE asked_orders IS
    'OR18: what the worker of one account asks of another''s; sent as an intent with this id, or never';
COMMENT ON COLUMN asked_orders.epoch IS 'of the lease of the asker, which is the account of the run''s leader';
CREATE INDEX asked_orders_waiting ON asked_orders (account, not_after);
CREATE INDEX asked_orders_run ON asked_orders (run_id);
CREATE TRIGGER asked_orders_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON asked_orders
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_asked_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM leases WHERE scope = 'venue:' || NEW.asker AND epoch = NEW.epoch AND state = 'held'
        FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM003', MESSAGE = 'epoch_lost',
            DETAIL = jsonb_build_object('scope', 'venue:' || NEW.asker, 'epoch', NEW.epoch);
    END IF;
    PERFORM FROM runs leg JOIN runs leader ON leader.id = leg.leader
        WHERE leg.id = NEW.run_id AND leg.account = NEW.account AND leg.base = NEW.base AND leg.quote = NEW.quote
            AND leader.account = NEW.asker AND leg.state = 'running' AND leader.state = 'running'
        FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM004', MESSAGE = 'run_not_running',
            DETAIL = jsonb_build_object('run', NEW.run_id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_asked_order() IS 'OR18: only who holds the account of a leg''s leader asks for its orders';
CREATE TRIGGER asked_orders_fenced BEFORE INSERT ON asked_orders
    FOR EACH ROW EXECUTE FUNCTION check_asked_order();

DROP TRIGGER order_intents_within_worst ON order_intents;
DROP FUNCTION check_conversion_order();
CREATE FUNCTION check_order_of_kind() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    its_kind TEXT := (SELECT kind FROM runs WHERE id = NEW.run_id);
BEGIN
    IF its_kind = 'conversion' AND NOT EXISTS (
        SELECT FROM conversions c WHERE c.id = NEW.run_id AND c.state = 'converting' AND c.side = NEW.side
            AND CASE c.side WHEN 'buy' THEN NEW.price <= c.worst ELSE NEW.price >= c.worst END
            AND (c.quantity = 0 OR NEW.quantity <= c.quantity)
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM180', MESSAGE = 'beyond_worst_price',
            DETAIL = jsonb_build_object('conversion', NEW.run_id, 'price', NEW.price::text);
    END IF;
    IF its_kind = 'leg' AND NOT EXISTS (
        SELECT FROM asked_orders a WHERE a.id = NEW.id
            AND (a.run_id, a.account, a.base, a.quote, a.side, a.quantity, a.post_only, a.immediate)
                = (NEW.run_id, NEW.account, NEW.base, NEW.quote, NEW.side, NEW.quantity, NEW.post_only, NEW.immediate)
            AND CASE a.side WHEN 'buy' THEN NEW.price <= a.price ELSE NEW.price >= a.price END
            AND a.not_after >= NEW.not_after
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM181', MESSAGE = 'not_asked_for',
            DETAIL = jsonb_build_object('run', NEW.run_id, 'order', NEW.id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_order_of_kind() IS
    'CV1: a conversion lays no order at a worse price than its person was shown; OR18: a leg sends what it was asked '
    'for, at the price it was asked for or a better one';
CREATE TRIGGER order_intents_of_kind BEFORE INSERT ON order_intents
    FOR EACH ROW EXECUTE FUNCTION check_order_of_kind();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return ROOM + LEGS


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
