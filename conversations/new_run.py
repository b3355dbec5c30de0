"""Starting a market maker: pair, settings, what to commit, a summary, and one confirmation.

The questions about settings are made from the strategy's own parameters: a new parameter is a new
question. The summary carries a token that is bound to all it shows (MS8).
"""

from dataclasses import dataclass, field
from decimal import Decimal

from bot.ports import Json
from bot.replies import Say
from conversations.hearing import ALL, NO, NONE, YES, chosen, confirmation_in, said
from conversations.machine import MachineConversation, Table, machine_of
from conversations.refusal import worded
from conversations.run_words import (
    as_parameter,
    knob_question,
    offer_params,
    preset_choices,
    preview_params,
)
from domain.errors import Refused
from domain.ids import UserId
from domain.market.model import Pair
from domain.money import ZERO, Coin, parse_amount, plain
from domain.services.run_preview import NewRun, PairOffer, RunPreview
from domain.services.trading_strategy import TradingStrategyService
from domain.services.user_balance import UserBalanceService
from domain.strategies.base import Parameter

STRATEGY = "pure_market_making"

STATES = frozenset({"pair", "preset", "knob", "base", "quote", "confirm", "started", "dropped"})

TRANSITIONS: Table = [
    # trigger  from       to         only if
    ["answer", "pair", "preset", "names_a_pair"],
    ["answer", "preset", "base", "names_a_preset"],
    ["answer", "preset", "knob", "wants_own_settings"],
    ["answer", "knob", "knob", "sets_a_knob_before_the_last"],
    ["answer", "knob", "base", "sets_the_last_knob"],
    ["answer", "base", "quote", "commits_base"],
    ["answer", "quote", "confirm", "commits_quote"],
    ["answer", "confirm", "dropped", "is_no"],
    ["answer", "confirm", "started", "is_confirmed"],
]

STEP_BACK = {
    "pair_not_offered": "pair",
    "preset_unknown": "preset",
    "parameter_unknown": "preset",
    "parameter_out_of_range": "preset",
    "parameter_not_understood": "preset",
    "order_too_small": "preset",
    "funds_too_small": "base",
    "no_room_for_orders": "preset",
    "no_room_for_requests": "preset",
    "no_room_for_any_request": "dropped",
    "too_many_runs": "dropped",
}
"""Where a run that cannot be started as asked has to be asked again."""


@dataclass
class NewRunDraft:
    """What is known so far; amounts and settings are plain text, the token the one shown last."""

    pair: str = ""
    preset: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    base: str = ""
    quote: str = ""
    token: str = ""
    fee_version: int = 0


