"""A refusal of the domain as something to say: its code is the kind, its facts are the parameters."""

from decimal import Decimal

from bot.ports import Json
from bot.replies import Say
from domain.errors import MrMarketError
from domain.money import plain


def as_json(fact: object) -> Json:
    """Return a fact as text, amounts without exponent; whole numbers stay numbers."""
    if isinstance(fact, Decimal):
        return plain(fact)
    return fact if isinstance(fact, int) else str(fact)


def worded(refusal: MrMarketError) -> Say:
    """Return what to say."""
    return Say(refusal.code, {name: as_json(fact) for name, fact in refusal.facts.items()})
