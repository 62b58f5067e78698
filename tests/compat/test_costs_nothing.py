"""The facades cost nothing where nobody asks for them, and little where somebody does."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from typing import Any

import pytest

import headrace.compat

# Any, in this file: what a program prints is JSON.
FACADES = [f"headrace.compat.{one.name}" for one in pkgutil.iter_modules(headrace.compat.__path__)]
# What the originals need, and a facade only where it is handed one of their objects.
HEAVY = [
    *("torch", "torchdata", "tensorflow", "pandas", "dask", "numba", "wandb", "mlflow"),
    *("boto3", "google.cloud.storage", "lmdb", "squirrel", "yogadl", "dataset_server"),
]


def printed(program: str) -> Any:
    """What a program prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys\n{program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_headrace_and_its_nouns_import_no_facade() -> None:
    found = printed(
        "import headrace\n"
        "from headrace import *\n"
        "nouns = [headrace.Storage, headrace.DataRef, headrace.Stream, headrace.DataLoader]\n"
        "print(json.dumps([name for name in sys.modules if 'compat' in name.split('.')[1:2]\n"
        "                  and name.startswith('headrace.')]))"
    )

    assert found == []


def test_all_four_facades_are_there() -> None:
    assert set(FACADES) == {
        f"headrace.compat.{name}" for name in ("dataset_server", "squirrel", "torchdata", "yogadl")
    }


@pytest.fixture(scope="module", params=FACADES, ids=lambda name: name.rpartition(".")[2])
def brought_in(request: pytest.FixtureRequest) -> list[str]:
    """The modules that are there when a facade and all of its modules are, but for its own."""
    facade = request.param
    found: list[str] = printed(
        "import importlib, pkgutil\n"
        f"facade = importlib.import_module({facade!r})\n"
        f"path, prefix = getattr(facade, '__path__', []), {facade + '.'!r}\n"
        "for module in pkgutil.walk_packages(path, prefix):\n"
        "    importlib.import_module(module.name)\n"
        "print(json.dumps(list(sys.modules)))"
    )
    return [name for name in found if not f"{name}.".startswith(f"{facade}.")]


def test_no_module_of_a_facade_imports_what_only_some_need(brought_in: list[str]) -> None:
    assert set(brought_in).isdisjoint(HEAVY)


def test_a_facade_imports_no_other_one(brought_in: list[str]) -> None:
    assert set(brought_in).isdisjoint(FACADES)
