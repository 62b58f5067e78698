"""The layers of the package are law: the contract of pyproject.toml, and that it bites."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "headrace"
# The folders that may import optional packages, always inside a function.
OPTIONAL_ROOMS = {"adapters", "backends", "ranks", "sources"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DEPENDENCIES = {re.split(r"[<>=]", line)[0] for line in PROJECT["dependencies"]}


def lint_imports(source: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip("importlinter")
    program = "from importlinter.cli import lint_imports_command as main; main()"
    command = [sys.executable, "-c", program, "--no-cache", f"--config={ROOT / 'pyproject.toml'}"]
    return subprocess.run(
        command, cwd=source, capture_output=True, text=True, env={"PYTHONPATH": str(source)}
    )


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The packages that a file imports when it runs, and whether at its top."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in node.body
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node in tree.body) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0], node in tree.body


def test_imports_go_down_the_layers() -> None:
    result = lint_imports(SOURCE.parent)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        pytest.param("contracts/order.py", "import headrace.streams", id="upwards"),
        pytest.param("unplaced.py", "", id="a module without a layer"),
    ],
)
def test_a_broken_layer_is_found(tmp_path: Path, module: str, line: str) -> None:
    copy = tmp_path / "headrace"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")

    result = lint_imports(tmp_path)

    assert result.returncode == 1, result.stdout + result.stderr
    assert module.split("/")[0].removesuffix(".py") in result.stdout


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_optional_packages_are_imported_in_their_rooms_only(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0]
    known = DEPENDENCIES | {"headrace"} | set(sys.stdlib_module_names)
    if room == "testing":
        known |= {"hypothesis", "pytest"}  # Whoever proves a stage has them.
    optional = {(name, at_top) for name, at_top in imports(path) if name not in known}
    if room in OPTIONAL_ROOMS:
        optional = {(name, at_top) for name, at_top in optional if at_top}

    assert not optional, "import it inside a function, in sources, adapters, backends or ranks"


def test_each_dependency_is_imported() -> None:
    imported = {name for path in SOURCE.rglob("*.py") for name, _ in imports(path)}
    deferred = re.findall(r'_Deferred\("(\w+)', (SOURCE / "deferred.py").read_text("utf-8"))

    assert imported | set(deferred) >= DEPENDENCIES
