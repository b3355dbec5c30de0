"""The end that all ways to a conversion share: a summary, and one confirmation that binds it (MS8)."""

from dataclasses import dataclass, field, replace
from typing import TypeVar

from bot.ports import Json
from bot.replies import Say
from conversations.hearing import NO, YES, confirmation_in, said
from conversations.machine import MachineConversation
from domain.conversions.quoting import ConversionQuote
from domain.errors import Refused
from domain.ids import UserId
from domain.services.conversions import ConversionService


@dataclass
class ConfirmedDraft:
    """What was shown last, as texts, and the token that stands for it."""

    shown: dict[str, str] = field(default_factory=dict)
    token: str = ""


Draft = TypeVar("Draft", bound=ConfirmedDraft)


class ConfirmingConversation(MachineConversation[Draft]):
    """A conversation that ends in a conversion; ``back`` is where it stands when nothing can be shown."""

    summary: str
    back: str

    def __init__(self, user_id: str, conversions: ConversionService) -> None:
        super().__init__(user_id, self.first, self.draft_type())
        self._conversions = conversions

    async def quote(self) -> ConversionQuote:
        """Return what the draft would do now.

        Raises:
            Refused: as ``ConversionService.quote`` and ``quote_leaving``.
        """
        raise NotImplementedError

    async def ask(self) -> Say:
        """Return the question of every state before the summary."""
        raise NotImplementedError

    async def question(self) -> list[Say]:
        """Show the summary, or ask for what is missing."""
        if self.state == "confirm":
            try:
                return [await self._summary()]
            except Refused as refusal:
                self.object(refusal)
                self.state = self.back
        return [] if self.is_over else [await self.ask()]

    async def fits(self, **said: str) -> bool:
        """Take answers into the draft where what they make can be done; else say why not, and take none."""
        before, self.draft = self.draft, replace(self.draft, **said)  # type: ignore[arg-type]  # fields by name
        try:
            await self.quote()
        except Refused as refusal:
            self.draft = before
            return self.object(refusal)
        return True

    async def is_no(self) -> bool:
        """Hear that it is not wanted any more."""
        if said(self.heard) not in NO:
            return False
        self.says.append(Say("conversation_left", {"flow": self.flow}))
        return True

    async def is_confirmed(self) -> bool:
        """Take the tapped token, or a typed yes to the summary that was shown last."""
        token = confirmation_in(self.heard)
        if token is None and said(self.heard) in YES:
            token = self.draft.token
        if token is None:
            return self.complain("not_yes_or_no")
        try:
            await self._conversions.start(UserId(self.user_id), self.draft.shown, token)
        except Refused as refusal:
            return self.object(refusal)
        return True

    async def _summary(self) -> Say:
        """Return the summary, with a fresh token for exactly what it shows."""
        quote = await self.quote()
        self.draft.shown = quote.params
        self.draft.token = await self._conversions.confirm(UserId(self.user_id), quote)
        shown: dict[str, Json] = {**quote.params, "token": self.draft.token}
        return Say(self.summary, shown)
