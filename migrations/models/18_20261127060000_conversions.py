"""Conversions: one coin into another at a person's word, never beyond the price they were shown."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

BOOKS = """
ALTER TABLE markets ADD COLUMN bids JSONB NOT NULL DEFAULT '[]', ADD COLUMN asks JSONB NOT NULL DEFAULT '[]';
COMMENT ON COLUMN markets.bids IS '[ticks, lots] of each level, best first, without our own orders';
"""

CARRIERS = """
ALTER TABLE runs
    ADD COLUMN kind VARCHAR(16) NOT NULL DEFAULT 'strategy' CHECK (kind IN ('strategy', 'conversion')),
    DROP CONSTRAINT runs_number,
    ADD CONSTRAINT runs_number UNIQUE (user_id, kind, number);
COMMENT ON COLUMN runs.kind IS
    'a conversion works with coins as a run does: its orders, fills and fees are those of a run with its id';
CREATE TRIGGER runs_keep_their_kind BEFORE UPDATE ON runs
    FOR EACH ROW WHEN (NEW.kind <> OLD.kind) EXECUTE FUNCTION refuse_change();

ALTER TABLE order_intents ADD COLUMN immediate BOOLEAN NOT NULL DEFAULT false;
COMMENT ON COLUMN order_intents.immediate IS 'takes what is there at its price or a better one, and never rests';
CREATE TRIGGER order_intents_stay_immediate BEFORE UPDATE ON order_intents
    FOR EACH ROW WHEN (NEW.immediate <> OLD.immediate) EXECUTE FUNCTION refuse_change();
"""

CONVERSIONS = """
CREATE TABLE conversions (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    user_id VARCHAR(36) NOT NULL REFERENCES users (user_id),
    number INT NOT NULL,
    leaves VARCHAR(36) REFERENCES runs (id),
    account VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    side VARCHAR(4) NOT NULL,
    resting BOOLEAN NOT NULL,
    worst NUMERIC(38, 18) NOT NULL,
    amount NUMERIC(38, 18) NOT NULL,
    quantity NUMERIC(38, 18) NOT NULL,
    patience_s INT NOT NULL,
    fee_version INT NOT NULL,
    state VARCHAR(16) NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL,
    began_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    spent NUMERIC(38, 18) NOT NULL DEFAULT 0,
    received NUMERIC(38, 18) NOT NULL DEFAULT 0,
    CONSTRAINT conversions_number UNIQUE (user_id, number),
    CONSTRAINT conversions_leaves UNIQUE (leaves),
    CONSTRAINT conversions_side CHECK (side IN ('buy', 'sell')),
    CONSTRAINT conversions_numbers CHECK (
        number > 0 AND worst > 0 AND worst < 'Infinity' AND amount >= 0 AND amount < 'Infinity'
        AND quantity >= 0 AND quantity < 'Infinity' AND patience_s >= 0
        AND spent >= 0 AND spent <= amount AND received >= 0 AND received < 'Infinity'
    ),
    CONSTRAINT conversions_funded CHECK (
        (amount > 0) = (began_at IS NOT NULL) AND (began_at IS NOT NULL OR state IN ('waiting', 'done'))
    ),
    CONSTRAINT conversions_ended CHECK ((ended_at IS NOT NULL) = (state = 'done') AND (state <> 'done' OR reason <> ''))
);
COMMENT ON TABLE conversions IS 'CV1-CV8: what a person has confirmed of a conversion, and what became of it';
COMMENT ON COLUMN conversions.id IS 'of the run that works with its coins, once it has any';
COMMENT ON COLUMN conversions.leaves IS 'the run whose coins it takes when that has stopped';
COMMENT ON COLUMN conversions.amount IS 'of the coin it pays; 0 until it is given any';
COMMENT ON COLUMN conversions.quantity IS 'of the base asset, at most; 0: as much as the amount gives';
COMMENT ON COLUMN conversions.worst IS 'CV1: no order of it is at a worse price, or the database refuses it';
CREATE INDEX conversions_person ON conversions (user_id, number DESC);

INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('conversion', '', 'waiting'), ('conversion', '', 'converting'),
    ('conversion', 'waiting', 'converting'), ('conversion', 'waiting', 'done'),
    ('conversion', 'converting', 'finishing'), ('conversion', 'finishing', 'done');
CREATE TRIGGER conversions_edges BEFORE INSERT OR UPDATE ON conversions
    FOR EACH ROW EXECUTE FUNCTION check_edge('conversion');
CREATE TRIGGER conversions_have_a_rate BEFORE INSERT ON conversions
    FOR EACH ROW EXECUTE FUNCTION require_fee_version();
CREATE TRIGGER conversions_stay BEFORE DELETE OR TRUNCATE ON conversions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER conversions_stay_as_confirmed BEFORE UPDATE ON conversions
    FOR EACH ROW WHEN (
        (NEW.id, NEW.user_id, NEW.number, NEW.leaves, NEW.account, NEW.base, NEW.quote, NEW.side, NEW.resting,
         NEW.worst, NEW.quantity, NEW.patience_s, NEW.fee_version, NEW.created_at)
        IS DISTINCT FROM
        (OLD.id, OLD.user_id, OLD.number, OLD.leaves, OLD.account, OLD.base, OLD.quote, OLD.side, OLD.resting,
         OLD.worst, OLD.quantity, OLD.patience_s, OLD.fee_version, OLD.created_at)
        OR (NEW.amount <> OLD.amount AND OLD.state <> 'waiting')
    ) EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_conversion_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    carrier BOOLEAN := (SELECT kind = 'conversion' FROM runs WHERE id = NEW.run_id);
