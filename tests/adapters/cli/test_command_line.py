"""The command line: every word explains itself, and a no is one sentence and exit code 1."""

import tomllib
from argparse import Namespace
from importlib import import_module
from pathlib import Path

import pytest

from adapters.cli import __main__, commands
from adapters.cli.command import CannotDo, Command
from adapters.db import migrate
from domain.errors import Refused


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], *([command.name] for command in commands.COMMANDS)):
        with pytest.raises(SystemExit) as ended:
            __main__.main([*words, "--help"])
        assert ended.value.code == 0
    said = capsys.readouterr().out
    for command in commands.COMMANDS:
        assert command.summary in said


@pytest.mark.parametrize("words", [[], ["nonsense"]])
def test_what_is_not_understood_is_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        __main__.main(words)
    assert ended.value.code == 2
    assert "usage: mrmarket" in capsys.readouterr().err


@pytest.mark.parametrize("error", [CannotDo("There is no such key."), Refused("spend_key_wrong")])
def test_what_cannot_be_done_is_a_sentence_and_code_1(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: Namespace) -> int:
        raise error

    monkeypatch.setattr(__main__, "COMMANDS", (Command("try", "try it", run),))
    assert __main__.main(["try"]) == 1
    assert capsys.readouterr().err == f"{error}\n"


def test_the_console_script_is_the_command_line(root: Path) -> None:
    script = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]["mrmarket"]
    module, _, name = script.partition(":")
    assert getattr(import_module(module), name) is __main__.main


def test_migrate_is_the_migration(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MRMARKET_MIGRATE_DATABASE_URL", raising=False)
    monkeypatch.setenv("MRMARKET_DATABASE_URL", database_url)
    assert __main__.main(["migrate"]) == 0
    assert "applied 0_" in capsys.readouterr().out
    migrate.main()
    assert "up to date" in capsys.readouterr().out
