"""Fees: the schedule in versions, every fee beside its posting, and taking out what was earned."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

SCHEDULES = """
CREATE FUNCTION fee_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT clock_timestamp() $$;
COMMENT ON FUNCTION fee_clock() IS 'the clock of notice periods; a simulation puts its own in its place';

CREATE TABLE fee_schedules (
    version        INT NOT NULL PRIMARY KEY,
    deposit_bps    INT NOT NULL,
    withdrawal_bps INT NOT NULL,
    trading_bps    INT NOT NULL,
    effective_at   TIMESTAMPTZ NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    created_by     TEXT NOT NULL,
    CONSTRAINT fee_schedules_version CHECK (version > 0),
    CONSTRAINT fee_schedules_cap CHECK (
        deposit_bps BETWEEN 0 AND 1000 AND withdrawal_bps BETWEEN 0 AND 1000 AND trading_bps BETWEEN 0 AND 100
    ),
    CONSTRAINT fee_schedules_at CHECK (isfinite(effective_at))
);
COMMENT ON TABLE fee_schedules IS 'FE2: what is charged, in versions; one holds from effective_at until a later one does';
COMMENT ON CONSTRAINT fee_schedules_cap ON fee_schedules IS 'no owner can ask for more, whatever the settings say';

CREATE FUNCTION check_fee_schedule() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    latest fee_schedules;
BEGIN
    SELECT * INTO latest FROM fee_schedules ORDER BY version DESC LIMIT 1;
    NEW.created_at := fee_clock();
    IF NEW.version <> coalesce(latest.version, 0) + 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'MM070', MESSAGE = 'fees_changed_meanwhile',
            DETAIL = jsonb_build_object('version', NEW.version);
    END IF;
    IF latest.version IS NOT NULL AND
       (NEW.effective_at < NEW.created_at + interval '24 hours' OR NEW.effective_at < latest.effective_at) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM071', MESSAGE = 'fees_too_soon',
            DETAIL = jsonb_build_object('effective_at', NEW.effective_at);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_fee_schedule() IS 'FE2: 24 hours of notice for all but the first version, and no version before another';
CREATE TRIGGER fee_schedules_give_notice BEFORE INSERT ON fee_schedules
    FOR EACH ROW EXECUTE FUNCTION check_fee_schedule();
CREATE TRIGGER fee_schedules_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON fee_schedules
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

BOUND = """
ALTER TABLE deposit_intents ADD COLUMN fee_version INT NOT NULL DEFAULT 0;
ALTER TABLE payouts ADD COLUMN fee_version INT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN fee_version INT NOT NULL DEFAULT 0;
COMMENT ON COLUMN deposit_intents.fee_version IS 'the schedule that was shown with the link; 0: before there was any';
COMMENT ON COLUMN payouts.fee_version IS 'the schedule that its fee was reckoned by; 0: before there was any';
COMMENT ON COLUMN runs.fee_version IS 'FE2: the schedule that it was started under and keeps; 0: before there was any';

CREATE TRIGGER payouts_keep_their_rate BEFORE UPDATE ON payouts
    FOR EACH ROW WHEN (NEW.fee_version <> OLD.fee_version) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER runs_keep_their_rate BEFORE UPDATE ON runs
    FOR EACH ROW WHEN (NEW.fee_version <> OLD.fee_version) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER deposit_intents_keep_their_rate BEFORE UPDATE ON deposit_intents
    FOR EACH ROW WHEN (NEW.fee_version <> OLD.fee_version) EXECUTE FUNCTION refuse_change();

CREATE FUNCTION require_fee_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.fee_version <> 0 AND NOT EXISTS (SELECT FROM fee_schedules WHERE version = NEW.fee_version) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM170', MESSAGE = 'fee_wrong',
            DETAIL = jsonb_build_object('kind', TG_TABLE_NAME, 'version', NEW.fee_version);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION require_fee_version() IS 'FE2: nobody begins under a schedule that was never announced';
CREATE TRIGGER runs_have_a_rate BEFORE INSERT ON runs
    FOR EACH ROW EXECUTE FUNCTION require_fee_version();
"""

