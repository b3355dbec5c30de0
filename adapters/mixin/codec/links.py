"""Pay links: a sheet in the payer's Messenger, paid at most once (mixin.md §6.1)."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from urllib.parse import parse_qs, quote, urlsplit

HOST = "https://mixin.one/pay/"


@dataclass(frozen=True, slots=True)
class PayLink:
    """What a pay link asks for; without asset and amount the payer chooses."""

    destination: str
    trace: str = ""
    asset: str = ""
    amount: str = ""
    memo: str = ""
    return_to: str = ""

    def __str__(self) -> str:
        """Return the link."""
        fields = {"asset": self.asset, "amount": self.amount, "memo": self.memo, "trace": self.trace}
        fields["return_to"] = self.return_to
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items() if value)
        return f"{HOST}{self.destination}" + (f"?{query}" if query else "")

    @classmethod
    def parse(cls, link: str) -> "PayLink":
        """Return what a link asks for.

        Raises:
            ValueError: it is no pay link, or its amount is no positive decimal.
        """
        parts = urlsplit(link)
        destination = parts.path.removeprefix("/pay/")
        if not link.startswith(HOST) or not destination or "/" in destination:
            raise ValueError("not a pay link")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        names = ("trace", "asset", "amount", "memo", "return_to")
        found = cls(destination, **{name: query.get(name, "") for name in names})
        if found.amount and not _is_positive(found.amount):
            raise ValueError("the amount of the pay link is no amount")
        return found


def _is_positive(text: str) -> bool:
    try:
        number = Decimal(text) if len(text) <= 40 and set(text) <= set("0123456789.") else Decimal(0)
    except InvalidOperation:
        return False
    return number > 0
