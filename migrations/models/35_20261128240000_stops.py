"""STOP said from outside and whether it was carried out; drills, and how many seconds they took."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

STOPS = """
CREATE TABLE stops (
    id VARCHAR(64) NOT NULL PRIMARY KEY CHECK (id ~ '^[a-z0-9-]+$'),
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    said_by VARCHAR(36) NOT NULL CHECK (said_by <> ''),
    said_at TIMESTAMPTZ NOT NULL,
    noted_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    carried_out_at TIMESTAMPTZ,
    runs INT,
    conversions INT,
    CONSTRAINT stops_seq UNIQUE (seq),
    CONSTRAINT stops_carried CHECK (num_nulls(carried_out_at, runs, conversions) IN (0, 3))
);
COMMENT ON TABLE stops IS 'design 8: an admin''s STOP while the bot is down; workers carry each out once';
CREATE INDEX stops_waiting ON stops (seq) WHERE carried_out_at IS NULL;

CREATE FUNCTION check_stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.carried_out_at IS NOT NULL OR NEW.carried_out_at IS NULL
       OR (NEW.id, NEW.said_by, NEW.said_at) IS DISTINCT FROM (OLD.id, OLD.said_by, OLD.said_at)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('stop', OLD.id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stops_hold BEFORE UPDATE ON stops FOR EACH ROW EXECUTE FUNCTION check_stop();
CREATE TRIGGER stops_stay BEFORE DELETE OR TRUNCATE ON stops FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION say_stop(its_id TEXT, who TEXT, its_at TIMESTAMPTZ) RETURNS JSONB LANGUAGE plpgsql AS $$
DECLARE
    told JSONB;
BEGIN
    INSERT INTO stops (id, said_by, said_at) VALUES (its_id, who, its_at) ON CONFLICT (id) DO NOTHING;
    SELECT jsonb_build_object('carried_out', carried_out_at IS NOT NULL, 'runs', runs, 'conversions', conversions)
        INTO told FROM stops WHERE id = its_id;
    RETURN told;
END $$;
COMMENT ON FUNCTION say_stop(TEXT, TEXT, TIMESTAMPTZ) IS
    'the one door of the listener: a stop, written down once; what workers did upon it is all it is told';
"""

DRILLS = """
CREATE TABLE drills (
    id VARCHAR(36) NOT NULL PRIMARY KEY,
    kind VARCHAR(16) NOT NULL CHECK (kind = 'angel'),
    began_at TIMESTAMPTZ NOT NULL,
    orders INT NOT NULL CHECK (orders >= 0),
    allowed_s NUMERIC(9, 1) NOT NULL CHECK (allowed_s > 0),
    flat_s NUMERIC(9, 1),
    safe_s NUMERIC(9, 1),
    back_s NUMERIC(9, 1),
    CONSTRAINT drills_in_order CHECK (safe_s IS NULL OR flat_s IS NOT NULL)
);
COMMENT ON TABLE drills IS 'issue 6: what a rehearsal took, from the kill on: all orders gone, safe, back; none: not in time';
CREATE INDEX drills_newest ON drills (kind, began_at DESC);
CREATE TRIGGER drills_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON drills
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return STOPS + DRILLS


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
