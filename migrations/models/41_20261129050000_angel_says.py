"""The Angel says what would keep it from its work before there is any, and those who can mend it are told."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

ALIVE = """
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

ALTER FUNCTION angel_act(JSONB) RENAME TO angel_deed;
COMMENT ON FUNCTION angel_deed(JSONB) IS
    'a line of the Angel''s log, written down together with what it changes; a repeat changes nothing';

CREATE FUNCTION angel_act(line JSONB) RETURNS JSONB LANGUAGE plpgsql AS $$
BEGIN
    IF line->>'kind' = 'alive' AND line->>'angel' LIKE 'angel:%' THEN
        PERFORM angel_alive(line->>'angel', coalesce(line->'facts', '{}'));
        RETURN jsonb_build_object('ours', false, 'epoch', NULL);
    END IF;
    RETURN angel_deed(line);
END $$;
COMMENT ON FUNCTION angel_act(JSONB) IS 'the one door of the Angel: that it lives, or a line of its log';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return ALIVE


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
