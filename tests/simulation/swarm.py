"""What goes wrong, how often: drawn anew for every seed, so that each run has weather of its own."""

import random
from dataclasses import dataclass, field


@dataclass
class Weather:
    """Chances per call of each fault; ``calm()`` ends all of them, for the liveness phase."""

    dice: random.Random
    lost_request: float = 0.0  # the call never arrives
    lost_answer: float = 0.0  # it is carried out, and nobody hears of it
    busy: float = 0.0  # not carried out, and said so
    doubled: float = 0.0  # a pushed message or a reported trade comes twice
    lost_commit: float = 0.0  # Postgres committed, and the answer got lost
    late_reads: float = 0.0  # others go on before the answer to a question is heard
    slow_s: float = 0.0  # longest wait before an answer
    hide_s: float = 0.0  # a new order shows in no list for so long
    late_fills_s: float = 0.0  # trades show so long after they happened
    personality: str = "refuse"  # what the venue does with a client id it knows: refuse, replay or accept
    names: str = "label"  # what it makes of a withdrawal's name: dedupe, label or ignore
    listed_after_s: float = 0.0  # a withdrawal shows in no list for so long
    stormy: bool = field(default=True)

    def strikes(self, chance: float) -> bool:
        """Throw the dice once, as long as the storm lasts."""
        return self.stormy and chance > 0 and self.dice.random() < chance

    def wait_s(self) -> float:
        """Return how long this answer takes."""
        return self.dice.uniform(0.0, self.slow_s) if self.stormy and self.slow_s else 0.0

    def calm(self) -> None:
        """Let nothing go wrong from now on."""
        self.stormy, self.hide_s, self.late_fills_s = False, 0.0, 0.0


def calm_weather(seed: int) -> Weather:
    """Return weather in which nothing goes wrong."""
    return Weather(random.Random(f"weather {seed}"), stormy=False)


def swarm(seed: int) -> Weather:
    """Return a mix of faults for a seed: some off, some mild, some wild."""
    dice = random.Random(f"swarm {seed}")

    def drawn(most: float) -> float:
        return dice.choice([0.0, most / 6, most / 2, most])

    return Weather(
        random.Random(f"weather {seed}"),
        lost_request=drawn(0.3),
        lost_answer=drawn(0.3),
        busy=drawn(0.2),
        doubled=drawn(0.5),
        lost_commit=drawn(0.05),
        late_reads=drawn(1.0),
        slow_s=drawn(2.0),
        hide_s=drawn(4.0),
        late_fills_s=drawn(6.0),
        personality=dice.choice(["refuse", "replay", "accept"]),
        names=dice.choice(["dedupe", "label", "ignore"]),
        listed_after_s=dice.choice([0.0, 0.0, 20.0]),
    )
