"""Leaving a run: as it lies, all in quote, or all in base, which is shown and confirmed beforehand.

``/stop`` waits for nobody and leaves a run as it lies.
"""

import re
from dataclasses import dataclass

from bot.ports import Json
from bot.replies import Say
from conversations.confirming import ConfirmedDraft, ConfirmingConversation
from conversations.hearing import chosen, said
from conversations.machine import Table, machine_of
from domain.conversions.quoting import ConversionQuote
from domain.ids import UserId
from domain.market.runs import GOING
from domain.money import Coin
from domain.services.conversions import ConversionService
from domain.services.trading_strategy import TradingStrategyService

_INTO = re.compile(r"^(?:(?:all )?in\s+|(?:全部)?换成\s*)", re.IGNORECASE)
"""What stands before the coin on the buttons, for those who type what they read there."""

AS_IT_LIES = frozenset({"as it lies", "as it is", "保持现状", "原样"})

STATES = frozenset({"run", "into", "confirm", "begun", "dropped"})

TRANSITIONS: Table = [
    # trigger  from       to         only if
    ["answer", "run", "dropped", "names_what_has_ended"],
    ["answer", "run", "confirm", "names_run_and_coin"],
    ["answer", "run", "into", "names_a_run"],
    ["answer", "into", "begun", "is_as_it_lies"],
    ["answer", "into", "confirm", "names_a_coin"],
    ["answer", "confirm", "dropped", "is_no"],
    ["answer", "confirm", "begun", "is_confirmed"],
]


@dataclass
class LeaveDraft(ConfirmedDraft):
    """What is known so far; the run by its number."""

    number: str = ""
    into: str = ""


class LeaveConversation(ConfirmingConversation[LeaveDraft]):
    """One person's way out of a run."""

    flow = "leave"
    first = "run"
    last = frozenset({"begun", "dropped"})
    states = STATES
    draft_type = LeaveDraft
    machine = machine_of(STATES, "run", TRANSITIONS)
    summary = "leave_confirm"
    back = "into"

    def __init__(self, user_id: str, conversions: ConversionService, runs: TradingStrategyService) -> None:
        super().__init__(user_id, conversions)
        self._runs = runs

    async def ask(self) -> Say:
        """Ask for the run, or in which form it is to be left; end where there is none to leave."""
        if self.state == "run" or await self._coins(self.draft.number) is None:
            self.state = "run"
            numbers = await self._numbers()
            if not numbers:
                self.state = "dropped"
                return Say("stop_nothing")
            choices: list[Json] = [{"number": number, "pair": pair} for number, pair in numbers.items()]
            return Say("leave_ask_run", {"runs": choices})
        run = await self._runs.get(UserId(self.user_id), int(self.draft.number))
        form: dict[str, Json] = {"base": run.pair.base, "quote": run.pair.quote, "pair": str(run.pair)}
        return Say("leave_ask_into", {"number": run.number, **form})

    async def quote(self) -> ConversionQuote:
        """Return what leaving as drafted would bring now."""
        number, into = int(self.draft.number), Coin(self.draft.into)
        return await self._conversions.quote_leaving(UserId(self.user_id), number, into)

    async def names_what_has_ended(self) -> bool:
        """Say of a run that stops or has stopped that it does: its button may be tapped twice."""
        number = self.heard.strip().removeprefix("#").partition(" ")[0]
        runs = await self._runs.list(UserId(self.user_id))
        run = next((each for each in runs if str(each.number) == number and each.state not in GOING), None)
        if run is not None:
            ended: dict[str, Json] = {"number": run.number, "pair": str(run.pair), "state": str(run.state)}
            self.says.append(Say("run_ended", ended))
        return run is not None

    async def names_run_and_coin(self) -> bool:
        """Take a run and a coin at once; anything else is left to the next line of the table."""
        words = self.heard.split()
        if len(words) != 2 or await self._coins(words[0]) is None:
            return False
        return await self._is_a_coin(words[1], words[0].removeprefix("#"))

    async def names_a_run(self) -> bool:
        """Take the number of a run that goes on."""
        if self.says:
            return False
        if not (numbers := await self._numbers()):
            return False  # what is asked next says that there is none
        if await self._coins(self.heard) is None:
            return self.complain("not_a_choice", choices=list(numbers))
        self.draft.number = self.heard.strip().removeprefix("#")
        return True

    async def is_as_it_lies(self) -> bool:
        """Stop the run at once, its coins as they are; the use case tells that it is stopping."""
        if said(self.heard) not in AS_IT_LIES:
            return False
        await self._runs.stop(UserId(self.user_id), int(self.draft.number))
        return True

    async def names_a_coin(self) -> bool:
        """Take one of the run's coins, as what all of it is to be."""
        return await self._is_a_coin(self.heard, self.draft.number)

    async def _is_a_coin(self, text: str, number: str) -> bool:
        coins = await self._coins(number) or []
        coin = chosen(_INTO.sub("", text.strip()), {each: each for each in coins})
        if coin is None:
            return self.complain("not_a_choice", choices=sorted(coins))
        return await self.fits(number=number, into=coin)

    async def _coins(self, number: str) -> list[Coin] | None:
        """Return the coins of the person's run with this number, ``None`` where none goes on."""
        pair = (await self._numbers()).get(number.strip().removeprefix("#"))
        return None if pair is None else [Coin(coin) for coin in pair.split("/")]

    async def _numbers(self) -> dict[str, str]:
        """Return the pairs of the person's runs that can be left, by number."""
        runs = await self._runs.list(UserId(self.user_id))
        return {str(run.number): str(run.pair) for run in runs if run.state in GOING}
