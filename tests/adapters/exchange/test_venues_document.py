"""The owners' page about exchanges says what the contract table says."""

from pathlib import Path

from adapters.exchange.contract import DeadMan, Expiry
from adapters.exchange.venues import VENUES

PAGE = Path(__file__).parents[3] / "docs" / "venues.md"


def table() -> str:
    """Return the contract table as owners read it."""
    rows = ["| exchange | key | our order id | late requests | switch there | rehearsal | unconfirmed |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- |")
    for row in VENUES.values():
        key = {"password": "and a passphrase", "walletAddress": "a wallet and its key"}
        needs = key[row.needs[0]] if row.needs else "–"
        late = (
            f"{row.latest_arrival_ms // 1000} s by its clock"
            if row.expiry is Expiry.CLOCK
            else row.expiry_name
        )
        unused = "" if row.timer.usable else " (not set by us)"
        timer = "none" if row.timer.kind is DeadMan.NONE else f"{row.timer.says}{unused}"
        unsure = ", ".join(row.unconfirmed) or "–"
        cells = (row.venue, needs, row.client_id_parameter, late, timer, row.rehearsal or "–", unsure)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def test_page_shows_the_table_as_it_is() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")
