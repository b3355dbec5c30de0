"""``docker-compose.yml``, read as docker would: every command exists, every process takes its settings."""

import configparser
import importlib.util
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.angel.settings import load_angel_settings
from adapters.db.grants import Role
from adapters.listener_settings import load_listener_settings
from adapters.settings import PREFIX, load_settings

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "mrmarket"}
PROCESSES = {"bot": True, "workers": True, "web": False}
"""The processes that run, and whether they hold keys."""

PASSWORD = "long-and-random-1234"
_ASKED = re.compile(r"\$\{(\w+)(?::\?[^}]*)?\}")


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Give the directory of secrets, every one in its file."""
    for name in COMPOSE["secrets"]:
        (tmp_path / name).write_text("[]" if name == "venues" else f"{PASSWORD}\n")
        (tmp_path / name).chmod(0o600)
    return tmp_path


def environment(service: dict[str, Any], secrets: Path) -> dict[str, str]:
    """Return what a process of a service finds: the owner's .env, and over it what compose sets."""
    example = (ROOT / ".env.example").read_text().replace("CHANGE-ME", PASSWORD)
    given = dict(line.split("=", 1) for line in example.splitlines() if line and not line.startswith("#"))
    own = {name: _ASKED.sub(PASSWORD, str(value)) for name, value in service.get("environment", {}).items()}
    return {name: value.replace("/run/secrets", str(secrets)) for name, value in {**given, **own}.items()}


def commands(service: dict[str, Any]) -> Iterator[list[str]]:
    """Yield every command line of ours in a service."""
    yield [*service.get("entrypoint", []), *service.get("command", [])]
    if check := service.get("healthcheck"):
        assert check["test"][0] == "CMD"
        yield check["test"][1:]


@pytest.mark.parametrize("name", OURS)
def test_every_command_names_a_module_that_runs(name: str) -> None:
    for command in commands(OURS[name]):
        assert command[0] == "python"
        if command[1] == "-c":
            compile(command[2], name, "exec")
            continue
        assert command[1] == "-m"
        module = command[2]
        package = importlib.util.find_spec(f"{module}.__main__") if _is_package(module) else None
        assert package or 'if __name__ == "__main__"' in _source(module), module


@pytest.mark.parametrize("name", OURS)
def test_a_service_gets_the_secrets_that_it_names_and_they_are_declared(name: str) -> None:
    granted = set(OURS[name].get("secrets", []))
    named = set(re.findall(r"/run/secrets/(\w+)", str(OURS[name]["environment"])))
    if name not in ("workers", "angel"):
        named.discard("venues")  # named for all, read by these two
    assert granted <= COMPOSE["secrets"].keys()
    assert named <= granted


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_takes_its_settings(name: str, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for known in [known for known in os.environ if known.startswith(PREFIX)]:
        monkeypatch.delenv(known)
    for setting, value in environment(OURS[name], secrets).items():
        monkeypatch.setenv(setting, value)
    monkeypatch.chdir(secrets)
    settings = load_settings(holds_keys=PROCESSES[name])
    role = {"bot": Role.APP, "workers": Role.WORKERS, "web": Role.WEB}[name]
    assert f"://mrmarket_{role}:{PASSWORD}@postgres:5432/" in settings.database_url.reveal()
    assert (settings.master_key_file is not None) == PROCESSES[name]
    if name == "workers":
        assert settings.venue_accounts({}) == []


def test_the_angel_takes_its_settings_and_no_others_key(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in [known for known in os.environ if known.startswith(PREFIX)]:
        monkeypatch.delenv(known)
    for setting, value in environment(OURS["angel"], secrets).items():
        monkeypatch.setenv(setting, value)
    monkeypatch.chdir(secrets)
    settings = load_angel_settings()
    assert f"://mrmarket_angel:{PASSWORD}@postgres:5432/" in settings.dsn()
    assert settings.venue_accounts({}) == []
    assert not {"master_key", "db_workers", "db_app"} & set(OURS["angel"]["secrets"])
    assert "redis" not in OURS["angel"]["depends_on"]


def test_the_listener_takes_its_settings_and_holds_no_key_of_the_instance(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for known in [known for known in os.environ if known.startswith(PREFIX)]:
        monkeypatch.delenv(known)
    for setting, value in environment(OURS["listener"], secrets).items():
        monkeypatch.setenv(setting, value)
    monkeypatch.setenv(f"{PREFIX}STOP_PEOPLE", "6f0d1d0e-52c4-4c55-9a6d-3f1f2f2b7a10")
    monkeypatch.chdir(secrets)
    settings = load_listener_settings()
    assert f"://mrmarket_stop:{PASSWORD}@postgres:5432/" in settings.dsn()
    assert set(OURS["listener"]["secrets"]) == {"stop_bot", "db_stop"}
    assert "redis" not in OURS["listener"]["depends_on"]
    halting = {name for name, each in OURS.items() if "MRMARKET_HALT_FILE" in each.get("environment", {})}
    assert halting == {"listener", "workers", "angel"}


def test_the_unit_of_systemd_starts_it_again_and_names_what_compose_names() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their letters
    unit.read(ROOT / "docs" / "mrmarket-angel.service")
    service = unit["Service"]
    assert (service["Restart"], service["ExecStart"].split()[-2:]) == ("always", ["-m", "angel"])
    assert service["StateDirectory"] in unit["Service"]["Environment"]


def test_every_role_that_a_process_logs_in_as_gets_its_password(secrets: Path) -> None:
    migrate = OURS["migrate"]
    assert environment(migrate, secrets)["MRMARKET_ROLE_PASSWORDS_DIR"] == str(secrets)
    assert set(migrate["secrets"]) == {
        f"db_{role}" for role in (Role.APP, Role.WORKERS, Role.WEB, Role.ANGEL)
    }
    login = OURS["stop_login"]
    assert environment(login, secrets)["MRMARKET_ROLE_PASSWORDS_DIR"] == str(secrets)
    assert (login["secrets"], login["command"]) == (["db_stop"], migrate["command"])
    assert "stop_login" in OURS["listener"]["depends_on"]


def test_without_the_listener_nothing_of_it_is_needed() -> None:
    always = [each for each in OURS.values() if "profiles" not in each]
    assert not {"db_stop", "stop_bot"} & {secret for each in always for secret in each.get("secrets", [])}
    assert not {"listener", "stop_login"} & {name for each in always for name in each.get("depends_on", {})}


def _is_package(module: str) -> bool:
    found = importlib.util.find_spec(module)
    return found is not None and found.submodule_search_locations is not None


def _source(module: str) -> str:
    found = importlib.util.find_spec(module)
    assert found is not None, f"there is no module {module}"
    assert found.origin is not None
    return Path(found.origin).read_text()
