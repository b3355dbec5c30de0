"""Processes that hold keys: no core dump, no look into their memory, no child of theirs."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENTRIES = ("bot", "workers", "webapp", "angel", "listener", "adapters.cli")
PRODUCT = ("adapters", "angel", "bot", "conversations", "domain", "handlers", "listener", "webapp", "workers")
STARTERS = {"subprocess", "multiprocessing", "pty"}

LOOK = """
import resource, sys
from pathlib import Path
from adapters.process import keep_memory_private
keep_memory_private()
import ctypes
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3))
"""  # 3 is PR_GET_DUMPABLE


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_memory_is_private() -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split("\n")[0] == "(0, 0) 0"


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_process_sees_to_it_first(entry: str) -> None:
    tree = ast.parse((ROOT / entry.replace(".", "/") / "__main__.py").read_text())
    main = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    first = main.body[1]  # after the docstring
    assert isinstance(first, ast.Expr)
    assert ast.unparse(first) == "keep_memory_private()"


def test_every_entry_of_the_product_is_listed() -> None:
    found = {path.parent.relative_to(ROOT) for name in PRODUCT for path in (ROOT / name).rglob("__main__.py")}
    assert {str(path).replace(os.sep, ".") for path in found} == set(ENTRIES)


def test_no_process_of_the_product_starts_another() -> None:
    """What holds keys has no children, so none inherits an environment, a file or a secret.

    Back-ups are made by Postgres' own tools; their command has no keys, and no process that runs imports it.
    A drill runs the owner's commands where every key is of a rehearsal account; they see no setting of ours.
    """
    sources = {path for name in PRODUCT for path in (ROOT / name).rglob("*.py")}
    dumps, command = ROOT / "adapters" / "db" / "dumps.py", ROOT / "adapters" / "cli" / "backup.py"
    assert {path for path in sources if "db.dumps" in path.read_text(encoding="utf-8")} == {command}
    drills, drill = (ROOT / "adapters" / "cli" / name for name in ("drill_control.py", "drill.py"))
    assert {path for path in sources if "drill_control" in path.read_text(encoding="utf-8")} == {drill}
    for path in sources - {dumps, drills}:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not STARTERS & {name.split(".")[0] for name in names}, path
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("system", "popen", "fork", "forkpty", "execv", "execve"), path
                assert not node.attr.startswith(("create_subprocess", "posix_spawn", "spawn")), path
