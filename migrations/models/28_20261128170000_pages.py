"""Pages of a person's own: what their runs did, in the order in which it was written."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

HISTORY = """
CREATE INDEX order_intents_history ON order_intents (run_id, seq);

ALTER TABLE service_fees ADD COLUMN seq BIGINT GENERATED ALWAYS AS IDENTITY;
COMMENT ON COLUMN service_fees.seq IS 'the order in which they were noted';
CREATE UNIQUE INDEX service_fees_history ON service_fees (user_id, seq);
DROP INDEX service_fees_person;  -- the new one begins with the same column
"""

LINKS = """
CREATE TABLE page_links (
    token_hash CHAR(64) PRIMARY KEY,
    user_id VARCHAR(36) NOT NULL REFERENCES users (user_id),
    purpose VARCHAR(16) NOT NULL,
    target TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    visit_hash CHAR(64),
    began_at TIMESTAMPTZ,
    seen_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    CONSTRAINT page_links_hashes CHECK (token_hash ~ '^[0-9a-f]{64}$' AND visit_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT page_links_target CHECK (target ~ '^/([^/]|$)' AND length(target) <= 500),
    CONSTRAINT page_links_short CHECK (expires_at <= created_at + interval '5 minutes'),
    CONSTRAINT page_links_visit CHECK (
        (began_at IS NULL) = (visit_hash IS NULL) AND (began_at IS NULL) = (seen_at IS NULL)
    )
);
COMMENT ON TABLE page_links IS
    'links to pages of a person''s own, each opened once, and the visit that began with it; hashes only';
CREATE UNIQUE INDEX page_links_visits ON page_links (visit_hash) WHERE visit_hash IS NOT NULL;
CREATE INDEX page_links_person ON page_links (user_id, expires_at);

CREATE FUNCTION visit_lasts(link page_links) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT link.ended_at IS NULL
        AND link.seen_at > clock_timestamp() - interval '15 minutes'
        AND link.began_at > clock_timestamp() - interval '8 hours'
        AND NOT EXISTS (
            SELECT FROM freezes f WHERE f.scope = 'user:' || link.user_id AND f.created_at >= link.created_at
        )
$$;
COMMENT ON FUNCTION visit_lasts IS 'a visit ends by itself, at its person''s word, and when that person is frozen';

CREATE FUNCTION open_link(wanted text, what text, visit text) RETURNS text
    LANGUAGE sql SECURITY DEFINER AS $$
    UPDATE page_links l SET visit_hash = visit, began_at = clock_timestamp(), seen_at = clock_timestamp()
    WHERE l.token_hash = wanted AND l.purpose = what AND l.began_at IS NULL AND l.ended_at IS NULL
        AND l.expires_at > clock_timestamp()
    RETURNING l.target
$$;

CREATE FUNCTION go_on_visiting(visit text) RETURNS TABLE (user_id varchar, language varchar)
    LANGUAGE sql SECURITY DEFINER AS $$
    WITH seen AS (
        UPDATE page_links l SET seen_at = clock_timestamp()
        WHERE l.visit_hash = visit AND visit_lasts(l) AND l.seen_at < clock_timestamp() - interval '20 seconds'
    )
    SELECT l.user_id, u.language FROM page_links l JOIN users u ON u.user_id = l.user_id
    WHERE l.visit_hash = visit AND visit_lasts(l)
$$;

CREATE FUNCTION end_visit(visit text) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$
    UPDATE page_links l SET ended_at = clock_timestamp() WHERE l.visit_hash = visit AND l.ended_at IS NULL
$$;

CREATE FUNCTION my_runs_totals(run text) RETURNS TABLE (fills bigint, volume numeric)
    LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT said.fills - said_since.busts, said.volume + said_since.more FROM
        (SELECT id FROM runs WHERE id = run AND user_id = nullif(current_setting('mrmarket.user_id', true), '')) r,
        LATERAL (
            SELECT count(*) AS fills, coalesce(sum(f.quote_quantity), 0) AS volume FROM fills f WHERE f.run_id = r.id
        ) said,
        LATERAL (
            SELECT count(*) FILTER (WHERE v.kind = 'bust') AS busts,
                coalesce(sum(CASE v.kind WHEN 'bust' THEN 0 ELSE v.quote_quantity END - f.quote_quantity), 0) AS more
            FROM fills f JOIN fill_versions v ON (v.account, v.base, v.quote, v.trade_id)
                = (f.account, f.base, f.quote, f.trade_id)
                AND (v.kind = 'bust' OR v.quote_quantity <> f.quote_quantity)
            WHERE f.run_id = r.id AND NOT EXISTS (
                SELECT FROM fill_versions w WHERE (w.account, w.base, w.quote, w.trade_id)
                    = (v.account, v.base, v.quote, v.trade_id) AND w.version > v.version
            )
        ) said_since
$$;
COMMENT ON FUNCTION my_runs_totals(text) IS
    'what a run of the named person traded: row by row the rules of rows would ask whose each of its fills is';

CREATE FUNCTION forget_links() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM page_links WHERE user_id = NEW.user_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION forget_links() IS 'WI7: where a person looked, and what they may still open, goes with the rest';
CREATE TRIGGER users_forget_links AFTER UPDATE OF forgotten ON users
    FOR EACH ROW WHEN (NEW.forgotten) EXECUTE FUNCTION forget_links();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return HISTORY + LINKS


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
