"""Everything the emulator remembers, one frozen row per thing. Amounts are whole units of 10⁻⁸."""

from dataclasses import dataclass

UNSPENT, SIGNED, SPENT = "unspent", "signed", "spent"
SENT, DELIVERED, READ = "SENT", "DELIVERED", "READ"


@dataclass(frozen=True, slots=True)
class User:
    """A person or a bot. Only simulated people have their spend seed here; a bot keeps its own."""

    user_id: str
    identity_number: str
    name: str
    session_id: str
    session_public_key: str
    server_public_key: str
    spend_public_key: str
    spend_seed: str
    view_key: str
    language: str
    is_bot: bool
    resource_patterns: tuple[str, ...]
    created_at: int


@dataclass(frozen=True, slots=True)
class Asset:
    """One network's token; ``details`` holds the display fields the protocol shows."""

    asset_id: str
    kernel_asset_id: str
    chain_id: str
    symbol: str
    name: str
    price_usd: str
    fee_asset_id: str
    fee_amount: str
    details: dict[str, str | int]


@dataclass(frozen=True, slots=True)
class Ghost:
    """One-time keys handed out for a receiver set at one output index."""

    mask: str
    keys: tuple[str, ...]
    receivers: tuple[str, ...]
    index: int


@dataclass(frozen=True, slots=True)
class Output:
    """Coins that wait to be spent, or were."""

    output_id: str
    transaction_hash: str
    output_index: int
    asset_id: str
    units: int
    mask: str
    keys: tuple[str, ...]
    receivers: tuple[str, ...]
    threshold: int
    senders: tuple[str, ...]
    senders_threshold: int
    extra: str
    request_id: str
    sequence: int
    state: str
    signed_by: str
    signed_at: int
    spent_at: int
    created_at: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A raw transaction that was checked but not yet submitted."""

    user_id: str
    request_id: str
    transaction_hash: str
    raw: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """A submitted transaction: ``signed`` at once, ``spent`` when the network has settled it."""

    request_id: str
    user_id: str
    transaction_hash: str
    raw: str
    asset_id: str
    state: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class UsedKey:
    """A one-time key that a submitted transaction pays to; its output may not exist yet."""

    key: str
    transaction_hash: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One side's record of a balance change; ``units`` below zero means paid out."""

    snapshot_id: str
    user_id: str
    opponent_id: str
    transaction_hash: str
    output_index: int
    asset_id: str
    units: int
    memo: str
    request_id: str
    receiver: str
    created_at: int


@dataclass(frozen=True, slots=True)
class DepositEntry:
    """An address on a chain that belongs to a wallet here."""

    entry_id: str
    chain_id: str
    members: tuple[str, ...]
    threshold: int
    destination: str
    tag: str


@dataclass(frozen=True, slots=True)
class Conversation:
    conversation_id: str
    category: str
    participants: tuple[str, ...]
    created_at: int


@dataclass(frozen=True, slots=True)
class Message:
    """One recipient's copy of a message; ``data`` is standard base64, ``version`` grows with every change."""

    message_id: str
    conversation_id: str
    sender_id: str
    recipient_id: str
    category: str
    data: str
    quote_message_id: str
    representative_id: str
    silent: bool
    status: str
    recalled: bool
    sequence: int
    version: int
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file; ``content`` is standard base64 and empty until it was uploaded."""

    attachment_id: str
    owner_id: str
    secret: str
    mime_type: str
    content: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Token:
    """The id of a request token that was used."""

    jti: str
    seen_at: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A counter or secret of the emulator itself."""

    name: str
    value: str
