"""The state on disk: all of an answer's changes, or none."""

import sqlite3
from pathlib import Path

import pytest

from sandbox.mixin.core import genesis, rows
from sandbox.mixin.core.world import State
from sandbox.mixin.store import Store
from tests.sandbox.mixin.worlds import facts, world


def kept(state: State) -> dict[str, list[object]]:
    return {name: list(table) for name, table in vars(state).items() if name != "journal"}


def test_what_was_committed_is_what_a_restart_finds(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.unit():
        genesis.begin(world(state=store.state), facts())
    store.close()
    again = Store(tmp_path)
    assert kept(again.state) == kept(store.state)
    again.close()


def test_error_inside_a_unit_changes_neither_memory_nor_disk(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.unit():
        store.state.facts.put(rows.Fact("kept", "1"))

    def fail() -> None:
        with store.unit():
            store.state.facts.put(rows.Fact("kept", "2"))
            store.state.facts.put(rows.Fact("new", "1"))
            store.state.facts.drop("kept")
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    assert [fact.name for fact in store.state.facts] == ["kept"]
    assert store.state.facts.get("kept").value == "1"
    store.close()


def test_disk_that_fails_undoes_the_memory_too(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.close()

    def write() -> None:
        with store.unit():
            store.state.facts.put(rows.Fact("lost", "1"))

    with pytest.raises(sqlite3.ProgrammingError):
        write()
    assert "lost" not in store.state.facts


def test_dropped_row_is_gone_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for deed in (lambda: store.state.facts.put(rows.Fact("a", "1")), lambda: store.state.facts.drop("a")):
        with store.unit():
            deed()
    store.close()
    again = Store(tmp_path)
    assert len(again.state.facts) == 0
    again.close()


def test_pages_are_told_of_changes_but_not_of_mere_counting(tmp_path: Path) -> None:
    store, told = Store(tmp_path), []
    store.on_change = lambda: told.append(1)
    with store.unit():
        store.state.tokens.put(rows.Token("t", 1))
    assert told == []
    with store.unit():
        store.state.conversations.put(rows.Conversation("c", "CONTACT", ("a", "b"), 1))
    assert told == [1]
    store.close()
