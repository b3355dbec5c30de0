"""People in virtual time: they talk to the bot through the far side's core, and wait as people do."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulation.app import SimulatedClock
from tests.simulation.far_mixin import FarMixin, text_of

_LOOK_S = 0.5
_PATIENCE_S = 900.0


class Waited(AssertionError):
    """Somebody waited in vain."""


@dataclass
class Person:
    """Somebody in the chat."""

    name: str
    mixin: FarMixin
    clock: SimulatedClock
    _seen: int = 0

    async def says(self, text: str) -> None:
        """Type something, once."""
        self._seen = len(self.mixin.messages(self.name))
        self.mixin.says(self.name, text)

    async def sees(self, pattern: str) -> str:
        """Wait for an answer that matches, newer than the last one seen; return its text."""
        for _ in range(int(_PATIENCE_S / _LOOK_S)):
            messages = self.mixin.messages(self.name)
            for position, message in enumerate(messages[self._seen :], self._seen):
                text = text_of(message)
                if not message["mine"] and re.search(pattern, text, re.IGNORECASE | re.DOTALL):
                    self._seen = position + 1
                    return text
            await asyncio.sleep(_LOOK_S)
        raise Waited(f"{self.name} never saw {pattern!r}; the last messages: {self.last()}")

    async def asks(self, text: str, pattern: str) -> str:
        """Say something and wait for an answer."""
        await self.says(text)
        return await self.sees(pattern)

    def link(self) -> str:
        """Return the newest button's pay link."""
        for message in reversed(self.mixin.messages(self.name)):
            for action in _actions(message):
                if "/pay/" in action:
                    return action
        raise Waited(f"{self.name} has no pay link")

    def tap(self, beginning: str) -> str:
        """Return what the newest button says that says something with this beginning."""
        for message in reversed(self.mixin.messages(self.name)):
            for action in _actions(message):
                if (said := action.removeprefix("input:")).startswith(beginning):
                    return said
        raise Waited(f"{self.name} has no button for {beginning}")

    def taps(self, beginning: str) -> list[str]:
        """Return what buttons of the last two messages say that say something with this beginning."""
        said = [a.removeprefix("input:") for m in self.mixin.messages(self.name)[-2:] for a in _actions(m)]
        return [each for each in said if each.startswith(beginning)]

    def last(self) -> list[str]:
        """Return the last things said in the conversation, in short."""
        return [text_of(message)[:120] for message in self.mixin.messages(self.name)[-3:]]


_LOOKED_AFTER = (
    ("/addresses", "may go:|no address is known", "/approve "),
    ("/transfers", "between mixin and the exchanges", "/move resend "),
)

Script = Callable[[Person], Awaitable[None]]


async def deposit(person: Person, coin: str, amount: str) -> None:
    """Pay coins in and wait until they are credited."""
    await person.asks("/deposit", "which coin")
    await person.asks(coin, "how much")
    await person.asks(amount, "tap the button")
    person.mixin.pays(person.name, person.link())
    await person.sees(f"{coin}.*has arrived")


async def ask_for(person: Person, coin: str, amount: str = "all") -> None:
    """Ask for a withdrawal, and confirm it."""
    await person.asks("/withdraw", "which coin")
    await person.asks(coin, "how much")
    await person.asks(amount, "confirm|yes")
    await person.asks("yes", "on its way")


async def withdraw(person: Person, coin: str, amount: str = "all") -> None:
    """Take coins out and wait until they have been sent."""
    await ask_for(person, coin, amount)
    await person.sees(f"{coin} is in your mixin wallet")


async def take_fees(owner: Person, asset_id: str) -> None:
    """Take out what was earned of a coin, as far as announcing it."""
    await owner.asks("/takefees", "has earned")
    await owner.asks(owner.tap(f"/takefees {asset_id}"), "please check")
    await owner.asks(owner.tap(f"/takefees {asset_id} "), "the owner takes")


