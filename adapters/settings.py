"""Settings: the environment, read and checked once, then frozen.

Only composition roots read them. What is missing or wrong ends the process with a sentence that says
what to do, before anything else is tried.
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from dotenv import dotenv_values
from pydantic import Field, PlainValidator, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.addresses import password_of, with_password_from_file
from adapters.exchange.account import DEFAULT_PAIRS, VenueAccount, VenueKey, limits_from
from adapters.own import Timely, named
from domain.fees import FeeKind
from domain.health.recovery import BUILT_IN, Choice
from domain.ids import VenueAccountName
from domain.leases import LeaseTiming
from domain.market.model import Pair
from domain.money import LEDGER_PLACES, parse_amount
from domain.secrets import Secret

PREFIX = "MRMARKET_"
ENV_FILE = os.environ.get(f"{PREFIX}ENV_FILE", ".env")  # empty: none, as the sandbox asks
_VENUES = f"{PREFIX}VENUE_ACCOUNTS_FILE"
_MIGRATION = (
    "migrate_database_url",
    "role_prefix",
    "role_passwords_dir",
    "postgres_bin",
)  # read by adapters.db.migrate and dumps
ANGELS = (
    "angel_dir",
    "angel_interval_s",
    "angel_threshold",
    "angel_behind_s",
    "angel_slippage_bps",
    "angel_witness_url",
    "failsafe",
)  # read by adapters.angel.settings
LISTENERS = ("stop_keystore_file", "stop_people")  # read by adapters.listener_settings
_NOT_FOR_US = ("env_file", "vectors", "build", *_MIGRATION, *ANGELS, *LISTENERS)  # read above, and by tests
_FOLLOWS = "default_factory_not_called"  # said of a default when another value was wrong
_KEY_PARTS = frozenset({"api_key", "secret", "passphrase", "withdrawal_key"})
_ACCOUNT_PARTS = frozenset({"name", "venue", "withdrawals", "urls", "limits", "pairs", "keep", "rehearsal"})
_BY_HAND, _BY_KEY = "by hand", "by key"
_KEY_PLACES = ("master_key_file", "master_passphrase_file", "mixin_keystore_file")
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_SCHEMES = {
    "database_url": ("postgres://", "postgresql://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
    "mixin_api_url": ("https://", "http://127.0.0.1:", "http://localhost:"),
    "mixin_blaze_url": ("wss://", "ws://127.0.0.1:", "ws://localhost:"),
    "public_url": ("https://", "http://"),
    "chat_url": ("https://", "http://", "mixin://"),
    "coingecko_url": ("https://", "http://127.0.0.1:", "http://localhost:"),
    "market_clock_url": ("http://127.0.0.1:", "http://localhost:"),
}


_SHORTEST_PASSWORD, _SHORTEST_KEY = 12, 8
_PLACEHOLDER = re.compile(r"change[-_ ]?me|^(.)\1*$|…|\.\.\.", re.IGNORECASE)
"""What stands where nobody wrote a value of their own; accepting it would be an open door."""


def _as_secret(value: Any) -> Secret[str]:
    return value if isinstance(value, Secret) else Secret(str(value))


SecretText = Annotated[Secret[str], PlainValidator(_as_secret)]


class Settings(BaseSettings):
    """Everything that differs between one instance of MrMarket and another."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    database_url: SecretText = Field(description="where Postgres is: postgres://user:password@host:5432/name")
    redis_url: SecretText = Field(description="where Redis is: redis://:password@host:6379/0")

    mixin_api_url: str = Field("https://api.mixin.one", description="Mixin's HTTP address")
    mixin_blaze_url: str = Field("wss://blaze.mixin.one", description="Mixin's message socket")
    master_key_file: Path | None = Field(
        None, description="file with the master key that opens the keys sealed in the database"
    )
    master_passphrase_file: Path | None = Field(
        None, description="file with the passphrase that opens the keys sealed in the database"
    )
    mixin_keystore_file: Path | None = Field(
        None, description="file with the bot's keystore as the dashboard gave it, when no key is sealed"
    )
    mixin_spend_key_file: Path | None = Field(
        None, description="file with the spend key alone, when the keystore does not hold it"
    )
    venue_accounts_file: Path = Field(description="file with the venue accounts, a JSON list")
    marker_file: Path | None = Field(
        None, description="file in which workers note how far the books are, kept apart from the database"
    )
    halt_file: Path | None = Field(
        None, description="the file in which the listener writes a STOP, where workers can see it"
    )
    owner_id: str | None = Field(
        None, pattern=_UUID, description="the Mixin user id of the instance's first owner"
    )

    chat_url: str | None = Field(None, description="a link that opens the chat with the bot")
    web_host: str = Field("127.0.0.1", description="the interface our pages listen on")
    web_port: int = Field(8080, ge=1, le=65535, description="the port our pages listen on")
    health_host: str = Field("127.0.0.1", description="the interface on which a process tells how it is")
    health_port: int | None = Field(
        None, ge=1, le=65535, description="the port on which a process tells how it is: none, and it does not"
    )
    public_url: str = Field(
        default_factory=lambda known: f"http://127.0.0.1:{known.get('web_port', 8080)}",
        description="the address people reach our pages at",
    )

    log_format: Literal["console", "json", "auto"] = Field(
        "auto", description="console, json, or auto: readable on a terminal, JSON elsewhere"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least to log")

    most_deposit_fee_bps: int = Field(500, ge=0, le=1_000, description="the highest deposit fee")
    most_withdrawal_fee_bps: int = Field(500, ge=0, le=1_000, description="the highest withdrawal fee")
    most_trading_fee_bps: int = Field(50, ge=0, le=100, description="the highest trading fee")
    deposit_fee_bps: int | None = Field(
        None, ge=0, description="our fee of a deposit, at first; /setfees changes it"
    )
    withdrawal_fee_bps: int | None = Field(
        None, ge=0, description="our fee of a withdrawal, at first; /setfees changes it"
    )
    trading_fee_bps: int | None = Field(
        None, ge=0, description="our fee of what is traded, at first; /setfees changes it"
    )
    closing_notice_h: int = Field(
        24, ge=24, le=24 * 90, description="hours between the word that the instance closes and its end"
    )
    inactive_after_days: int = Field(
        365, ge=30, description="days without a sign of a person who has coins here, until they are reminded"
    )
    coingecko_url: str | None = Field(
        None, description="CoinGecko's address, to have its prices told too: https://api.coingecko.com/api/v3"
    )
    coingecko_key_file: Path | None = Field(
        None, description="file with a demo key of CoinGecko; it answers without one too, if less often"
    )
    market_clock_url: str | None = Field(None, description="set by the sandbox only: a replay's clock")
    unknown_lookup_window_s: float = Field(
        30, gt=0, description="how long to look for an order without an answer"
    )
    stop_settle_s: float = Field(5, gt=0, description="how long a stopped run waits for late fills")
    request_expiry_ms: int = Field(
        5_000, ge=100, le=60_000, description="after this a venue refuses a request"
    )
    sweep_interval_s: float = Field(5, gt=0, description="how often orders and fills are asked for")
    recovery: str = Field(
        "automatic",
        pattern=r"^(automatic|manual|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$",
        description="how runs are brought back after a take-over: automatic, manual, your own module:Class",
    )
    lease_renew_s: float = Field(2, gt=0, description="how often a worker renews its leases")
    lease_timeout_s: float = Field(2, gt=0, description="how long a worker waits for a renewal's answer")
    lease_ttl_s: float = Field(
        10, le=300, validate_default=True, description="how long a lease lasts without a renewal"
    )

    @field_validator(*_SCHEMES)
    @classmethod
    def _has_a_known_scheme(cls, value: Secret[str] | str | None, known: Any) -> Secret[str] | str | None:
        text = value.reveal() if isinstance(value, Secret) else value
        if text is not None and not text.startswith(_SCHEMES[known.field_name]):
            raise ValueError(f"must begin with {' or '.join(_SCHEMES[known.field_name])}")
        return value

    @field_validator("database_url", "redis_url")
    @classmethod
    def _has_a_password_worth_the_name(cls, value: Secret[str]) -> Secret[str]:
        try:
            whole = with_password_from_file(value)
            password = password_of(whole)
        except OSError as error:
            raise ValueError(f"its password_file cannot be read: {error.strerror}") from None
        except ValueError:
            raise ValueError("is no address; write / ? # @ : in a password as %2F %3F %23 %40 %3A") from None
        if password and _is_a_placeholder(password.reveal(), _SHORTEST_PASSWORD):
            raise ValueError(f"its password is a placeholder or shorter than {_SHORTEST_PASSWORD} characters")
        return whole

    @field_validator("owner_id")
    @classmethod
    def _is_somebody(cls, value: str | None) -> str | None:
        if value is not None and not value.strip("0-"):  # defaults are validated too
            raise ValueError("is still the placeholder")
        return value

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _in_small_letters(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("deposit_fee_bps", "withdrawal_fee_bps", "trading_fee_bps")
    @classmethod
    def _is_no_more_than_the_most(cls, value: int | None, known: Any) -> int | None:
        most = known.data.get(f"most_{known.field_name}")
        if value is not None and most is not None and value > most:
            raise ValueError(f"must be at most {PREFIX}MOST_{known.field_name.upper()}, which is {most}")
        return value

    @field_validator("lease_ttl_s")
    @classmethod
    def _survives_a_lost_renewal(cls, value: float, known: Any) -> float:
        if {"lease_renew_s", "lease_timeout_s"} <= known.data.keys():
            LeaseTiming(value, known.data["lease_renew_s"], known.data["lease_timeout_s"])
        return value

    def first_fees(self) -> dict[FeeKind, int | None]:
        """Return the rates of the first schedule; ``None`` where nothing was said."""
        return {
            FeeKind.DEPOSIT: self.deposit_fee_bps,
            FeeKind.WITHDRAWAL: self.withdrawal_fee_bps,
            FeeKind.TRADING: self.trading_fee_bps,
        }

    def most_fees(self) -> dict[FeeKind, int]:
        """Return the highest rates that the owner may ask for."""
        return {
            FeeKind.DEPOSIT: self.most_deposit_fee_bps,
            FeeKind.WITHDRAWAL: self.most_withdrawal_fee_bps,
            FeeKind.TRADING: self.most_trading_fee_bps,
        }

    def coingecko_key(self) -> Secret[str] | None:
        """Return CoinGecko's key, or end with a sentence that says what to do."""
        if self.coingecko_key_file is None:
            return None
        try:
            key = self.coingecko_key_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            key = f"{type(error).__name__}…"
        if _is_a_placeholder(key, _SHORTEST_KEY):
            give_up([f"{PREFIX}COINGECKO_KEY_FILE names no key: {self.coingecko_key_file}"])
        return Secret(key)

    def lease_timing(self) -> LeaseTiming:
        """Return how leases are kept."""
        return LeaseTiming(self.lease_ttl_s, self.lease_renew_s, self.lease_timeout_s)

    def recovery_choice(self) -> Choice:
        """Return how runs are brought back, or end with a sentence that says what to do."""
        try:
            choice = named(self.recovery, BUILT_IN, "decide")
        except ValueError as error:
            give_up([f"{_name('recovery')} is wrong: {error}. It is {_meaning('recovery')}."])
        return choice if self.recovery in BUILT_IN else Timely(choice)

    @property
    def sealed(self) -> bool:
        """Return whether keys are sealed in the database, rather than in plain files."""
        return bool(self.master_key_file or self.master_passphrase_file)

    def venue_accounts(self, sealed_keys: Mapping[str, VenueKey] | None = None) -> list[VenueAccount]:
        """Return the venue accounts of the owner's file, or end with a sentence that says what to do.

        Their keys stand in the file, unless sealed ones are given.
        """
        lockstep = self.market_clock_url is not None
        return venue_accounts_in(self.venue_accounts_file, sealed_keys, self.request_expiry_ms, lockstep)


def venue_accounts_in(
    file: Path,
    sealed_keys: Mapping[str, VenueKey] | None,
    expiry_ms: int,
    lockstep: bool = False,
    trades_only: bool = False,
) -> list[VenueAccount]:
    """Return the venue accounts of an owner's file, or end with a sentence that says what to do.

    Who ``trades_only`` is given no key that withdraws, whatever stands there.
    """
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        accounts = [_venue_account(row, sealed_keys, expiry_ms, lockstep, trades_only) for row in rows]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        form = '{"name", "venue"}' if sealed_keys is not None else '{"name", "venue", "api_key", "secret"}'
        found = f"{type(error).__name__} {error}"
        give_up([f"{_VENUES} must name a JSON list of {form}: {file}: {found}"])
    if len({account.name for account in accounts}) < len(accounts):
        give_up([f"{PREFIX}VENUE_ACCOUNTS_FILE: two accounts in {file} share a name"])
    return accounts


def _venue_account(
    row: dict[str, Any],
    sealed: Mapping[str, VenueKey] | None,
    expiry_ms: int,
    lockstep: bool,
    trades_only: bool,
) -> VenueAccount:
    if unknown := row.keys() - _ACCOUNT_PARTS - _KEY_PARTS:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    key = venue_key_in(row) if sealed is None else _sealed_key(row, sealed)
    return VenueAccount(
        name=VenueAccountName(row["name"]),
        venue=row["venue"],
        key=replace(key, withdrawal=None) if trades_only else _as_declared(row, key),
        urls=row.get("urls", {}),
        limits=limits_from(row.get("limits", {})),
        pairs=tuple(Pair.parse(pair) for pair in row.get("pairs", map(str, DEFAULT_PAIRS))),
        request_expiry_ms=expiry_ms,
        keep={coin: parse_amount(str(amount), LEDGER_PLACES) for coin, amount in row.get("keep", {}).items()},
        lockstep=lockstep,
        rehearsal=bool(row.get("rehearsal", False)),
    )


def venue_key_in(row: Mapping[str, Any]) -> VenueKey:
    """Return the keys that stand in a row of the owner's file: one that trades, perhaps one that withdraws.

    Raises:
        KeyError: there are none.
        ValueError: one is a placeholder, or the two are one.
    """
    key = _key_in(row, str(row["name"]))
    if not (own := row.get("withdrawal_key")):
        return key
    withdrawal = _key_in(own, f"{row['name']}'s withdrawal_key")
    if withdrawal.api_key.reveal() == key.api_key.reveal():
        raise ValueError(f"withdrawal_key of {row['name']} must be a key of its own, that cannot trade")
    return replace(key, withdrawal=withdrawal)


def _key_in(row: Mapping[str, Any], whose: str) -> VenueKey:
    passphrase = Secret(str(row["passphrase"])) if row.get("passphrase") else None
    key = VenueKey(Secret(str(row["api_key"])), Secret(str(row["secret"])), passphrase=passphrase)
    for name, part in (("api_key", key.api_key), ("secret", key.secret)):
        if _is_a_placeholder(part.reveal(), _SHORTEST_KEY):
            raise ValueError(f"{name} of {whose} is a placeholder, or too short to be one")
    return key


def _as_declared(row: Mapping[str, Any], key: VenueKey) -> VenueKey:
    """Return the keys that may be used: one that withdraws only where the owner says that it shall."""
    declared = row.get("withdrawals", _BY_HAND)
    if declared not in (_BY_HAND, _BY_KEY):
        raise ValueError(f"withdrawals of {row['name']} are {_BY_KEY!r} or {_BY_HAND!r}, not {declared!r}")
    if declared == _BY_HAND:
        return replace(key, withdrawal=None)
    if key.withdrawal is None:
        raise ValueError(f"withdrawals of {row['name']} are {_BY_KEY!r}, and there is no withdrawal_key")
    return key


def _sealed_key(row: Mapping[str, Any], sealed: Mapping[str, VenueKey]) -> VenueKey:
    if row.keys() & _KEY_PARTS:
        raise ValueError(f"take api_key and secret of {row['name']} out of it: keys are sealed now")
    if row["name"] not in sealed:
        raise ValueError(f"no key of {row['name']} is sealed: mrmarket keys replace venue {row['name']}")
    return sealed[row["name"]]


def _is_a_placeholder(text: str, shortest: int) -> bool:
    return len(text) < shortest or bool(_PLACEHOLDER.search(text))


def load_settings(*, holds_keys: bool = True) -> Settings:
    """Return the settings, or end the process (code 2) and say what to mend.

    A process that holds keys needs exactly one place that they, or what opens them, are read from.
    """
    if misspelt := unknown_names():
        give_up([f"{name} is not a setting we know: mend its name or remove it." for name in misspelt])
    try:
        settings = Settings.model_validate({})  # which reads the environment
    except ValidationError as error:
        give_up([_sentence(mistake) for mistake in error.errors() if mistake["type"] != _FOLLOWS])
    if holds_keys and (wrong := _places_of_keys(settings)):
        give_up([wrong])
    return settings


def _places_of_keys(settings: Settings) -> str | None:
    """Return what is wrong with where keys are read from, if anything is."""
    given = [name for name in _KEY_PLACES if getattr(settings, name)]
    if not given:
        return f"{_name(_KEY_PLACES[0])} is missing. Set it to {_meaning(_KEY_PLACES[0])} (docs/keys.md)."
    if len(given) > 1:
        return f"{' and '.join(map(_name, given))} exclude each other: keep the one that is meant."
    if settings.sealed and settings.mixin_spend_key_file:
        return (
            f"{_name('mixin_spend_key_file')} and {_name(given[0])} exclude each other: seal the spend key."
        )
    return None


def _name(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _meaning(field: str) -> str | None:
    return Settings.model_fields[field].description


def unknown_names() -> list[str]:
    """Return names that look like settings of ours and are none, in the environment or the file."""
    known = {f"{PREFIX}{name.upper()}" for name in (*Settings.model_fields, *_NOT_FOR_US)}
    names = {*os.environ, *(dotenv_values(ENV_FILE) if ENV_FILE else ())}
    return sorted(name for name in names if name.upper().startswith(PREFIX) and name.upper() not in known)


def _sentence(mistake: Any) -> str:
    """Return one mistake in words; the wrong value itself is never repeated, since it may be a secret."""
    field = str(mistake["loc"][0])
    name, meaning = _name(field), _meaning(field)
    if mistake["type"] == "missing":
        return f"{name} is missing. Set it to {meaning}."
    return f"{name} is wrong: {mistake['msg'].removeprefix('Value error, ')}. It is {meaning}."


def give_up(sentences: list[str]) -> NoReturn:
    """End the process (code 2) with sentences that say what to mend."""
    sys.stderr.write("MrMarket cannot start.\n" + "".join(f"  {line}\n" for line in sentences))
    sys.stderr.write("  See .env.example and docs/operations.md; `make run` needs no settings at all.\n")
    raise SystemExit(2)