class NewRunConversation(MachineConversation[NewRunDraft]):
    """One person's way to a run."""

    flow = "new_run"
    first = "pair"
    last = frozenset({"started", "dropped"})
    states = STATES
    draft_type = NewRunDraft
    machine = machine_of(STATES, "pair", TRANSITIONS)

    def __init__(self, user_id: str, runs: TradingStrategyService, balances: UserBalanceService) -> None:
        super().__init__(user_id, self.first, NewRunDraft())
        self._runs = runs
        self._balances = balances

    # What is asked

    async def question(self) -> list[Say]:
        """Ask what the present state waits for; step back where the market or the balance has changed."""
        if self.state == "confirm":
            try:
                return [await self._summary()]
            except Refused as refusal:
                self._step_back(refusal)
        offer = await self._offer()
        if offer is None and self.state != "dropped":
            return [await self._ask_pair()]
        match self.state:
            case "preset" if offer and not await self._has_enough(offer):
                self.state = "dropped"
                return [Say("new_no_funds", offer_params(offer))]
            case "preset":
                choices = preset_choices(self._runs.presets(STRATEGY))
                return [Say("new_ask_preset", {"pair": self.draft.pair, "presets": choices})]
            case "knob":
                return [knob_question(self._knob, len(self.draft.answers) + 1, len(self._knobs))]
            case "base" | "quote":
                return [await self._ask_amount(offer)] if offer else []
            case _:
                return []

    async def _ask_pair(self) -> Say:
        self.state = "pair"
        pairs = sorted(await self._pairs())
        if not pairs:
            self.state = "dropped"
            return Say("new_no_pair")
        return Say("new_ask_pair", {"choices": [*pairs]})

    async def _ask_amount(self, offer: PairOffer) -> Say:
        coin = offer.pair.base if self.state == "base" else offer.pair.quote
        least = offer.min_base if self.state == "base" else offer.min_quote
        known: dict[str, Json] = {
            "coin": coin,
            "pair": str(offer.pair),
            "available": plain(await self._available(coin)),
            "minimum": plain(least),
        }
        return Say("new_ask_amount", known)

    async def _summary(self) -> Say:
        """Return the summary, with a fresh token for exactly what it shows."""
        preview: RunPreview = await self._runs.preview(UserId(self.user_id), self._request)
        self.draft.fee_version = preview.request.fee_version
        self.draft.token = await self._runs.confirm(UserId(self.user_id), preview.request)
        return Say("new_confirm", {**preview_params(preview), "token": self.draft.token})

    # What is heard

    async def names_a_pair(self) -> bool:
        """Take one of the pairs on offer; a hyphen or a space will do for the slash."""
        names = await self._pairs()
        spoken = {
            spelling: pair for name, pair in names.items() for spelling in (name, name.replace("/", "-"))
        }
        pair = chosen(self.heard, spoken)
        if pair is None:
            return self.complain("not_a_choice", choices=sorted(names))
        self.draft.pair = pair
        return True

    async def names_a_preset(self) -> bool:
        """Take one of the presets."""
        presets = self._runs.presets(STRATEGY)
        name = chosen(self.heard, {**PRESET_NAMES, **{name: name for name in presets}})
        if name not in presets:
            return False
        self.draft.preset, self.draft.answers = str(name), {}
        return True

    async def wants_own_settings(self) -> bool:
        """Hear that every setting is to be asked for."""
        if said(self.heard) not in OWN:
            return self.complain("not_a_preset", presets=[*self._runs.presets(STRATEGY)])
        self.draft.preset, self.draft.answers = "", {}
        return True

    async def sets_a_knob_before_the_last(self) -> bool:
        """Take a setting after which another is asked for."""
        return len(self.draft.answers) + 1 < len(self._knobs) and self._set_knob()

    async def sets_the_last_knob(self) -> bool:
        """Take the last setting."""
        return len(self.draft.answers) + 1 == len(self._knobs) and self._set_knob()

    def _set_knob(self) -> bool:
        knob = self._knob
        try:
            text = as_parameter(self.heard, knob)
            knob.read(text)
        except Refused as refusal:
            return self.object(refusal)
        self.draft.answers = {**self.draft.answers, knob.name: text}
        return True

    async def commits_base(self) -> bool:
        """Take how much of the base asset the run may use."""
        offer = await self._offer()
        amount = await self._amount_of(Pair.parse(self.draft.pair).base, offer.min_base if offer else ZERO)
        if amount is not None:
            self.draft.base = plain(amount)
        return amount is not None

    async def commits_quote(self) -> bool:
        """Take how much of the quote asset the run may use."""
        offer = await self._offer()
        amount = await self._amount_of(Pair.parse(self.draft.pair).quote, offer.min_quote if offer else ZERO)
        if amount is not None:
            self.draft.quote = plain(amount)
        return amount is not None

    async def _amount_of(self, coin: Coin, least: Decimal) -> Decimal | None:
        """Return the amount that was said: a number, all, or none at all; some is enough for an order."""
        free = await self._available(coin)
        words = said(self.heard)
        if words in NONE or self.heard == "0":
            return ZERO
        try:
            amount = free if words in ALL else parse_amount(self.heard)
        except Refused as refusal:
            self.object(refusal)
            return None
        if amount > free:
            self.complain("insufficient_funds", coin=coin, available=plain(free))
        elif amount < least:
            self.complain("too_little_for_an_order", coin=coin, minimum=plain(least))
        else:
            return amount
        return None

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
            await self._runs.start(self._request, UserId(self.user_id), token)
        except Refused as refusal:
            return self.object(refusal)
        return True  # that it has started is told by the use case

    # What is known

    def _step_back(self, refusal: Refused) -> None:
        """Say why it cannot be started, and go where that can be mended."""
        if worded(refusal) not in self.says:
            self.object(refusal)
        state = STEP_BACK.get(refusal.code, "base")
        if refusal.facts.get("coin") == Pair.parse(self.draft.pair).quote:
            state = "quote"
        self.state = state

    @property
    def _knobs(self) -> tuple[Parameter, ...]:
        [strategy] = [one for one in self._runs.strategies() if one.name == STRATEGY]
        return strategy.parameters

    @property
    def _knob(self) -> Parameter:
        return self._knobs[len(self.draft.answers)]

    @property
    def _request(self) -> NewRun:
        return NewRun(
            pair=Pair.parse(self.draft.pair),
            base=Decimal(self.draft.base),
            quote=Decimal(self.draft.quote),
            strategy=STRATEGY,
            preset=self.draft.preset,
            answers=self.draft.answers,
            fee_version=self.draft.fee_version,
        )

    async def _pairs(self) -> dict[str, str]:
        return {str(offer.pair): str(offer.pair) for offer in await self._runs.pairs()}

    async def _offer(self) -> PairOffer | None:
        """Return the offer of the chosen pair, ``None`` when none is chosen or it is gone."""
        if self.state == "pair":
            return None
        return next((o for o in await self._runs.pairs() if str(o.pair) == self.draft.pair), None)

    async def _has_enough(self, offer: PairOffer) -> bool:
        """Tell whether the person has enough of either coin for an order."""
        base, quote = await self._available(offer.pair.base), await self._available(offer.pair.quote)
        return base >= offer.min_base or quote >= offer.min_quote

    async def _available(self, coin: Coin) -> Decimal:
        balances = await self._balances.of(UserId(self.user_id))
        return next((balance.available for balance in balances if balance.coin == coin), ZERO)


PRESET_NAMES = {"稳健": "calm", "平衡": "balanced", "均衡": "balanced", "紧密": "tight"}
OWN = frozenset({"own", "my own", "custom", "自定义", "自己设置"})
