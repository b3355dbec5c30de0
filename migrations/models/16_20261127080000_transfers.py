"""Treasury transfers between Mixin and venues, the address book, and what came from chains."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

LEDGER = """
INSERT INTO account_kinds (kind, side, guarded) VALUES ('transit', 'asset', true);

-- What is promised to leave a venue account is not claimed by runs as well.
CREATE OR REPLACE FUNCTION guard_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 OR (TG_OP = 'UPDATE' AND NEW.guarded <> OLD.guarded) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    ELSIF NEW.guarded AND NEW.total < NEW.held THEN
        RAISE EXCEPTION USING ERRCODE = 'MM001', MESSAGE = 'insufficient_funds',
            DETAIL = jsonb_build_object('account', account_text(NEW.account_id),
                                        'available', trim_scale(OLD.total - OLD.held)::text);
    ELSIF NEW.claimed > 0 AND NEW.claimed + NEW.held > NEW.total THEN
        RAISE EXCEPTION USING ERRCODE = 'MM002', MESSAGE = 'beyond_float',
            DETAIL = jsonb_build_object('account', account_text(NEW.account_id),
                                        'missing', trim_scale(NEW.claimed + NEW.held - NEW.total)::text);
    END IF;
    RETURN NEW;
END $$;
ALTER TABLE balances DROP CONSTRAINT balances_float;
ALTER TABLE balances ADD CONSTRAINT balances_float CHECK (claimed <= 0 OR claimed + held <= total);
"""

FROM_CHAINS = """
ALTER TABLE outputs ADD COLUMN deposit_hash text NOT NULL DEFAULT '';
COMMENT ON COLUMN outputs.deposit_hash IS 'the hash by which a chain knows it, when it came from one';
CREATE INDEX outputs_from_chains ON outputs (deposit_hash) WHERE deposit_hash <> '';

ALTER TABLE kept_outputs DROP CONSTRAINT kept_outputs_check1;
ALTER TABLE kept_outputs ADD CONSTRAINT kept_outputs_sender CHECK (
    sender IS NOT NULL OR state = 'kept' OR (reason = 'from_chain' AND state = 'credited')
);
"""

PAYOUTS = """
ALTER TABLE payouts
    ADD COLUMN to_network text, ADD COLUMN to_address text, ADD COLUMN to_tag text,
    ADD COLUMN fee_asset_id text, ADD COLUMN network_fee numeric(38, 18),
    ADD COLUMN fee_hash text NOT NULL DEFAULT '',
    DROP CONSTRAINT payouts_purpose_check,
    ADD CONSTRAINT payouts_purpose_check CHECK (
        purpose IN ('withdrawal', 'consolidation', 'refund', 'fees', 'transfer')
    ),
    ADD CONSTRAINT payouts_onward CHECK (
        CASE purpose WHEN 'transfer' THEN num_nulls(to_network, to_address, to_tag, fee_asset_id, network_fee) = 0
                                          AND to_network <> '' AND to_address <> ''
                                          AND network_fee >= 0 AND network_fee < 'Infinity'
                     ELSE num_nonnulls(to_network, to_address, to_tag, fee_asset_id, network_fee) = 0 END
    );
COMMENT ON COLUMN payouts.to_address IS 'where on a chain it goes; only the treasury pays there, and only itself';
COMMENT ON COLUMN payouts.fee_hash IS 'TX4: of the transaction that pays the network''s fee in another asset';

