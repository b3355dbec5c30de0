"""The Angel: accounts given back with orders on their book, a clock that was put back, who is told of it all, and when."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

EDGES = """
INSERT INTO state_edges (machine, from_state, to_state) VALUES ('lease', 'released', 'angel');

ALTER TABLE angel_entries DROP CONSTRAINT angel_entries_kind;
ALTER TABLE angel_entries ADD CONSTRAINT angel_entries_kind
    CHECK (kind IN ('take', 'cancel', 'looked', 'heard', 'order', 'blocked', 'left', 'safe'));

CREATE FUNCTION angel_tells(what TEXT, which TEXT, facts JSONB) RETURNS VOID LANGUAGE sql AS $$
    INSERT INTO outbox (user_id, kind, cause, params)
    SELECT holder, what, what || ':' || which, facts FROM roles
    WHERE CASE WHEN what = 'angel_safe' THEN
        coalesce((SELECT max(seq) FROM outbox o WHERE o.user_id = holder AND o.kind IN ('angel_took', 'angel_blocked')
                  AND o.params->>'account' = facts->>'account'), 0)
        > coalesce((SELECT max(seq) FROM outbox o WHERE o.user_id = holder AND o.kind = 'angel_safe'
                    AND o.params->>'account' = facts->>'account'), 0)
    WHEN what = 'angel_took' AND facts->>'runs' <> '0' THEN true  -- recovery brings none back more than thrice an hour
    ELSE NOT EXISTS (
        SELECT FROM outbox o WHERE o.user_id = holder AND o.kind = what
            AND (o.params->>'account', o.params->>'reason') = (facts->>'account', facts->>'reason')
            AND o.created_at > clock_timestamp() - interval '1 hour')
    END
    ORDER BY number
    ON CONFLICT ON CONSTRAINT outbox_notice DO NOTHING
$$;
COMMENT ON FUNCTION angel_tells(TEXT, TEXT, JSONB) IS
    'issue 6: those who look after the instance hear of a take-over while workers are gone; of one that holds nobody back once an hour';

CREATE FUNCTION angel_halts(its_account TEXT, its_epoch BIGINT) RETURNS INT LANGUAGE plpgsql AS $$
DECLARE
    halted INT;
BEGIN
    WITH halted_now AS (
        UPDATE runs SET state = 'halted', trouble = ''
        WHERE account = its_account AND state = 'running' AND kind IN ('strategy', 'leg')
        RETURNING id, kind, user_id, number, base, quote
    ), told AS (
        INSERT INTO outbox (user_id, kind, cause, params)
        SELECT user_id, 'run_taken_over', 'run_taken_over:' || id || ':' || its_epoch,
               jsonb_build_object('number', number::text, 'pair', base || '/' || quote)
        FROM halted_now WHERE kind = 'strategy' ORDER BY user_id, number
        ON CONFLICT ON CONSTRAINT outbox_notice DO NOTHING
    )
    SELECT count(*) FILTER (WHERE kind = 'strategy') INTO halted FROM halted_now;
    RETURN halted;
END $$;
COMMENT ON FUNCTION angel_halts(TEXT, BIGINT) IS
    'AN10: the runs of an account that was taken over are held back, and their people are told at once';

CREATE FUNCTION angel_alive(who TEXT, facts JSONB) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    blind RECORD;
BEGIN
    INSERT INTO progress (holder, part, process, at, idle_s, late_s, waits_for, stuck)
    VALUES (who, '', 'angel', lease_clock(), 0, 0, '', coalesce(facts->>'trouble', ''))
    ON CONFLICT (holder, part) DO UPDATE SET at = excluded.at, stuck = excluded.stuck;
    FOR blind IN SELECT * FROM jsonb_to_recordset(coalesce(facts->'refused', '[]')) AS r (account TEXT, reason TEXT) LOOP
        PERFORM angel_tells('angel_blind',
            blind.account || ':' || blind.reason || ':' || to_char(lease_clock(), 'YYYY-MM-DD'),
            jsonb_build_object('account', blind.account, 'reason', blind.reason));
    END LOOP;
END $$;
COMMENT ON FUNCTION angel_alive(TEXT, JSONB) IS
    'that an Angel looks, and what would keep it from clearing an account; who can mend that is told once a day';
"""

ACT = """
CREATE OR REPLACE FUNCTION angel_act(line JSONB) RETURNS JSONB LANGUAGE plpgsql AS $$
DECLARE
    its_scope TEXT := line->>'scope';
    its_account TEXT := substr(line->>'scope', 7);
    its_epoch BIGINT := (line->>'epoch')::bigint;
    who TEXT := line->>'angel';
    what TEXT := line->>'kind';
    facts JSONB := coalesce(line->'facts', '{}');
    is_late BOOLEAN := coalesce((line->>'late')::boolean, false);
    ours BOOLEAN := false;
    stuck BOOLEAN := false;
    was_angels BOOLEAN := false;
    told JSONB;
