"""Recovery: runs whose account was taken over, and each attempt to bring one back."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

RUNS = """
INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('run', 'running', 'halted'), ('run', 'halted', 'recovering'), ('run', 'halted', 'stopping'),
    ('run', 'recovering', 'running'), ('run', 'recovering', 'awaiting_user'), ('run', 'recovering', 'stopping'),
    ('run', 'awaiting_user', 'running'), ('run', 'awaiting_user', 'halted'), ('run', 'awaiting_user', 'stopping');
"""

RECOVERIES = """
CREATE TABLE recoveries (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id VARCHAR(36) NOT NULL REFERENCES runs (id),
    account VARCHAR(64) NOT NULL REFERENCES venue_accounts (name),
    epoch BIGINT NOT NULL,
    began_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    outcome VARCHAR(16),
    reason TEXT NOT NULL DEFAULT '',
    counts BOOLEAN NOT NULL DEFAULT true,
    CONSTRAINT recoveries_ended CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT recoveries_outcome CHECK (outcome IN ('resumed', 'asked', 'stopped'))
);
COMMENT ON TABLE recoveries IS 'AN10: each attempt to bring a run back whose account was taken over';
COMMENT ON COLUMN recoveries.counts IS 'AN12: until the owner lets a run be brought back once more';
CREATE UNIQUE INDEX recoveries_once ON recoveries (run_id) WHERE ended_at IS NULL;
COMMENT ON INDEX recoveries_once IS 'AN10: one attempt at a time, whoever makes it';
CREATE INDEX recoveries_of_run ON recoveries (run_id, began_at);
CREATE INDEX recoveries_together ON recoveries (account, began_at);

CREATE FUNCTION check_recovery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL AND (NEW.ended_at, NEW.outcome) IS DISTINCT FROM (OLD.ended_at, OLD.outcome) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_recovery() IS 'AN10: an attempt ends once';
CREATE TRIGGER recoveries_end_once BEFORE UPDATE ON recoveries
    FOR EACH ROW EXECUTE FUNCTION check_recovery();
CREATE TRIGGER recoveries_stay BEFORE DELETE OR TRUNCATE ON recoveries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return RUNS + RECOVERIES


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