CREATE OR REPLACE FUNCTION payout_keeps_its_word() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.purpose, NEW.receiver, NEW.asset_id, NEW.coin, NEW.network, NEW.amount, NEW.fee,
        NEW.request_id, NEW.created_at, NEW.to_network, NEW.to_address, NEW.to_tag, NEW.fee_asset_id, NEW.network_fee)
       IS DISTINCT FROM
       (OLD.id, OLD.purpose, OLD.receiver, OLD.asset_id, OLD.coin, OLD.network, OLD.amount, OLD.fee,
        OLD.request_id, OLD.created_at, OLD.to_network, OLD.to_address, OLD.to_tag, OLD.fee_asset_id, OLD.network_fee)
    OR ((NEW.raw, NEW.transaction_hash, NEW.fee_hash) IS DISTINCT FROM (OLD.raw, OLD.transaction_hash, OLD.fee_hash)
        AND NOT (OLD.state = 'reserved' AND NEW.state = 'built'))
    OR (NEW.signed_raw IS DISTINCT FROM OLD.signed_raw
        AND NOT (OLD.state = 'built' AND NEW.state = 'signed'))
    OR (OLD.change_output IS NOT NULL AND NEW.change_output IS DISTINCT FROM OLD.change_output) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'payout', OLD.id);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION check_payout_is_promised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.purpose = 'consolidation' THEN
        RETURN NEW;
    END IF;
    IF (NEW.purpose <> 'refund' OR NEW.network <> '') AND NOT EXISTS (
        SELECT FROM holds h JOIN accounts a ON a.id = h.account_id
        WHERE h.owner_kind = NEW.purpose AND h.owner = NEW.id AND h.ended_at IS NULL
          AND h.remaining = NEW.amount AND a.coin = NEW.coin
          AND (a.kind, a.owner) = (CASE NEW.purpose WHEN 'withdrawal' THEN 'available' WHEN 'refund' THEN 'suspense'
                                                    WHEN 'transfer' THEN 'mixin' ELSE 'fees' END,
                                   CASE NEW.purpose WHEN 'withdrawal' THEN NEW.receiver
                                                    WHEN 'transfer' THEN NEW.asset_id ELSE '' END)
    ) OR NEW.purpose = 'refund' AND NEW.amount IS DISTINCT FROM (
        SELECT sum(k.amount) FROM kept_outputs k
        WHERE k.settled_by = NEW.id AND k.state = 'refunding' AND k.sender = NEW.receiver
          AND k.asset_id = NEW.asset_id
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM174', MESSAGE = 'payout_not_promised',
            DETAIL = jsonb_build_object('payout', NEW.id);
    ELSIF NEW.purpose = 'transfer' AND NOT EXISTS (
        SELECT FROM treasury_transfers t JOIN treasury_addresses a
            ON a.place = t.account AND a.coin = t.coin AND a.network = t.network AND a.state IN ('approved', 'proven')
        WHERE t.id = NEW.id AND t.direction = 'to_venue' AND t.state = 'planned' AND t.amount = NEW.amount
          AND (NEW.to_address, NEW.to_tag) = (a.address, a.tag)
          AND (NEW.to_network, NEW.to_address, NEW.to_tag) = (t.to_network, t.to_address, t.to_tag)
          AND (t.canary OR a.state = 'proven')
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM074', MESSAGE = 'address_not_approved',
            DETAIL = jsonb_build_object('payout', NEW.id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_payout_is_promised() IS
    'WD1: only what a hold promises, or what was kept of the receiver''s own; TX2: a chain only at an approved address';
"""

BOOK = """
CREATE TABLE treasury_addresses (
    id           text PRIMARY KEY,
    place        text NOT NULL CHECK (place <> ''),
    coin         text NOT NULL,
    network      text NOT NULL,
    said_network text NOT NULL,
    address      text NOT NULL CHECK (address <> ''),
    tag          text NOT NULL,
    state        text NOT NULL,
    seen_at      timestamptz NOT NULL,
    approved_by  text,
    changed_at   timestamptz NOT NULL,
    CHECK ((approved_by IS NOT NULL) OR state IN ('proposed', 'dropped'))
);
COMMENT ON TABLE treasury_addresses IS 'TX2: where our own money may go, approved once by a person, as the place said it';
CREATE UNIQUE INDEX treasury_addresses_in_use ON treasury_addresses (place, coin, network)
    WHERE state IN ('approved', 'proven');
CREATE UNIQUE INDEX treasury_addresses_said ON treasury_addresses (place, coin, network, said_network, address, tag)
    WHERE state = 'proposed';
INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('address', '', 'proposed'), ('address', 'proposed', 'approved'), ('address', 'proposed', 'dropped'),
    ('address', 'approved', 'proven'), ('address', 'approved', 'frozen'), ('address', 'approved', 'dropped'),
    ('address', 'proven', 'frozen'), ('address', 'proven', 'dropped'), ('address', 'frozen', 'dropped');
CREATE TRIGGER treasury_addresses_edges BEFORE INSERT OR UPDATE ON treasury_addresses
    FOR EACH ROW EXECUTE FUNCTION check_edge('address');
CREATE FUNCTION check_treasury_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.place, NEW.coin, NEW.network, NEW.said_network, NEW.address, NEW.tag, NEW.seen_at)
       IS DISTINCT FROM
       (OLD.id, OLD.place, OLD.coin, OLD.network, OLD.said_network, OLD.address, OLD.tag, OLD.seen_at)
    OR (NEW.approved_by IS DISTINCT FROM OLD.approved_by
        AND NOT (OLD.state = 'proposed' AND NEW.state = 'approved'))
    OR (NEW.state = 'approved' AND NOT EXISTS (
        SELECT FROM roles WHERE holder = NEW.approved_by AND role = 'owner')) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'address', OLD.id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_treasury_address() IS 'TX2: no part of an entry changes, and only the owner approves one';
CREATE TRIGGER treasury_addresses_keep BEFORE UPDATE ON treasury_addresses
    FOR EACH ROW EXECUTE FUNCTION check_treasury_address();
CREATE TRIGGER treasury_addresses_stay BEFORE DELETE OR TRUNCATE ON treasury_addresses
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

TRANSFERS = """
CREATE TABLE treasury_transfers (
    id           text PRIMARY KEY,
    direction    text NOT NULL CHECK (direction IN ('to_venue', 'to_mixin')),
    account      text NOT NULL,
    asset_id     text NOT NULL,
    coin         text NOT NULL,
    network      text NOT NULL,
    amount       numeric(38, 18) NOT NULL CHECK (amount > 0 AND amount < 'Infinity'),
    fee          numeric(38, 18) NOT NULL CHECK (fee >= 0 AND fee < 'Infinity'),
    fee_asset_id text NOT NULL,
    fee_inside   boolean NOT NULL,
    to_network   text NOT NULL,
    to_address   text NOT NULL,
    to_tag       text NOT NULL,
    canary       boolean NOT NULL,
    by_hand      boolean NOT NULL,
    client_id    text NOT NULL UNIQUE CHECK (client_id <> ''),
    state        text NOT NULL,
    created_at   timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,
    sent_at      timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    reason       text NOT NULL DEFAULT '',
    sent_as      text NOT NULL DEFAULT '',
    chain_hash   text NOT NULL DEFAULT '',
    arrives      numeric(38, 18) CHECK (arrives > 0 AND arrives < 'Infinity'),
    arrived      numeric(38, 18) CHECK (arrived > 0 AND arrived <= arrives),
    gap          numeric(38, 18),
    decision     text NOT NULL DEFAULT '',
    ended_at     timestamptz,
    CHECK (state <> 'credited' OR arrived IS NOT NULL),
    CHECK (direction = 'to_mixin' OR NOT by_hand),
    CHECK ((ended_at IS NOT NULL) = (state IN ('credited', 'returned', 'void')))
);
COMMENT ON TABLE treasury_transfers IS 'TX and EX: coins from the Mixin wallet to a venue account, or back';
CREATE UNIQUE INDEX treasury_transfers_unresolved ON treasury_transfers (account, coin) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX treasury_transfers_carried ON treasury_transfers (direction, account, coin, chain_hash)
    WHERE chain_hash <> '';
CREATE UNIQUE INDEX treasury_transfers_sent_as ON treasury_transfers (direction, account, sent_as) WHERE sent_as <> '';
CREATE INDEX treasury_transfers_due ON treasury_transfers (due_at) WHERE ended_at IS NULL;
CREATE INDEX treasury_transfers_ended ON treasury_transfers (ended_at DESC) WHERE ended_at IS NOT NULL;
INSERT INTO state_edges (machine, from_state, to_state) VALUES
    ('treasury', '', 'planned'),
    ('treasury', 'planned', 'held'), ('treasury', 'planned', 'void'),
    ('treasury', 'held', 'sending'), ('treasury', 'held', 'sent'), ('treasury', 'held', 'void'),
    ('treasury', 'sending', 'sent'), ('treasury', 'sending', 'unknown'), ('treasury', 'sending', 'void'),
    ('treasury', 'unknown', 'sent'), ('treasury', 'unknown', 'held'), ('treasury', 'unknown', 'void'),
    ('treasury', 'sent', 'awaiting_venue'), ('treasury', 'sent', 'on_chain'), ('treasury', 'sent', 'stuck'),
    ('treasury', 'sent', 'credited'), ('treasury', 'sent', 'returned'),
    ('treasury', 'awaiting_venue', 'sent'), ('treasury', 'awaiting_venue', 'on_chain'),
    ('treasury', 'awaiting_venue', 'stuck'), ('treasury', 'awaiting_venue', 'credited'),
    ('treasury', 'awaiting_venue', 'returned'),
    ('treasury', 'on_chain', 'seen'), ('treasury', 'on_chain', 'stuck'), ('treasury', 'on_chain', 'credited'),
    ('treasury', 'on_chain', 'returned'),
    ('treasury', 'seen', 'stuck'), ('treasury', 'seen', 'credited'),
    ('treasury', 'stuck', 'credited'), ('treasury', 'stuck', 'returned');
CREATE TRIGGER treasury_transfers_edges BEFORE INSERT OR UPDATE ON treasury_transfers
    FOR EACH ROW EXECUTE FUNCTION check_edge('treasury');
CREATE FUNCTION check_treasury_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.direction, NEW.account, NEW.asset_id, NEW.coin, NEW.network, NEW.amount, NEW.fee_asset_id,
        NEW.fee_inside, NEW.to_network, NEW.to_address, NEW.to_tag, NEW.canary, NEW.by_hand, NEW.client_id,
        NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.direction, OLD.account, OLD.asset_id, OLD.coin, OLD.network, OLD.amount, OLD.fee_asset_id,
        OLD.fee_inside, OLD.to_network, OLD.to_address, OLD.to_tag, OLD.canary, OLD.by_hand, OLD.client_id,
        OLD.created_at)
    OR OLD.ended_at IS NOT NULL
    OR (OLD.sent_as <> '' AND NEW.sent_as <> OLD.sent_as)
    OR (OLD.chain_hash <> '' AND NEW.chain_hash <> OLD.chain_hash)
    OR (OLD.arrives IS NOT NULL AND NEW.arrives <> OLD.arrives)
    OR (OLD.arrived IS NOT NULL AND NEW.arrived < OLD.arrived)
    OR (NEW.fee <> OLD.fee AND NOT (OLD.arrives IS NULL AND NEW.arrives IS NOT NULL))
    OR (NEW.attempts < OLD.attempts) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'transfer', OLD.id);
    END IF;
    IF NEW.state = 'held' AND OLD.state <> 'held' AND NOT EXISTS (
        SELECT FROM holds h JOIN accounts a ON a.id = h.account_id
        WHERE h.owner_kind = 'transfer' AND h.owner = NEW.id AND h.ended_at IS NULL AND a.coin = NEW.coin
          AND (a.kind, a.owner) = (CASE NEW.direction WHEN 'to_venue' THEN 'mixin' ELSE 'venue' END,
                                   CASE NEW.direction WHEN 'to_venue' THEN NEW.asset_id ELSE NEW.account END)
          AND h.remaining >= NEW.amount
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM175', MESSAGE = 'transfer_not_promised',
            DETAIL = jsonb_build_object('transfer', NEW.id);
    END IF;
    IF NEW.state = 'sending' AND OLD.state = 'held' AND NEW.direction = 'to_mixin' AND NOT EXISTS (
        SELECT FROM treasury_addresses a
        WHERE a.place = 'mixin' AND a.coin = NEW.coin AND a.network = NEW.network
          AND (a.address, a.tag) = (NEW.to_address, NEW.to_tag)
          AND (a.state = 'proven' OR (a.state = 'approved' AND NEW.canary))
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MM176', MESSAGE = 'address_not_approved',
            DETAIL = jsonb_build_object('transfer', NEW.id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_treasury_transfer() IS
    'TX1, TX2, EX: what is asked for never changes, names are given once, and nothing leaves unpromised or elsewhere';
CREATE TRIGGER treasury_transfers_keep BEFORE UPDATE ON treasury_transfers
    FOR EACH ROW EXECUTE FUNCTION check_treasury_transfer();
CREATE TRIGGER treasury_transfers_stay BEFORE DELETE OR TRUNCATE ON treasury_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

WANTS = """
CREATE TABLE float_wants (
    account   text NOT NULL,
    coin      text NOT NULL,
    amount    numeric(38, 18) NOT NULL CHECK (amount > 0 AND amount < 'Infinity'),
    wanted_at timestamptz NOT NULL,
    PRIMARY KEY (account, coin)
);
COMMENT ON TABLE float_wants IS 'what runs lacked at a venue account when somebody wanted to start one: for the planner';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return LEDGER + FROM_CHAINS + BOOK + TRANSFERS + PAYOUTS + WANTS


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
