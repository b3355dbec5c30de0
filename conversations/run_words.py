"""Runs as facts to say: presets, questions about parameters, previews."""

from collections.abc import Mapping
from decimal import Decimal

from bot.ports import Json
from bot.replies import Say
from conversations.hearing import DEFAULT, NO, YES, said
from domain.errors import Refused
from domain.money import plain
from domain.services.run_preview import PairOffer, RunPreview
from domain.strategies.base import Parameter, Unit, show_value

MOST_SHOWN_QUOTES = 3


def preset_choices(presets: Mapping[str, Mapping[str, str]]) -> list[Json]:
    """Return the presets with their settings."""
    return [{"name": name, **settings} for name, settings in presets.items()]


def offer_params(offer: PairOffer) -> dict[str, Json]:
    """Return what a single order on a pair takes."""
    return {
        "pair": str(offer.pair),
        "base_coin": offer.pair.base,
        "quote_coin": offer.pair.quote,
        "minimum_base": plain(offer.min_base),
        "minimum_quote": plain(offer.min_quote),
    }


def knob_question(knob: Parameter, number: int, of: int) -> Say:
    """Return the question for one parameter: what it is, its unit, bounds and default."""
    return Say(
        "new_ask_knob",
        {
            "knob": knob.name,
            "help": knob.help,
            "unit": str(knob.unit),
            "minimum": show_value(knob.minimum),
            "maximum": show_value(knob.maximum),
            "default": show_value(knob.default),
            "number": number,
            "of": of,
        },
    )


def as_parameter(text: str, knob: Parameter) -> str:
    """Return what was said as the parameter's own reader takes it; ``default`` is its default.

    Raises:
        Refused: ``parameter_not_understood``: it is padded, so it was not typed as a value.
    """
    words = said(text)
    if words in DEFAULT:
        return show_value(knob.default)
    if knob.unit is Unit.SWITCH:
        return "yes" if words in YES else "no" if words in NO else text
    if text != text.strip():
        raise Refused("parameter_not_understood", parameter=knob.name, unit=knob.unit)
    return text


def preview_params(preview: RunPreview) -> dict[str, Json]:
    """Return a preview as facts; quotes nearest first, three a side at most."""
    request = preview.request
    bids: list[Json] = [_quote(*quote) for quote in preview.bids[:MOST_SHOWN_QUOTES]]
    asks: list[Json] = [_quote(*quote) for quote in preview.asks[:MOST_SHOWN_QUOTES]]
    settings: list[Json] = [
        {"knob": knob.name, "help": knob.help, "unit": str(knob.unit), "value": value}
        for knob, value in preview.parameters
    ]
    return {
        "pair": str(request.pair),
        "base_coin": request.pair.base,
        "quote_coin": request.pair.quote,
        "base": plain(request.base),
        "quote": plain(request.quote),
        "preset": request.preset,
        "mid": plain(preview.offer.mid),
        "half_spread_bps": plain(preview.half_spread_bps),
        "edge_bps": plain(preview.edge_bps),
        "fee_bps": plain(preview.offer.maker_fee_bps),
        "our_fee_bps": preview.our_fee_bps,
        "widened": preview.widened,
        "bids": bids,
        "asks": asks,
        "settings": settings,
    }


def _quote(price: Decimal, quantity: Decimal) -> dict[str, Json]:
    return {"price": plain(price), "quantity": plain(quantity)}
