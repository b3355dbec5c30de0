"""Orders written together in one call, and the rules over new ones asked once for all of them."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

RULES = """
DROP TRIGGER order_intents_fenced ON order_intents;
DROP TRIGGER order_intents_of_kind ON order_intents;
DROP FUNCTION check_new_intent();
DROP FUNCTION check_order_of_kind();

CREATE FUNCTION check_new_intents() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owned BOOLEAN := current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID);
    wrong RECORD;
BEGIN
    SELECT n.account, n.epoch, n.run_id, l.scope AS fenced, v.name AS open INTO wrong
    FROM added n
    LEFT JOIN (
        SELECT scope, epoch, state FROM leases
        WHERE scope IN (SELECT 'venue:' || account FROM added) AND state IN ('held', 'angel')
        ORDER BY scope FOR KEY SHARE
    ) l ON l.scope = 'venue:' || n.account AND l.epoch = n.epoch AND (owned OR l.state = 'held')
    LEFT JOIN (
        SELECT name FROM venue_accounts WHERE name IN (SELECT account FROM added) AND halted = ''
        ORDER BY name FOR SHARE
    ) v ON v.name = n.account
    LEFT JOIN (
        SELECT id, account, base, quote, state FROM runs WHERE id IN (SELECT run_id FROM added)
        ORDER BY id FOR SHARE
    ) r ON (r.id, r.account, r.base, r.quote) = (n.run_id, n.account, n.base, n.quote)
        AND r.state = CASE l.state WHEN 'angel' THEN 'halted' ELSE 'running' END
    WHERE l.scope IS NULL OR v.name IS NULL OR r.id IS NULL
    ORDER BY l.scope IS NOT NULL, v.name IS NOT NULL LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF wrong.fenced IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MM003', MESSAGE = 'epoch_lost',
            DETAIL = jsonb_build_object('scope', 'venue:' || wrong.account, 'epoch', wrong.epoch);
    ELSIF wrong.open IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MM007', MESSAGE = 'account_halted',
            DETAIL = jsonb_build_object('account', wrong.account);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'MM004', MESSAGE = 'run_not_running',
        DETAIL = jsonb_build_object('run', wrong.run_id);
END $$;
COMMENT ON FUNCTION check_new_intents() IS
    'ST2 and the fence: no order of a run that stops, none from an old epoch, from a halted account none at all; '
    'under the Angel''s epoch only its function adds any, and of halted runs';
CREATE TRIGGER order_intents_fenced AFTER INSERT ON order_intents REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_new_intents();

CREATE FUNCTION check_orders_of_kind() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong RECORD;
BEGIN
    IF NOT EXISTS (SELECT FROM added n JOIN runs r ON r.id = n.run_id WHERE r.kind IN ('conversion', 'leg')) THEN
        RETURN NULL;
    END IF;
    SELECT n.run_id, n.price INTO wrong FROM added n JOIN runs r ON r.id = n.run_id AND r.kind = 'conversion'
    WHERE NOT EXISTS (
        SELECT FROM conversions c WHERE c.id = n.run_id AND c.state = 'converting' AND c.side = n.side
            AND CASE c.side WHEN 'buy' THEN n.price <= c.worst ELSE n.price >= c.worst END
            AND (c.quantity = 0 OR n.quantity <= c.quantity)
    ) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM180', MESSAGE = 'beyond_worst_price',
            DETAIL = jsonb_build_object('conversion', wrong.run_id, 'price', wrong.price::text);
    END IF;
    SELECT n.run_id, n.id INTO wrong FROM added n JOIN runs r ON r.id = n.run_id AND r.kind = 'leg'
    WHERE NOT EXISTS (
        SELECT FROM leases WHERE scope = 'venue:' || n.account AND epoch = n.epoch AND state = 'angel'
    ) AND NOT EXISTS (
        SELECT FROM asked_orders a WHERE a.id = n.id
            AND (a.run_id, a.account, a.base, a.quote, a.side, a.quantity, a.post_only, a.immediate)
                = (n.run_id, n.account, n.base, n.quote, n.side, n.quantity, n.post_only, n.immediate)
            AND CASE a.side WHEN 'buy' THEN n.price <= a.price ELSE n.price >= a.price END
            AND a.not_after >= n.not_after
    ) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM181', MESSAGE = 'not_asked_for',
            DETAIL = jsonb_build_object('run', wrong.run_id, 'order', wrong.id);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION check_orders_of_kind() IS
    'CV1: a conversion lays no order at a worse price than its person was shown; OR18: a leg sends what it was asked '
    'for, at the price it was asked for or a better one; what the Angel sends, nobody asked for';
