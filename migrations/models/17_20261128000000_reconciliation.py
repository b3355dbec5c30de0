"""Rounds of comparing what the books say with what lies there, and when the books began."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

ROUNDS = """
CREATE TABLE reconciliations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope TEXT NOT NULL CHECK (scope <> ''),
    at TIMESTAMPTZ NOT NULL,
    outcome VARCHAR(16) NOT NULL CHECK (outcome IN ('good', 'surplus', 'short', 'moving')),
    looks INT NOT NULL CHECK (looks > 0),
    deep BOOLEAN NOT NULL,
    fills_seq BIGINT NOT NULL,
    asked BIGINT NOT NULL,
    lines JSONB NOT NULL,
    strays JSONB NOT NULL,
    noted_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE reconciliations IS
    'I8, I12: every look at the wallet and at each venue account, with its figures; written once';
CREATE INDEX reconciliations_seen ON reconciliations (scope, id DESC) WHERE outcome <> 'moving';
CREATE INDEX reconciliations_fine ON reconciliations (scope, id DESC) WHERE outcome IN ('good', 'surplus');
CREATE INDEX reconciliations_deep ON reconciliations (scope, id DESC) WHERE deep;
CREATE INDEX reconciliations_scope ON reconciliations (scope, id DESC);
CREATE TRIGGER reconciliations_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE reconciliation_requests (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_by TEXT NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE reconciliation_requests IS 'somebody wants every place to be looked at now';
CREATE TRIGGER reconciliation_requests_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON reconciliation_requests
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE VIEW reconciliation_ages WITH (security_invoker = true) AS
    SELECT s.scope, l.outcome, l.at, f.at AS fine_at
    FROM (SELECT 'wallet' AS scope UNION ALL SELECT 'venue:' || name FROM venue_accounts) s
    LEFT JOIN LATERAL (
        SELECT outcome, at FROM reconciliations r WHERE r.scope = s.scope ORDER BY id DESC LIMIT 1
    ) l ON true
    LEFT JOIN LATERAL (
        SELECT at FROM reconciliations r WHERE r.scope = s.scope AND r.outcome IN ('good', 'surplus')
        ORDER BY id DESC LIMIT 1
    ) f ON true;
COMMENT ON VIEW reconciliation_ages IS 'when each place was looked at last, and when nobody was short there last';
"""

BIRTH = """
CREATE INDEX outputs_transaction ON outputs (transaction_hash);
COMMENT ON INDEX outputs_transaction IS 'what came back of a payment';

CREATE TABLE births (
    id UUID NOT NULL DEFAULT gen_random_uuid(),
    born_at TIMESTAMPTZ NOT NULL,
    one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one)
);
COMMENT ON TABLE births IS
    'PG5: which database this is, and since when there are books in it; a back-up keeps both';
INSERT INTO births (born_at) SELECT coalesce(min(posted_at), clock_timestamp()) FROM transfers;
CREATE TRIGGER births_stay BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON births
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return ROUNDS + BIRTH


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
