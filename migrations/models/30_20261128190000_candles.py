"""Candles: what pairs traded at in each minute and hour that is over."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

UPGRADE = """
CREATE TABLE candles (
    venue TEXT NOT NULL CHECK (venue <> ''),
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    lasts INTERVAL NOT NULL CHECK (lasts IN (INTERVAL '1 minute', INTERVAL '1 hour')),
    opens_at TIMESTAMPTZ NOT NULL,
    told SMALLINT NOT NULL CHECK (told > 0),
    open NUMERIC NOT NULL,
    high NUMERIC NOT NULL CHECK (high < 'Infinity'),  -- what is no number is above that
    low NUMERIC NOT NULL CHECK (low > 0),
    close NUMERIC NOT NULL,
    volume NUMERIC NOT NULL CHECK (volume >= 0 AND volume < 'Infinity'),
    noted_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (venue, base, quote, lasts, opens_at, told),
    CONSTRAINT candles_are_prices CHECK (open BETWEEN low AND high AND close BETWEEN low AND high),
    CONSTRAINT candles_are_over CHECK (opens_at + lasts <= noted_at),
    CONSTRAINT candles_begin_on_time CHECK (
        mod(extract(epoch FROM opens_at), extract(epoch FROM lasts)) = 0
    )
);
COMMENT ON TABLE candles IS
    'as a venue told them; told 1 is its first word, and a row more where it says otherwise later';
CREATE TRIGGER candles_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON candles
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return UPGRADE


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
