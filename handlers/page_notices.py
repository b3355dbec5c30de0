"""How links to pages and visits are said; the words themselves are in the catalogues."""

from bot.replies import BLUE, RED, Buttons, Reply, Text, opens, sends
from bot.words import Words
from handlers.wording import Params, Render, lines, records, text

PAGE_URL = "page_url"
"""The parameter that a renderer of addresses fills in; absent where no chat could open our pages."""


def opening(key: str, label: str) -> Render:
    """Say something with the one button that opens a page, or that pages cannot be opened here."""

    def render(words: Words, params: Params) -> list[Reply]:
        if not params.get(PAGE_URL):
            return [Text(words("pages_not_offered"))]
        if "subject" in params:
            params = {**params, "subject": words(f"history_page_{params['subject']}")}
        opened = opens(words(label), str(params[PAGE_URL]), BLUE)
        return [Text(words(key, **params)), Buttons((opened,))]

    return render


def render_visits(words: Words, params: Params) -> list[Reply]:
    """List visits, with the button that ends them all."""
    visits = [words("visits_line", **visit) for visit in records(params, "visits")]
    if not visits:
        return [Text(words("visits_none"))]
    end = sends(words("button_end_visits"), "/sessions end", RED)
    return [lines(words("visits_title"), *visits), Buttons((end,))]


PAGE_NOTICES: dict[str, Render] = {
    "live": opening("live", "button_live"),
    "history_page": opening("history_page", "button_history_page"),
    "visits": render_visits,
    "visits_ended": text("visits_ended"),
}
