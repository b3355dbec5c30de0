"""The Angel: it takes an account over from workers that are gone, writes down what it does, and gives it back."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

LEASES = """
INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('lease', 'held', 'angel'), ('lease', 'angel', 'released');

DROP TRIGGER leases_hold ON leases;
CREATE TRIGGER leases_begin BEFORE INSERT ON leases
    FOR EACH ROW EXECUTE FUNCTION check_lease();
CREATE TRIGGER leases_hold BEFORE UPDATE ON leases
    FOR EACH ROW WHEN (NEW.state <> 'angel' AND OLD.state <> 'angel') EXECUTE FUNCTION check_lease();

CREATE FUNCTION check_angels_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
       OR NEW.scope <> OLD.scope OR NEW.scope NOT LIKE 'venue:%'
       OR NEW.epoch NOT IN (OLD.epoch, OLD.epoch + 1) OR (NEW.epoch > OLD.epoch AND NEW.state <> 'angel')
       OR (NEW.epoch = OLD.epoch AND NEW.holder <> OLD.holder)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM005', MESSAGE = 'lease_held',
            DETAIL = jsonb_build_object('scope', OLD.scope, 'holder', OLD.holder);
    END IF;
    NEW.renewed_at := lease_clock();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_angels_lease() IS
    'AN8: an account that the Angel has taken is nobody else''s until it is safe; only angel_act changes it';
CREATE TRIGGER leases_hold_angel BEFORE UPDATE ON leases
    FOR EACH ROW WHEN (NEW.state = 'angel' OR OLD.state = 'angel') EXECUTE FUNCTION check_angels_lease();
"""

PROGRESS = """
ALTER TABLE progress DROP CONSTRAINT progress_process_check;
ALTER TABLE progress ADD CONSTRAINT progress_process_check CHECK (process IN ('bot', 'workers', 'angel'));
"""

ENTRIES = """
CREATE TABLE angel_entries (
    id UUID NOT NULL PRIMARY KEY,
    seq BIGINT GENERATED ALWAYS AS IDENTITY,
    angel TEXT NOT NULL CHECK (angel <> ''),
    scope TEXT NOT NULL,
    epoch BIGINT,
    kind VARCHAR(16) NOT NULL,
    facts JSONB NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    late BOOLEAN NOT NULL,
    answer JSONB NOT NULL,
    noted_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT angel_entries_seq UNIQUE (seq),
    CONSTRAINT angel_entries_scope CHECK (scope ~ '^venue:[a-z0-9][a-z0-9_.-]*$'),
    CONSTRAINT angel_entries_kind CHECK (kind IN ('take', 'cancel', 'looked', 'heard', 'order', 'left', 'safe'))
);
COMMENT ON TABLE angel_entries IS 'safety 2.9: what the Angel did, each written down before it is done';
COMMENT ON COLUMN angel_entries.late IS 'AN5: copied later from its own file; it changed nothing else here';
CREATE INDEX angel_entries_of ON angel_entries (scope, seq);
CREATE TRIGGER angel_entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON angel_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

INTENTS = """
CREATE OR REPLACE FUNCTION check_new_intent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    by_angel BOOLEAN := false;
BEGIN
    SELECT state = 'angel' INTO by_angel FROM leases
        WHERE scope = 'venue:' || NEW.account AND epoch = NEW.epoch AND state IN ('held', 'angel')
        FOR KEY SHARE;
    IF NOT FOUND OR (by_angel AND current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID))
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM003', MESSAGE = 'epoch_lost',
            DETAIL = jsonb_build_object('scope', 'venue:' || NEW.account, 'epoch', NEW.epoch);
    END IF;
    PERFORM FROM venue_accounts WHERE name = NEW.account AND halted = '' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM007', MESSAGE = 'account_halted',
            DETAIL = jsonb_build_object('account', NEW.account);
    END IF;
    PERFORM FROM runs WHERE id = NEW.run_id AND account = NEW.account AND base = NEW.base AND quote = NEW.quote
        AND state = CASE WHEN by_angel THEN 'halted' ELSE 'running' END FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'MM004', MESSAGE = 'run_not_running',
            DETAIL = jsonb_build_object('run', NEW.run_id);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION check_order_of_kind() RETURNS trigger LANGUAGE plpgsql AS $$
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
        SELECT FROM leases WHERE scope = 'venue:' || NEW.account AND epoch = NEW.epoch AND state = 'angel'
    ) AND NOT EXISTS (
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
    'for, at the price it was asked for or a better one; what the Angel sends, nobody asked for';
"""

