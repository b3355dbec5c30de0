"""Coins as people choose them: by code, and by network where there is more than one."""

from collections.abc import Sequence

from domain.money import Token


def option(token: Token, among: Sequence[Token]) -> str:
    """Return what one types for a token: ``USDT``, or ``USDT TRON`` where other networks are offered too."""
    alone = sum(other.coin == token.coin for other in among) == 1
    return token.coin if alone else f"{token.coin} {token.network}"


def by_name(tokens: Sequence[Token]) -> dict[str, Token]:
    """Return the tokens by what one types for them."""
    return {option(token, tokens): token for token in tokens}


def of_asset(asset_id: str, tokens: Sequence[Token]) -> Token | None:
    """Return the token with an asset id; ``None`` when it is not, or no longer, among them."""
    return next((token for token in tokens if token.asset_id == asset_id), None)
