"""The approved tokens, as the database lists them."""

from adapters.db.store import PostgresStore
from domain.ids import AssetId
from domain.money import Coin, Token
from domain.services.tokens import ApprovedToken, Tokens


async def load_tokens(store: PostgresStore) -> Tokens:
    """Return the allow-list; a change of it counts from the next start on."""
    rows = await store.fetch(
        "SELECT asset_id, coin, network, minimum_deposit, minimum_withdrawal FROM tokens ORDER BY asset_id"
    )
    return Tokens(
        ApprovedToken(
            Token(AssetId(row["asset_id"]), Coin(row["coin"]), row["network"]),
            row["minimum_deposit"],
            row["minimum_withdrawal"],
        )
        for row in rows
    )
