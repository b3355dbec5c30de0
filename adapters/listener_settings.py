"""The listener's settings: a bot account, a login, people and a file, all of its own."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from adapters.addresses import with_password_from_file
from adapters.settings import ENV_FILE, PREFIX, SecretText, give_up, unknown_names
from domain.ids import UserId

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class ListenerSettings(BaseSettings):
    """What the listener is told; it can ask nobody who is owner or admin."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    database_url: SecretText = Field(description="where Postgres is, with the listener's own login")
    mixin_api_url: str = Field("https://api.mixin.one", description="Mixin's HTTP address")
    mixin_blaze_url: str = Field("wss://blaze.mixin.one", description="Mixin's message socket")
    stop_keystore_file: Path = Field(
        description="file with the keystore of a second bot account, as the dashboard gave it"
    )
    stop_people: str = Field(
        description="the Mixin user ids of those who may say STOP, with commas between them"
    )
    halt_file: Path = Field(description="the file in which a STOP stands, seen by the Angel and the workers")
    health_host: str = Field("127.0.0.1", description="the interface on which /live is told")
    health_port: int | None = Field(None, ge=1, le=65535, description="the port on which /live is told")
    log_format: Literal["console", "json", "auto"] = Field("auto", description="console, json, or auto")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least to log")

    @field_validator("stop_people")
    @classmethod
    def _names_somebody(cls, value: str) -> str:
        names = _names(value)
        if not names:
            raise ValueError("it names nobody")
        if wrong := [name for name in names if not _UUID.fullmatch(name) or not name.strip("0-")]:
            raise ValueError(f"{wrong[0]} is not an id such as 6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10")
        return value

    def people(self) -> frozenset[UserId]:
        """Return those who may say STOP."""
        return frozenset(map(UserId, _names(self.stop_people)))

    def dsn(self) -> str:
        """Return the database's address, with its password."""
        return with_password_from_file(self.database_url).reveal()


def load_listener_settings() -> ListenerSettings:
    """Return the settings, or end the process (code 2) and say what to mend."""
    if misspelt := unknown_names():
        give_up([f"{name} is not a setting we know: mend its name or remove it." for name in misspelt])
    try:
        return ListenerSettings.model_validate({})  # which reads the environment
    except ValidationError as error:
        give_up([_sentence(str(each["loc"][0]), each["type"], each["msg"]) for each in error.errors()])


def _names(value: str) -> list[str]:
    return [name for part in value.lower().split(",") if (name := part.strip())]


def _sentence(field: str, kind: str, said: str) -> str:
    name, meaning = f"{PREFIX}{field.upper()}", ListenerSettings.model_fields[field].description
    if kind == "missing":
        return f"{name} is missing. Set it to {meaning}."
    return f"{name} is wrong: {said.removeprefix('Value error, ')}. It is {meaning}."
