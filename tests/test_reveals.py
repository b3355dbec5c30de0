"""Where secrets are seen: every file of the product that calls ``reveal()``, and what for."""

import ast
from pathlib import Path

PACKAGES = (
    "adapters",
    "angel",
    "bot",
    "conversations",
    "domain",
    "handlers",
    "listener",
    "webapp",
    "workers",
)

SEEN_FOR = {
    "adapters/angel/settings.py": "to connect to Postgres",
    "adapters/listener_settings.py": "to connect to Postgres",
    "adapters/addresses.py": "to read an address and put its password in",
    "adapters/bootstrap.py": "to connect to Postgres and Redis",
    "adapters/cli/candles.py": "to connect to Postgres",
    "adapters/cli/drill.py": "to connect to Postgres",
    "adapters/cli/chain.py": "to connect to Postgres",
    "adapters/cli/doctor.py": "to connect to Postgres and Redis",
    "adapters/cli/doctor_accounts.py": "to connect to Postgres",
    "adapters/cli/export.py": "to connect to Postgres",
    "adapters/cli/keys.py": "to connect to Postgres",
    "adapters/cli/reconcile.py": "to connect to Postgres",
    "adapters/cli/recover.py": "to connect to Postgres",
    "adapters/exchange/client.py": "to hand ccxt its keys",
    "adapters/health_pages.py": "to connect to Postgres",
    "adapters/marketdata/coingecko.py": "to show CoinGecko the owner's key",
    "adapters/mixin/http.py": "to sign requests",
    "adapters/mixin/keystore.py": "to compute public keys",
    "adapters/mixin/wallet.py": "to sign transactions",
    "adapters/pages.py": "to make links that nobody else can make",
    "adapters/sealing/contents.py": "to pack and unpack what is sealed",
    "adapters/sealing/venue_keys.py": "to pack and unpack what is sealed",
    "adapters/sealing/envelope.py": "to encrypt and decrypt",
    "adapters/sealing/masters.py": "to derive, check, read and write master keys",
    "adapters/settings.py": "to check addresses and refuse placeholders",
    "domain/secrets.py": "to compare two of them",
    "bot/__main__.py": "to connect to Postgres",
    "webapp/__main__.py": "to connect to Postgres and Redis",
    "workers/__main__.py": "to connect to Postgres and Redis, and listen there",
}


def sources(root: Path) -> list[Path]:
    return sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))


def reveals(path: Path) -> bool:
    """Tell whether a file calls ``reveal``, or takes it elsewhere without calling it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.Attribute) and node.attr == "reveal" for node in ast.walk(tree))


def test_secrets_are_seen_where_it_is_listed_and_nowhere_else(root: Path) -> None:
    assert {path.relative_to(root).as_posix() for path in sources(root) if reveals(path)} == SEEN_FOR.keys()


def test_nobody_reaches_past_reveal(root: Path) -> None:
    reaching = [path for path in sources(root) if "_Secret__value" in path.read_text(encoding="utf-8")]
    assert reaching == [root / "domain" / "secrets.py"]