BEGIN
    IF carrier AND NOT EXISTS (
        SELECT FROM conversions c WHERE c.id = NEW.run_id AND c.state = 'converting' AND c.side = NEW.side
            AND CASE c.side WHEN 'buy' THEN NEW.price <= c.worst ELSE NEW.price >= c.worst END
            AND (c.quantity = 0 OR NEW.quantity <= c.quantity)
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM180', MESSAGE = 'beyond_worst_price',
            DETAIL = jsonb_build_object('conversion', NEW.run_id, 'price', NEW.price::text);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_conversion_order() IS 'CV1: a conversion lays no order at a worse price than its person was shown';
CREATE TRIGGER order_intents_within_worst BEFORE INSERT ON order_intents
    FOR EACH ROW EXECUTE FUNCTION check_conversion_order();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return BOOKS + CARRIERS + CONVERSIONS


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""


MODELS_STATE = (
    "eJztmm1z2jgQx7+KhjeXm8llEkMI13tFSHLl2oQOoQ/TTscotgANtkQtOYTp8d1vJT9ibG"
    "o3yaUwvAqsdtfiJ2n1l+LvNZfbxBFHHc7uiSewpJz1+bz2Cn2vMewS+FDkcohqeDZLHJRB"
    "4jtHx1gpZ92C74T0sCWhcYQdQcBkE2F5dKZcVEiPETSDGM5+E2jmYIuAq8Pnh0hILCHA9v"
    "BIHqlkNrcgG2XjinE+o998Yko+JnJCPIj+8hXMlNnkgYjo62xqjihx7BUIviCeSW2VRTea"
    "cjHTDZ0J9q60u+rYnWlxx3dZJmS2kBPO4hjovLKOCSMedNFOQWG+44QQI1PQazBIzydxd+"
    "3EYJMR9h2FVkUH3UhsNdO86Q3M28uBadbWsEcRKaKhCYZQDRllUmgSLn4wHcLGcgJf681l"
    "8JwERuClHvih3e+8bvcP6s3f1QM5jHswK27CFkM3LXUKLHGQRPNPgKshrEI78n8a1JEhYZ"
    "3M2v8ddrNRAnazUQhbNSnYCVy9MqrQjQP2eEvg1RVnHe8/t72bfLxxQAavTS2J/kUOFXIL"
    "MW/AqlCozK4Q35w0zoPr9qcs6c7b3rmGw4UcezqLTnCewY5zmF8ALkldks8d50IPQ46iD7"
    "uFftC9vrwdtK/frfC/aA8uVYuhrYuM9SBbyeMk6GN38Bqpr+hz7+YyO0yx3+BzTfUJ+5Kb"
    "jM9NbKeZRObItFT78Gia2hiU4Q5b0zn2bHOthRu8yHe9yTXcrAUzPNaDpGiqfsaahxbLIV"
    "pGBtGy8ufjBEvQMXzmEOQSzF6h4fD97cVgODxE8wm1JgQEFWJEzrk3RVTC5o/v4XmIs3VN"
    "9NhkjxBKFlCosrNE/jsnkZ5qW8lKpApLIxkVyackmImr43Iexl296RNHq/WcsQhn/EDlCK"
    "f8dpbDxBrOjOVzFo+YV071SLMsLh/JqJU7PoULGs5BWAgiERSBa/pA2SGCZ3j8nthIcnUs"
    "YjYacQ9hpApU/pHqEblyqscXXQpVY5i39rVsQdGPr3j0SsfsXGF5/rNXNEYViKdC9keEEk"
    "cElzLq+i50HOQSzROuxKIudvJp50RnRWwQfhSm2cIR2ED84rLTvW6/Pai3Dk9aGjroVSpJ"
    "ejQax0XI51RO4MA1D6j8BPXVBHvwPwKvSn/FAh7tFvtaUlBL1lTgKu511lfcI3TM3pCFJt"
    "5lauu28qT3+gFny3gXqT0ww6qNJUZ6XsLPhx9NgpnchyNrv9sZ1JYvc+p8L4hXoBujpo2y"
    "UV08l1SN7fDqHE6FHE2wQBI700Da+eIvODUy370j3nCIqEBiwj0QgiD4OHMWaOzxuVgXj0"
    "+Tcn9Vv0VyUQ9ozuGSjrtMFujFOCYDXC3XrQM+Vl3440/DqNfPjON6s3XaODs7bR23wFf3"
    "d73pbMOonHf/7t4MVgdEGVa3VQezsQ8VpMpET8fs4N7aKjHVW4UzvbUmXDyiSJjVL5ZXI3"
    "fwgrkGP9DuQc0Ol9qWXDiHVeFXvW/+QJhP2pbFfSYLFEDWZaMSuFfOJg68K1wktd910ZQs"
    "UHjxw8GkU+VfFW30fsRGrv9WKG6R/85t4c91lZyg1uNVhXUcsIO7SN0oo5iMYsVk5J7QXq"
    "aktIlHrUleJQlbNhYQnPj8qHAUw35ECciT8YWaMlfA5+jJcCH/uos/kJPGSeOs0ao3G7GK"
    "jC2bxGMkFDctdk+E/+kpv9zjkB1c8MbpaYkVD16FS163Zd5GgEVVgXDovoN0T46PS9AFr0"
    "K6ui17p8gkYZVeskmF7F+zqfiazYtuZsv/APIntCs="
)
