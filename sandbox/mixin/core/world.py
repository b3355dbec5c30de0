"""The world the rules act on: all tables, the clock, the randomness, and a few settings."""

from collections.abc import Callable
from dataclasses import dataclass

from blake3 import blake3

from sandbox.mixin.core import rows
from sandbox.rails.crossing import BROADCAST, SEEN, WAITING, Arrival, Departure, Mishaps
from sandbox.tables import Journal, Table

SECOND = 1_000_000_000

Clock = Callable[[], int]  # nanoseconds since the epoch
Entropy = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Settings:
    """How this Mixin behaves where the real one is free."""

    settle_ns: int = SECOND // 2  # a signed transaction becomes spent after this
    redeliver_ns: int = 10 * SECOND  # a pushed message without READ is pushed again
    base_url: str = "http://127.0.0.1"  # where attachments are put and fetched


def deposit_transaction(chain_hash: str) -> str:
    """Return the hash of the Safe transaction that brings in what a chain's transaction paid."""
    return blake3(f"deposit {chain_hash}".encode()).hexdigest()


class State:
    """All tables behind one journal."""

    def __init__(self) -> None:
        j = self.journal = Journal()
        self.users = Table(j, rows.User, lambda u: u.user_id, number=lambda u: (u.identity_number,))
        self.assets = Table(j, rows.Asset, lambda a: a.asset_id, kernel=lambda a: (a.kernel_asset_id,))
        self.ghosts = Table(j, rows.Ghost, lambda g: g.mask)
        self.outputs = Table(
            j,
            rows.Output,
            lambda o: f"{o.transaction_hash}:{o.output_index}",
            id=lambda o: (o.output_id,),
            receiver=lambda o: o.receivers,
            spendable=lambda o: o.receivers if o.state == rows.UNSPENT else (),
            one_time=lambda o: o.keys,
        )
        self.drafts = Table(
            j, rows.Draft, lambda d: f"{d.user_id}:{d.request_id}", hash=lambda d: (d.transaction_hash,)
        )
        self.transactions = Table(
            j,
            rows.Transaction,
            lambda t: t.request_id,
            hash=lambda t: (t.transaction_hash,),
            state=lambda t: (t.state,),
        )
        self.used_keys = Table(j, rows.UsedKey, lambda k: k.key)
        self.snapshots = Table(j, rows.Snapshot, lambda s: s.snapshot_id, user=lambda s: (s.user_id,))
        self.entries = Table(j, rows.DepositEntry, lambda e: e.entry_id, place=lambda e: (e.destination,))
        self.departures = Table(
            j,
            Departure,
            lambda d: d.name,  # the Safe transaction's hash
            going=lambda d: (d.state,) if d.state in (WAITING, BROADCAST) else (),
        )
        self.arrivals = Table(
            j,
            Arrival,
            lambda a: a.hash,
            kernel=lambda a: (deposit_transaction(a.hash),),
            waiting=lambda a: (SEEN,) if a.state == SEEN else (),
        )
        self.conversations = Table(j, rows.Conversation, lambda c: c.conversation_id)
        self.messages = Table(
            j,
            rows.Message,
            lambda m: f"{m.sender_id}:{m.message_id}:{m.recipient_id}",
            pending=lambda m: (m.recipient_id,) if m.status != rows.READ else (),
            inbound=lambda m: (f"{m.recipient_id}:{m.message_id}",),
            conversation=lambda m: (m.conversation_id,),
        )
        self.attachments = Table(j, rows.Attachment, lambda a: a.attachment_id)
        self.tokens = Table(j, rows.Token, lambda t: t.jti)
        self.facts = Table(j, rows.Fact, lambda f: f.name)

    def load(self, table: str, key: str, text: str) -> None:
        """Take one stored row back."""
        self._by_name()[table].load(key, text)

    def _by_name(self) -> dict[str, "Table[rows.Fact]"]:
        return {value.name: value for value in vars(self).values() if isinstance(value, Table)}


class World:
    """State, clock and chance, with the counters that never repeat."""

    def __init__(
        self, state: State, clock: Clock, entropy: Entropy, settings: Settings | None = None
    ) -> None:
        self.state = state
        self.clock = clock
        self.entropy = entropy
        self.settings = settings or Settings()
        self.mishaps = Mishaps()
        self.halve_pairs = (
            0  # so many of the next withdrawals in two transactions get only their first one in
        )

    def stamp(self) -> int:
        """Return the time now, later than every stamp before it."""
        now = max(self.clock(), int(self._fact("stamp", "0")) + 1)
        self.state.facts.put(rows.Fact("stamp", str(now)))
        return now

    def next_sequence(self) -> int:
        """Return the next number of the one sequence that outputs and messages share."""
        number = int(self._fact("sequence", "0")) + 1
        self.state.facts.put(rows.Fact("sequence", str(number)))
        return number

    def secret(self) -> bytes:
        """Return the emulator's own secret, made once."""
        known = self._fact("secret", "")
        if not known:
            known = self.entropy(32).hex()
            self.state.facts.put(rows.Fact("secret", known))
        return bytes.fromhex(known)

    def bot(self, name: str = "") -> rows.User:
        """Return the bot of this world, or another one by its name: the one that hears STOP."""
        bots = sorted((u for u in self.state.users if u.is_bot), key=lambda bot: bot.identity_number)
        return next((bot for bot in bots if bot.name.lower() == name.lower()), bots[0])

    def _fact(self, name: str, otherwise: str) -> str:
        fact = self.state.facts.find(name)
        return fact.value if fact else otherwise