FEES = """
CREATE TABLE service_fees (
    fee        TEXT NOT NULL,
    kind       TEXT NOT NULL,
    cause      TEXT NOT NULL,
    version    INT NOT NULL REFERENCES fee_schedules (version),
    user_id    VARCHAR(36) NOT NULL,
    run_id     VARCHAR(36) NOT NULL,
    coin       TEXT NOT NULL,
    basis      NUMERIC(38, 18) NOT NULL,
    amount     NUMERIC(38, 18) NOT NULL,
    noted_at   TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, cause),
    CONSTRAINT service_fees_kind CHECK (
        (fee, kind) IN (('deposit', 'deposit'), ('deposit', 'added_up'), ('withdrawal', 'withdrawal'),
                        ('trading', 'fill'), ('trading', 'fill_bust'), ('trading', 'fill_again'))
    ),
    CONSTRAINT service_fees_run CHECK ((run_id <> '') = (fee = 'trading')),
    CONSTRAINT service_fees_numbers CHECK (
        abs(amount) > 0 AND abs(amount) <= abs(basis) AND abs(basis) < 'Infinity'
        AND (amount > 0) = (kind <> 'fill_bust') AND (basis > 0) = (kind <> 'fill_bust')
    )
);
COMMENT ON TABLE service_fees IS 'FE1: every fee with the version it follows, keyed as the transfer that collects it';
COMMENT ON CONSTRAINT service_fees_numbers ON service_fees IS 'FL8: a trade that never was gives its fee back, and nothing else does';
CREATE INDEX service_fees_person ON service_fees (user_id);
CREATE INDEX service_fees_of_run ON service_fees (run_id) WHERE run_id <> '';
CREATE INDEX service_fees_of_late ON service_fees USING brin (noted_at);

CREATE FUNCTION check_service_fee() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bps  INT;
    unit NUMERIC := CASE NEW.fee WHEN 'trading' THEN 0.000000000000000001 ELSE 0.00000001 END;
    units NUMERIC := CASE NEW.fee WHEN 'trading' THEN 1000000000000000000 ELSE 100000000 END;
BEGIN
    SELECT CASE NEW.fee WHEN 'deposit' THEN deposit_bps WHEN 'withdrawal' THEN withdrawal_bps ELSE trading_bps END
        INTO bps FROM fee_schedules WHERE version = NEW.version;
    IF NEW.amount IS DISTINCT FROM sign(NEW.basis) * ceil(abs(NEW.basis) * bps * 0.0001 * units) * unit OR
       (NEW.fee = 'trading' AND NOT EXISTS (
            SELECT FROM runs WHERE id = NEW.run_id AND user_id = NEW.user_id AND fee_version = NEW.version))
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM170', MESSAGE = 'fee_wrong',
            DETAIL = jsonb_build_object('kind', NEW.kind, 'cause', NEW.cause, 'version', NEW.version);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_service_fee() IS
    'FE1: a fee is what its version asks for, rounded up in its last place, and nothing else; FE2: a run pays by its own version';
CREATE TRIGGER service_fees_fit BEFORE INSERT ON service_fees
    FOR EACH ROW EXECUTE FUNCTION check_service_fee();
CREATE TRIGGER service_fees_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON service_fees
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION require_fee_posting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.amount, CASE NEW.fee WHEN 'trading' THEN NEW.basis END) IS DISTINCT FROM (
        SELECT ROW (
            sum(CASE 'fees' WHEN d.kind THEN p.amount WHEN s.kind THEN -p.amount END),
            sum(CASE 'run' WHEN d.kind THEN p.amount WHEN s.kind THEN -p.amount END)
                FILTER (WHERE NEW.fee = 'trading' AND 'venue' IN (s.kind, d.kind))
        )
        FROM transfers t JOIN postings p ON p.transfer_id = t.id
        JOIN accounts s ON s.id = p.source_id JOIN accounts d ON d.id = p.destination_id
        WHERE t.kind = NEW.kind AND t.cause = NEW.cause AND s.coin = NEW.coin
            AND (NEW.run_id = '' OR NEW.run_id IN (s.owner, d.owner))
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM171', MESSAGE = 'fee_unbooked',
            DETAIL = jsonb_build_object('kind', NEW.kind, 'cause', NEW.cause);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION require_fee_posting() IS
    'FE1: a fee is noted beside the posting that collects it, from the same commit; that of a fill is of what the venue gave the run';
CREATE CONSTRAINT TRIGGER service_fees_are_booked AFTER INSERT ON service_fees
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_fee_posting();

CREATE VIEW fee_faults (rule, subject, expected, found) AS
WITH booked AS (
    SELECT t.kind, t.cause, a.coin, sum(CASE a.id WHEN d.id THEN p.amount ELSE -p.amount END) AS amount
    FROM accounts a JOIN postings p ON a.id IN (p.source_id, p.destination_id)
    JOIN transfers t ON t.id = p.transfer_id
    JOIN accounts s ON s.id = p.source_id JOIN accounts d ON d.id = p.destination_id
    WHERE a.kind = 'fees' AND (d.id = a.id OR d.kind = 'run') AND s.kind NOT IN ('inventory', 'external')
      AND NOT EXISTS (SELECT FROM payouts o WHERE t.kind = 'withdrawal' AND o.id = t.cause AND o.fee_version = 0)
    GROUP BY t.kind, t.cause, a.coin
), traded AS (
    SELECT CASE t.kind WHEN 'fill' THEN t.cause ELSE regexp_replace(t.cause, ':[0-9]+$', '') END AS trade,
           r.owner AS run_id, r.coin,
           sum(CASE 'venue' WHEN s.kind THEN p.amount WHEN d.kind THEN -p.amount ELSE 0 END) AS brought,
           sum(CASE 'fees' WHEN d.kind THEN p.amount WHEN s.kind THEN -p.amount ELSE 0 END) AS paid
    FROM transfers t JOIN postings p ON p.transfer_id = t.id
    JOIN accounts s ON s.id = p.source_id JOIN accounts d ON d.id = p.destination_id
    JOIN accounts r ON r.kind = 'run' AND r.id IN (s.id, d.id)
    WHERE t.kind IN ('fill', 'fill_bust', 'fill_again') GROUP BY 1, 2, 3
), asked AS (
    SELECT trade, coin, paid,
           ceil(greatest(brought, 0) * coalesce(f.trading_bps, 0) * 100000000000000) * 0.000000000000000001 AS due
    FROM traded JOIN runs ON runs.id = run_id LEFT JOIN fee_schedules f ON f.version = runs.fee_version
)
SELECT 'FE1', concat_ws(':', kind, cause, coin), c.amount::text, b.amount::text
FROM service_fees c FULL JOIN booked b USING (kind, cause, coin) WHERE c.amount IS DISTINCT FROM b.amount
UNION ALL SELECT 'FE2', concat_ws(':', trade, coin), due::text, paid::text FROM asked WHERE paid <> due;
COMMENT ON VIEW fee_faults IS
    'empty as long as every fee that was collected is noted, every one noted was collected, and for every trade a run has '
    'paid what its version asks of the trade as it stands';
"""

