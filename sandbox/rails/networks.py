"""Chains: what each side calls them, what their addresses look like, and when a payment is final.

Addresses and hashes are derived from whom and what they name, so nobody has to keep or tell them: the world's
maker can write down an address of Mixin before Mixin runs.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "023456789acdefghjklmnpqrstuvwxyz"
_HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Network:
    """One chain. Where it is ``tagged``, many customers share an address and a tag tells them apart."""

    chain_id: str  # at Mixin
    name: str  # at venues
    title: str
    explorer: str
    prefix: str
    alphabet: str
    length: int  # of an address, its prefix included
    confirmations: int
    hash_prefix: str = ""
    tagged: bool = False

    def address_of(self, owner: str) -> str:
        """Return the one address of an owner."""
        digest = int.from_bytes(hashlib.sha512(f"address {self.chain_id} {owner}".encode()).digest())
        letters = []
        for _ in range(self.length - len(self.prefix)):
            digest, place = divmod(digest, len(self.alphabet))
            letters.append(self.alphabet[place])
        return self.prefix + "".join(letters)

    def tag_of(self, owner: str) -> str:
        """Return the tag that tells an owner from the others at a shared address; nothing where none are."""
        if not self.tagged:
            return ""
        return str(int(hashlib.sha256(f"tag {self.chain_id} {owner}".encode()).hexdigest(), 16) % 10**9)

    def hash_of(self, payment: str) -> str:
        """Return the hash of the transaction that carries a payment."""
        return self.hash_prefix + hashlib.sha256(f"payment {self.chain_id} {payment}".encode()).hexdigest()

    def is_address(self, text: str) -> bool:
        """Tell whether a text could be an address here; letters count, whether capital or small."""
        rest = text.removeprefix(self.prefix)
        letters = self.alphabet + (self.alphabet.upper() if self.alphabet is _HEX else "")
        return len(text) == self.length and rest != text and not re.search(f"[^{letters}]", rest)


BITCOIN = Network(
    chain_id="c6d0c728-2624-429b-8e0d-d9d19b6592fa",
    name="BTC",
    title="Bitcoin",
    explorer="https://mempool.space/address/",
    prefix="bc1q",
    alphabet=_BECH32,
    length=42,
    confirmations=2,
)
ETHEREUM = Network(
    chain_id="43d61dcd-e413-450d-80b8-101d5e903357",
    name="ETH",
    title="Ethereum (ERC20)",
    explorer="https://etherscan.io/address/",
    prefix="0x",
    alphabet=_HEX,
    length=42,
    confirmations=16,
    hash_prefix="0x",
)
TRON = Network(
    chain_id="25dabac5-056a-48ff-b9f9-f67395dc407c",
    name="TRX",
    title="Tron (TRC20)",
    explorer="https://tronscan.org/#/address/",
    prefix="T",
    alphabet=_BASE58,
    length=34,
    confirmations=20,
)
RIPPLE = Network(
    chain_id="23dfb5a5-5d7b-48b6-905f-3970e3176e27",
    name="XRP",
    title="Ripple",
    explorer="https://bithomp.com/explorer/",
    prefix="r",
    alphabet=_BASE58,
    length=34,
    confirmations=1,
    tagged=True,
)

NETWORKS = (BITCOIN, ETHEREUM, TRON, RIPPLE)
BY_CHAIN = {network.chain_id: network for network in NETWORKS}
BY_NAME = {network.name: network for network in NETWORKS}
