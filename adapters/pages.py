"""Addresses of one-time links: the public address, and a token that only the bot's key can make."""

import base64
import hashlib
import hmac

from domain.secrets import Secret

_LABEL = b"mrmarket page link v1"
_OPENED_BY_CHAT = ("https://", "http://127.0.0.1:", "http://localhost:")


class PageAddresses:
    """Makes addresses of links; the key is derived from the bot's session key and never leaves here."""

    def __init__(self, public_url: str, session_seed: Secret[bytes]) -> None:
        self._public_url = public_url.rstrip("/")
        self._key = Secret(hmac.digest(session_seed.reveal(), _LABEL, hashlib.sha256))

    @property
    def offered(self) -> bool:
        """Tell whether chats open our pages: they are encrypted, or on this machine."""
        return self._public_url.startswith(_OPENED_BY_CHAT)

    def token_of(self, link_id: str) -> str:
        """Return the token of a link, 256 bits."""
        made = hmac.digest(self._key.reveal(), link_id.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(made).rstrip(b"=").decode()

    def address_of(self, purpose: str, link_id: str) -> str:
        """Return the address that opens a link."""
        return f"{self._public_url}/open/{purpose}/{self.token_of(link_id)}"