ACT = """
CREATE FUNCTION angel_heard(its_account TEXT, words JSONB) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    heard RECORD;
BEGIN
    FOR heard IN
        SELECT o.id, g.state AS state, (o.booked = greatest(o.filled, g.filled)) AS counted, g.order_id, g.filled
        FROM jsonb_to_recordset(words) AS g (client_order_id TEXT, order_id TEXT, state TEXT, filled NUMERIC)
        JOIN order_intents o USING (client_order_id)
        WHERE o.account = its_account AND NOT o.settled AND (o.state = g.state OR EXISTS (
            SELECT FROM state_edges e WHERE e.machine = 'order' AND e.from_state = o.state AND e.to_state = g.state))
        ORDER BY o.id FOR UPDATE OF o
    LOOP
        UPDATE order_intents o SET state = heard.state, filled = greatest(o.filled, heard.filled),
            order_id = CASE WHEN o.order_id = '' THEN heard.order_id ELSE o.order_id END,
            settled = heard.counted AND heard.state IN ('filled', 'cancelled', 'expired', 'abandoned', 'rejected')
        WHERE o.id = heard.id;
        IF heard.counted AND heard.state IN ('filled', 'cancelled', 'expired', 'abandoned', 'rejected') THEN
            PERFORM release_hold('order', heard.id);
        END IF;
    END LOOP;
END $$;
COMMENT ON FUNCTION angel_heard(TEXT, JSONB) IS
    'FL4: the venue''s word on orders; a hold goes back only where every fill that the venue counts is booked';

CREATE FUNCTION angel_order(its_account TEXT, its_epoch BIGINT, wish JSONB) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    price NUMERIC := (wish->>'price')::numeric;
    quantity NUMERIC := (wish->>'quantity')::numeric;
    buys BOOLEAN := wish->>'side' = 'buy';
BEGIN
    IF EXISTS (SELECT FROM freezes WHERE scope = 'instance' AND lifted_at IS NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM011', MESSAGE = 'instance_frozen',
            DETAIL = jsonb_build_object('run', wish->>'run_id');
    END IF;
    INSERT INTO order_intents (id, client_order_id, run_id, account, epoch, base, quote, side, price, quantity,
                               post_only, immediate, not_after, state)
    VALUES (wish->>'id', wish->>'client_order_id', wish->>'run_id', its_account, its_epoch, wish->>'base',
            wish->>'quote', wish->>'side', price, quantity, false, true, (wish->>'not_after')::timestamptz, 'sending');
    PERFORM make_holds(ARRAY['run'], ARRAY[wish->>'run_id'], ARRAY[its_account],
        ARRAY[CASE WHEN buys THEN wish->>'quote' ELSE wish->>'base' END], ARRAY['order'], ARRAY[wish->>'id'],
        ARRAY[1], ARRAY[CASE WHEN buys THEN ceil(price * quantity * 1e18) / 1e18 ELSE quantity END]);
END $$;
COMMENT ON FUNCTION angel_order(TEXT, BIGINT, JSONB) IS
    'OR1: the intent of an order that never rests, with its hold; bytes leave after';

CREATE FUNCTION angel_act(line JSONB) RETURNS JSONB LANGUAGE plpgsql AS $$
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
    told JSONB;
BEGIN
    IF what = 'alive' AND who LIKE 'angel:%' THEN
        INSERT INTO progress (holder, part, process, at, idle_s, late_s, waits_for, stuck)
        VALUES (who, '', 'angel', lease_clock(), 0, 0, '', '')
        ON CONFLICT (holder, part) DO UPDATE SET at = excluded.at;
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
        UPDATE leases l SET epoch = l.epoch + 1, holder = who, state = 'angel', expires_at = lease_clock() + l.ttl
        WHERE l.scope = its_scope AND l.epoch = (facts->>'seen')::bigint AND who LIKE 'angel:%' AND (
            (l.state = 'held' AND (l.expires_at <= lease_clock() OR stuck
                OR ((facts->>'preempt')::boolean AND l.renewed_at <= lease_clock() - l.ttl / 2)))
            OR (l.state = 'angel' AND (l.holder = who OR l.expires_at <= lease_clock())))
        RETURNING l.epoch INTO its_epoch;
        ours := FOUND;
        IF ours THEN
            UPDATE runs SET state = 'halted', trouble = ''
            WHERE account = its_account AND state = 'running' AND kind IN ('strategy', 'leg');
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
    END IF;
    told := jsonb_build_object('ours', ours, 'epoch', its_epoch);
    INSERT INTO angel_entries (id, angel, scope, epoch, kind, facts, at, late, answer)
    VALUES ((line->>'id')::uuid, who, its_scope, its_epoch, what, facts, (line->>'at')::timestamptz, is_late, told);
    RETURN told;
END $$;
COMMENT ON FUNCTION angel_act(JSONB) IS
    'the one door of the Angel: a line of its log, written down together with what it changes; a repeat changes nothing';
"""

SECRETS = """
ALTER TABLE secrets DROP CONSTRAINT secrets_kind;
ALTER TABLE secrets ADD CONSTRAINT secrets_kind
    CHECK (kind IN ('session_key', 'spend_key', 'venue_key', 'angel_key'));
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return LEASES + PROGRESS + ENTRIES + INTENTS + ACT + SECRETS


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
