"""Addresses of servers with a password in them, or in a file that they name."""

from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from domain.secrets import Secret

_FILE = "password_file"


def with_password_from_file(address: Secret[str]) -> Secret[str]:
    """Return an address with the password of the file that its query names, if it names one.

    So that a password need not stand in the environment, where every child and ``/proc`` show it.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no address, or gives a password twice.
    """
    url = urlsplit(address.reveal())
    asked = dict(parse_qsl(url.query, strict_parsing=bool(url.query)))
    _ = url.port  # which is read only now
    if _FILE not in asked:
        return address
    if url.password:
        raise ValueError("two passwords")
    password = Path(asked.pop(_FILE)).read_text(encoding="utf-8").strip()
    user, _, where = url.netloc.rpartition("@")
    netloc = f"{user.removesuffix(':')}:{quote(password, safe='')}@{where}"
    return Secret(urlunsplit(url._replace(netloc=netloc, query=urlencode(asked))))


def password_of(address: Secret[str]) -> Secret[str] | None:
    """Return the password that stands in an address, if one does.

    Raises:
        ValueError: it is no address.
    """
    password = urlsplit(address.reveal()).password
    return Secret(unquote(password)) if password else None