CREATE TRIGGER order_intents_of_kind AFTER INSERT ON order_intents REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION check_orders_of_kind();
"""

WRITING = """
CREATE FUNCTION write_orders(its_scope TEXT, its_epoch BIGINT, ended TEXT[], news JSONB, orders JSONB)
    RETURNS TEXT[] LANGUAGE plpgsql AS $$
DECLARE
    let_in TEXT[] := '{}';
BEGIN
    PERFORM FROM leases WHERE scope = its_scope AND epoch = its_epoch AND state = 'held' FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM003', MESSAGE = 'epoch_lost',
            DETAIL = jsonb_build_object('scope', its_scope, 'epoch', its_epoch);
    END IF;
    IF cardinality(ended) > 0 THEN
        PERFORM release_holds(array_fill('order'::text, ARRAY[cardinality(ended)]), ended);
    END IF;
    IF jsonb_array_length(news) > 0 THEN
        UPDATE order_intents o
        SET state = g.state, order_id = g.order_id, filled = g.filled, booked = g.booked,
            booked_quote = g.booked_quote, absent_since = g.absent_since, settled = g.settled
        FROM jsonb_to_recordset(news) AS g (id TEXT, state TEXT, order_id TEXT, filled NUMERIC, booked NUMERIC,
            booked_quote NUMERIC, absent_since TIMESTAMPTZ, settled BOOL)
        WHERE o.id = g.id;
    END IF;
    IF jsonb_array_length(orders) = 0 THEN
        RETURN let_in;
    END IF;
    WITH given AS (
        SELECT g.* FROM ROWS FROM (jsonb_to_recordset(orders) AS (id TEXT, client_order_id TEXT,
            run_id TEXT, account TEXT, base TEXT, quote TEXT, side TEXT, price NUMERIC, quantity NUMERIC,
            post_only BOOL, not_after TIMESTAMPTZ, state TEXT, immediate BOOL)) WITH ORDINALITY
            AS g (id, client_order_id, run_id, account, base, quote, side, price, quantity, post_only, not_after,
                  state, immediate, position)
    ), open AS (
        SELECT name FROM venue_accounts WHERE name IN (SELECT account FROM given) AND halted = ''
            AND NOT EXISTS (SELECT FROM stops WHERE carried_out_at IS NULL)
        FOR SHARE
    ), allowed AS (
        SELECT id FROM runs WHERE id IN (SELECT run_id FROM given) AND state = 'running' ORDER BY id FOR SHARE
    ), added AS (
        INSERT INTO order_intents (id, client_order_id, run_id, account, epoch, base, quote, side, price,
                                   quantity, post_only, not_after, state, immediate)
        SELECT g.id, g.client_order_id, g.run_id, g.account, its_epoch, g.base, g.quote, g.side, g.price,
               g.quantity, g.post_only, g.not_after, g.state, g.immediate
        FROM given g JOIN allowed a ON a.id = g.run_id JOIN open o ON o.name = g.account
        ORDER BY g.position
        RETURNING id
    )
    SELECT coalesce(array_agg(id), '{}') INTO let_in FROM added;
    IF cardinality(let_in) > 0 THEN
        PERFORM make_holds(
            array_agg('run'::text), array_agg(g.run_id), array_agg(g.account), array_agg(g.pays),
            array_agg('order'::text), array_agg(g.id), array_agg(g.number), array_agg(g.promised)
        ) FROM (
            SELECT run_id, account, pays, id, promised, row_number() OVER ()::int AS number
            FROM jsonb_to_recordset(orders) AS h (id TEXT, run_id TEXT, account TEXT, pays TEXT, promised NUMERIC)
            WHERE id = ANY (let_in)
        ) g;
    END IF;
    RETURN let_in;
END $$;
COMMENT ON FUNCTION write_orders IS
    'ST2, FL4, I5: under one epoch, ends holds, notes what became of orders, adds those that may be sent with theirs; '
    'returns which were let in; all or nothing';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return RULES + WRITING


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
