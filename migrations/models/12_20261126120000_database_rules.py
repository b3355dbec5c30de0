"""The chain over all transfers; and rules are written by their owner, not by whoever says to be migrating.

Who may do what is no migration: it stands in ``adapters/db/grants.py`` and is applied after each of them.
"""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

MIGRATING = """
CREATE OR REPLACE FUNCTION refuse_outside_migration() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('mrmarket.migrating', true), '') <> 'on'
        OR current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM100', MESSAGE = 'change_refused',
            DETAIL = jsonb_build_object('table', TG_TABLE_NAME, 'action', TG_OP);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION refuse_outside_migration() IS
    'the setting says that the owner means it; without the owner''s role it opens nothing';
"""

CHAIN = """
CREATE TABLE chain_links (
    number      BIGINT NOT NULL PRIMARY KEY,
    transfer_id BIGINT NOT NULL,
    previous    TEXT NOT NULL,
    hash        TEXT NOT NULL,
    chained_at  TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT chain_links_transfer UNIQUE (transfer_id),
    CONSTRAINT chain_links_hash CHECK (hash ~ '^[0-9a-f]{64}$')
);
COMMENT ON TABLE chain_links IS
    'I10: each transfer sealed behind the one before, in the order in which they were found committed. Transfers '
    'never go away, so they need no foreign key, which would write to their rows';

CREATE FUNCTION check_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest BIGINT;
    sealed TEXT;
BEGIN
    SELECT number, hash INTO newest, sealed FROM chain_links ORDER BY number DESC LIMIT 1;
    IF NEW.number <> coalesce(newest, 0) + 1 OR NEW.previous <> coalesce(sealed, repeat('0', 64))
        OR NOT EXISTS (SELECT FROM transfers WHERE id = NEW.transfer_id)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM108', MESSAGE = 'link_misplaced',
            DETAIL = jsonb_build_object('number', NEW.number, 'transfer', NEW.transfer_id);
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION check_link() IS 'I10: links follow each other without a gap; the hash itself is the verifier''s';
CREATE TRIGGER chain_links_follow BEFORE INSERT ON chain_links
    FOR EACH ROW EXECUTE FUNCTION check_link();
CREATE TRIGGER chain_links_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return MIGRATING + CHAIN


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
