"""What everybody trades, in memory: a venue that tells what the test says, and where it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count

from domain.errors import MrMarketError, Refused
from domain.market.model import Pair, Side
from domain.market.tape import PublicTrade, Tape, Traded
from domain.ports.clock import Clock
from domain.ports.tape import Place


@dataclass
class FakeTapes:
    """As ``domain.ports.tape.TapeSource``; it remembers what it was asked for."""

    clock: Clock
    pairs: frozenset[Pair] = frozenset({Pair.parse("BTC/USDT")})
    error: MrMarketError | None = None
    asked: list[Pair] = field(default_factory=list)
    happened: dict[Pair, list[PublicTrade]] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self._began = self.clock.now()

    def trade(self, pair: Pair, taker: Side, quantity: str = "1", price: str = "100") -> None:
        """Let somebody trade now."""
        made = PublicTrade(
            str(next(self._numbers)), self.clock.now(), Decimal(price), Decimal(quantity), taker
        )
        self.happened.setdefault(pair, []).append(made)

    async def tape(self, pair: Pair) -> Tape:
        self.asked.append(pair)
        if self.error:
            raise self.error
        if pair not in self.pairs:
            raise Refused("pair_not_traded", subject="market trades")
        return Tape(tuple(self.happened.get(pair, ())), self._began, self.clock.now())


class FakeTraded:
    """As ``domain.ports.tape.TradedStore``."""

    def __init__(self) -> None:
        self.rows: dict[Place, Traded] = {}

    async def all(self) -> Mapping[Place, Traded]:
        return dict(self.rows)

    async def note(self, told: Mapping[Place, Traded]) -> None:
        for place, traded in told.items():
            if place not in self.rows or self.rows[place].until < traded.until:
                self.rows[place] = traded
