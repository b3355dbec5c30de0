"""The Angel's settings: fewer than the other processes', and its own; what they share has the same names."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.addresses import with_password_from_file
from adapters.exchange.account import VenueAccount, VenueKey
from adapters.settings import ENV_FILE, PREFIX, SecretText, give_up, unknown_names, venue_accounts_in
from domain.angel.watch import Patience
from domain.leases import LeaseTiming


class AngelSettings(BaseSettings):
    """What the Angel is told. Leases must be as they are for the workers: it judges them by their times."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    database_url: SecretText = Field(description="where Postgres is, with the Angel's own login")
    venue_accounts_file: Path = Field(description="file with the venue accounts, a JSON list")
    master_key_file: Path | None = Field(
        None, description="file with the part of the master key that opens the Angel's keys"
    )
    angel_dir: Path = Field(description="a directory of its own for its log and its copy, kept over restarts")
    failsafe: str = Field(
        "close_all", description="close_all, cancel_only, liquidate, or your own as module:Class"
    )
    angel_slippage_bps: int = Field(50, ge=1, le=1_000, description="how far from the mid it trades at most")
    angel_interval_s: float = Field(2, ge=0.1, le=60, description="how often it looks")
    angel_threshold: int = Field(3, ge=1, le=100, description="how many bad looks in a row it takes")
    angel_behind_s: float = Field(
        60, ge=5, le=3_600, description="how long orders may rest where workers stopped in order"
    )
    angel_witness_url: str | None = Field(
        None, description="the /ready of a process elsewhere that sees the database: http://host:8080/ready"
    )
    halt_file: Path | None = Field(
        None, description="the file that has it act at once when the database is gone"
    )
    health_host: str = Field("127.0.0.1", description="the interface on which /live is told")
    health_port: int | None = Field(None, ge=1, le=65535, description="the port on which /live is told")
    log_format: Literal["console", "json", "auto"] = Field("auto", description="console, json, or auto")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least to log")
    market_clock_url: str | None = Field(None, description="set by the sandbox only: a replay's clock")
    request_expiry_ms: int = Field(
        5_000, ge=100, le=60_000, description="after this a venue refuses a request"
    )
    lease_renew_s: float = Field(2, gt=0, description="how often a worker renews its leases")
    lease_timeout_s: float = Field(2, gt=0, description="how long a worker waits for a renewal's answer")
    lease_ttl_s: float = Field(10, le=300, description="how long a lease lasts without a renewal")

    def patience(self) -> Patience:
        """Return how long it waits before it acts.

        Raises:
            ValueError: it would rob workers of leases that they still renew.
        """
        timing = self.lease_timing()
        return Patience(
            interval_s=self.angel_interval_s,
            threshold=self.angel_threshold,
            renew_s=timing.renew_s,
            ttl_s=timing.ttl_s,
            margin_s=timing.margin_s,
            behind_s=self.angel_behind_s,
        )

    def lease_timing(self) -> LeaseTiming:
        """Return how leases are kept."""
        return LeaseTiming(self.lease_ttl_s, self.lease_renew_s, self.lease_timeout_s)

    def venue_accounts(self, sealed: dict[str, VenueKey] | None) -> list[VenueAccount]:
        """Return the venue accounts, with keys that trade and withdraw nothing."""
        lockstep = self.market_clock_url is not None
        return venue_accounts_in(
            self.venue_accounts_file, sealed, self.request_expiry_ms, lockstep, trades_only=True
        )

    def dsn(self) -> str:
        """Return the database's address, with its password."""
        return with_password_from_file(self.database_url).reveal()


def load_angel_settings() -> AngelSettings:
    """Return the settings, or end the process (code 2) and say what to mend."""
    if misspelt := unknown_names():
        give_up([f"{name} is not a setting we know: mend its name or remove it." for name in misspelt])
    try:
        settings = AngelSettings.model_validate({})  # which reads the environment
        settings.patience()
    except ValidationError as error:
        give_up([_sentence(str(each["loc"][0]), each["type"], each["msg"]) for each in error.errors()])
    except ValueError as error:
        give_up([f"{PREFIX}LEASE_TTL_S is wrong: {error}."])
    return settings


def _sentence(field: str, kind: str, said: str) -> str:
    name, meaning = f"{PREFIX}{field.upper()}", AngelSettings.model_fields[field].description
    if kind == "missing":
        return f"{name} is missing. Set it to {meaning}."
    return f"{name} is wrong: {said}. It is {meaning}."