async def start_run(person: Person, base: str, quote: str) -> None:
    """Start a market maker by a preset, as soon as the exchange can be seen."""
    while "which pair" not in (await person.asks("/new", "which pair|no pair can be traded")).lower():
        await asyncio.sleep(10)
    await person.asks("BTC/USDT", "how close")
    await person.asks("balanced", r"how much")
    await person.asks(base, r"how much")
    await person.asks(quote, "confirm|yes")
    await person.asks("yes", "started|running|runs now")


async def look_after_transfers(owner: Person) -> None:
    """Approve every address that is proposed, and have asked for again what nobody has answered."""
    while True:
        await asyncio.sleep(8)
        for command, title, beginning in _LOOKED_AFTER:
            await owner.asks(command, title)
            for said in owner.taps(beginning):
                await owner.asks(said, "tap confirm|does not wait|cannot be decided")
                await owner.asks(owner.tap(said), "approved:|noted for|does not wait|cannot be|confirm")


async def take_back(person: Person) -> bool:
    """Take the last withdrawal back and return ``True``, unless it is being paid or has been."""
    await person.asks("/withdrawals", "your withdrawals")
    try:
        cancel = person.tap("/withdrawals cancel ")
    except Waited:
        return False
    said = await person.asks(cancel, "have taken back|is being paid or has ended")
    return "taken back your" in said


async def approve(owner: Person, place: str) -> None:
    """Approve where coins may go at a place, as soon as it is proposed."""
    waits = f"{place}: USDT[^\n]*waits for the owner"
    while not re.search(waits, await owner.asks("/addresses", "own money may go|no address is known")):
        await asyncio.sleep(10)
    await owner.asks(owner.tap("/approve "), "confirm within five minutes")
    await owner.asks(owner.tap("/approve "), "approved:")


async def see_to_transfers(owner: Person) -> None:
    """Look at what is on its way, for ever, and have asked again for what nobody answered for."""
    looks = 0
    while True:
        await asyncio.sleep(20)
        listed = await owner.asks("/transfers", "between mixin and the exchanges|nothing is on its way")
        looks = looks + 1 if "without an answer" in listed else 0
        if "it waits for the owner" in listed:
            await owner.asks(owner.tap("/move resend "), "has not changed|cannot be decided")
            await owner.asks(owner.tap("/move resend "), "noted|cannot be decided|changed nothing")
        elif looks == 3:  # whoever waits a quarter of an hour
            owner.clock.leap(960)


async def change_run(person: Person, number: int, settings: str) -> None:
    """Change a market maker that runs, and confirm what is shown."""
    await person.asks(f"/change {number} {settings}", "would change")
    await person.asks(person.tap(f"/change {number} "), "has its new settings|is set like that already")


async def stop_run(person: Person, number: int) -> None:
    """Stop a market maker and wait until its funds are free."""
    await person.asks(f"/stop {number}", "stop")
    await person.sees("stopped")


async def leave_run(person: Person, number: int, coin: str) -> None:
    """Stop a market maker and have all of it in one coin; as it lies where the exchange takes too little."""
    said = ""
    while "please check" not in said:
        if "no order below" in said:
            await stop_run(person, number)
            return
        seen = "please check|have not seen this market|nobody offers|no order below"
        said = (await person.asks(f"/leave {number} {coin}", seen)).lower()
        await asyncio.sleep(2)
    while True:  # where the price has gone meanwhile, the form is asked for again
        word = coin if "have not seen" in said else "yes"
        said = (await person.asks(word, "is stopping|please check|have not seen this market")).lower()
        if "is stopping" in said:
            break
        await asyncio.sleep(2)
    await person.sees("it has ended")


def _actions(message: Mapping[str, Any]) -> Iterator[str]:
    card = message.get("card") or {}
    buttons = message.get("buttons") or card.get("actions") or []
    yield from (str(button["action"]) for button in buttons)