TAKING = """
ALTER TABLE payouts
    DROP CONSTRAINT payouts_purpose_check,
    ADD CONSTRAINT payouts_purpose_check CHECK (purpose IN ('withdrawal', 'consolidation', 'refund', 'fees'));

CREATE FUNCTION spare_in_mixin(of_coin text) RETURNS numeric LANGUAGE sql STABLE AS $$
    SELECT coalesce(sum(CASE a.kind WHEN 'mixin' THEN b.total ELSE -b.total END), 0)
    FROM balances b JOIN accounts a ON a.id = b.account_id
    WHERE a.coin = of_coin AND a.kind IN ('mixin', 'available', 'pending', 'run', 'suspense')
$$;
COMMENT ON FUNCTION spare_in_mixin(text) IS
    'what Mixin holds of a coin beyond all that is owed or kept aside; what runs work with counts, wherever it lies';

CREATE FUNCTION check_taking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'requested' OR NEW.fee <> 0 OR
       NEW.created_at NOT BETWEEN fee_clock() - interval '5 minutes' AND fee_clock() + interval '5 minutes' OR
       NOT EXISTS (SELECT FROM roles WHERE holder = NEW.receiver AND role = 'owner') THEN
        RAISE EXCEPTION USING ERRCODE = 'MM172', MESSAGE = 'fees_taken_wrongly',
            DETAIL = jsonb_build_object('payout', NEW.id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_taking() IS 'FE4: fees go to the owner alone, and are announced when they are asked for';
CREATE TRIGGER payouts_of_fees_are_announced BEFORE INSERT ON payouts
    FOR EACH ROW WHEN (NEW.purpose = 'fees') EXECUTE FUNCTION check_taking();

CREATE FUNCTION check_taking_is_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF fee_clock() < OLD.created_at + interval '24 hours' THEN
        RAISE EXCEPTION USING ERRCODE = 'MM072', MESSAGE = 'fees_taken_too_soon',
            DETAIL = jsonb_build_object('payout', NEW.id);
    END IF;
    IF spare_in_mixin(NEW.coin) < (SELECT b.held FROM balances b JOIN accounts a ON a.id = b.account_id
                                   WHERE a.kind = 'fees' AND a.coin = NEW.coin) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM073', MESSAGE = 'fees_not_covered',
            DETAIL = jsonb_build_object('payout', NEW.id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_taking_is_due() IS 'FE3, FE4: a day after the word, and only what is there beyond all that is owed';
CREATE TRIGGER payouts_of_fees_wait BEFORE UPDATE ON payouts
    FOR EACH ROW WHEN (NEW.purpose = 'fees' AND OLD.state IN ('requested', 'waiting')
                       AND NEW.state NOT IN ('requested', 'waiting', 'cancelled'))
    EXECUTE FUNCTION check_taking_is_due();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return SCHEDULES + BOUND + FEES + TAKING


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