BEGIN
    IF what = 'alive' AND who LIKE 'angel:%' THEN
        PERFORM angel_alive(who, facts);
        RETURN jsonb_build_object('ours', false, 'epoch', NULL);
    END IF;
    SELECT answer INTO told FROM angel_entries WHERE id = (line->>'id')::uuid;
    IF FOUND THEN
        RETURN told;
    END IF;
    IF NOT is_late AND what = 'take' AND its_scope LIKE 'venue:%' THEN
        stuck := coalesce((facts->>'stuck')::boolean, false) AND EXISTS (
            SELECT FROM progress p JOIN leases l USING (holder)
            WHERE l.scope = its_scope AND p.part IN ('', its_scope) AND (p.stuck <> ''
                OR greatest(p.idle_s, p.late_s) + extract(epoch FROM lease_clock() - p.at) > 10));
        was_angels := EXISTS (SELECT FROM leases WHERE scope = its_scope AND state = 'angel');
        UPDATE leases l SET epoch = l.epoch + 1, holder = who, state = 'angel', expires_at = lease_clock() + l.ttl
        WHERE l.scope = its_scope AND l.epoch = (facts->>'seen')::bigint AND who LIKE 'angel:%' AND (
            (l.state = 'held' AND (l.expires_at <= lease_clock() OR stuck
                OR ((facts->>'preempt')::boolean AND (l.renewed_at <= lease_clock() - l.ttl / 2
                    OR l.renewed_at > lease_clock() + interval '1 second'))))  -- CK3: the clock was put back
            OR (l.state = 'released' AND (facts->>'behind')::boolean AND l.holder NOT LIKE 'angel:%' AND EXISTS (
                SELECT FROM order_intents WHERE account = its_account AND NOT settled
                    AND state NOT IN ('filled', 'cancelled', 'expired', 'abandoned', 'rejected')))
            OR (l.state = 'angel' AND (l.holder = who OR l.expires_at <= lease_clock())))
        RETURNING l.epoch INTO its_epoch;
        ours := FOUND;
        IF ours AND was_angels THEN
            PERFORM angel_halts(its_account, its_epoch);
        ELSIF ours THEN
            PERFORM angel_tells('angel_took', its_account || ':' || its_epoch, jsonb_build_object(
                'account', its_account, 'runs', angel_halts(its_account, its_epoch)::text, 'reason', CASE
                    WHEN (facts->>'behind')::boolean THEN 'left_behind' WHEN stuck THEN 'worker_stuck'
                    ELSE 'worker_gone' END));
        END IF;
    ELSIF NOT is_late AND its_epoch IS NOT NULL THEN
        UPDATE leases l SET expires_at = greatest(l.expires_at, lease_clock() + l.ttl)
        WHERE l.scope = its_scope AND l.epoch = its_epoch AND l.holder = who AND l.state = 'angel';
        ours := FOUND;
    END IF;
    IF ours AND what = 'heard' THEN
        PERFORM angel_heard(its_account, facts->'orders');
    ELSIF ours AND what = 'order' THEN
        PERFORM angel_order(its_account, its_epoch, facts);
    ELSIF ours AND what = 'safe' THEN
        UPDATE leases l SET state = 'released' WHERE l.scope = its_scope AND l.epoch = its_epoch;
        PERFORM angel_tells('angel_safe', its_account || ':' || its_epoch, jsonb_build_object(
            'account', its_account, 'cancelled', coalesce(facts->>'cancelled', '0')));
    ELSIF ours AND what = 'blocked' THEN
        PERFORM angel_tells('angel_blocked', its_account || ':' || to_char(lease_clock(), 'YYYY-MM-DD"T"HH24'),
            jsonb_build_object('account', its_account, 'reason', facts->>'reason'));
    END IF;
    told := jsonb_build_object('ours', ours, 'epoch', its_epoch);
    INSERT INTO angel_entries (id, angel, scope, epoch, kind, facts, at, late, answer)
    VALUES ((line->>'id')::uuid, who, its_scope, its_epoch, what, facts, (line->>'at')::timestamptz, is_late, told);
    RETURN told;
END $$;
COMMENT ON FUNCTION angel_act(JSONB) IS
    'the one door of the Angel: that it lives, or a line of its log, written down together with what it changes; a repeat '
    'changes nothing';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return EDGES + ACT


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
