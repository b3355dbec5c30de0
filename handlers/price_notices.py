"""What is said about prices: how many say so, how old it is, and whether they agree."""

from decimal import Decimal

from bot.ports import Json
from bot.replies import BLUE, Reply, Text, sends
from bot.words import Words, span
from handlers.wording import Params, Render, groups, lines, names, records, text

MOST_BUTTONS = 6


def render_price(words: Words, params: Params) -> list[Reply]:
    """Say a price with its sources, what is offered here, and what was not counted."""
    said = [_headline(words, params), *_sources(words, params)]
    for market in records(params, "markets"):
        said += [_market(words, market), *_day(words, market["day"]), *_traded(words, market["traded"])]
    return [lines(*said)]


def _headline(words: Words, params: Params) -> str:
    if not params["price"]:
        return words("price_nobody_says", **params)
    if not params["change_bps"]:
        return words("price_is", **params)
    return words("price_is_changed", **{**params, "change": _percent(params["change_bps"])})


def _sources(words: Words, params: Params) -> list[str]:
    fresh, stale = records(params, "fresh"), records(params, "stale")
    said = []
    if fresh:
        oldest = max(int(str(one["age_s"])) for one in fresh)
        facts: dict[str, Json] = {"count": len(fresh), "age": _age(words, oldest)}
        said.append(words("price_sources" if len(fresh) > 1 else "price_source", **facts))
        said += [words("price_said", **one) for one in fresh]
    if params["disputed"]:
        said.append(words("price_disputed", **params))
    if stale:
        told = (f"{one['source']} ({_age(words, int(str(one['age_s'])))})" for one in stale)
        said.append(words("price_stale", sources=words("list_separator").join(told)))
    return said


def _market(words: Words, market: dict[str, Json]) -> str:
    facts = {**market, "age": _age(words, int(str(market["age_s"])))}
    named = (("bid", "price_bid"), ("ask", "price_best_ask"))
    sides = [words(key, **facts) for side, key in named if market[side]]
    return words("price_market", **facts, sides=words("list_separator").join(sides) or "–")


def _day(words: Words, day: Json) -> list[str]:
    """Say what a pair did in the last 24 hours, or in as much of them as is known."""
    if not isinstance(day, dict) or not day:
        return []
    minutes, change = int(str(day["minutes"])), _percent(day["change_bps"])
    known = words("lasts_minutes", count=minutes)
    if minutes >= 60:
        known = words("lasts_hours", count=round(minutes / 60))
    return [words("price_day", **{**day, "lasts": known, "change": change})]


def _traded(words: Words, told: Json) -> list[str]:
    """Say what was traded last, and in the last minutes or in as much of them as is known."""
    if not isinstance(told, dict) or not told:
        return []
    facts = {
        **told,
        "age": _age(words, int(str(told["age_s"]))),
        "lasts": span(words, told["span_s"]),
    }
    if "price" not in told:
        return [words("price_traded_nothing", **facts)]
    facts["last_age"] = _age(words, int(str(told["last_age_s"])))
    return [words("price_traded" if told["count"] else "price_traded_not", **facts)]


def _percent(bps: Json) -> str:
    return f"{round(Decimal(str(bps)) / 100, 2):+f}%"


def _age(words: Words, seconds: int) -> str:
    return words("ago", span=span(words, seconds))


def render_ask(words: Words, params: Params) -> list[Reply]:
    """Say how to ask, with a button for some of the coins."""
    coins = names(params, "coins")
    if not coins:
        return [Text(words("price_no_coins"))]
    asked = words("price_ask", coins=words("list_separator").join(coins))
    return [Text(asked), *groups(sends(coin, f"/price {coin}", BLUE) for coin in coins[:MOST_BUTTONS])]


PRICE_NOTICES: dict[str, Render] = {
    "price": render_price,
    "price_ask": render_ask,
    "price_not_understood": text("price_not_understood"),
    "price_coin_unknown": text("price_coin_unknown"),
}
