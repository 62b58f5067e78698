"""The command in this process: its exit code, what it prints, and a folder of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.application import run


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Headrace = Callable[..., Ended]


@pytest.fixture
def headrace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Headrace]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADRACE_STORAGE", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)

    def call(*arguments: str) -> Ended:
        code = run(arguments)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    yield call
    for name in set(sys.modules) - known:
        if getattr(sys.modules[name], "__file__", "").startswith(str(tmp_path)):
            del sys.modules[name]


SOURCES = """
import numpy as np

numbers = [3, 1, 2]

def digits():
    print("drawing")
    for n in range(20):
        yield {"image": np.full((2, 2), n, np.uint8), "label": n % 10, "text": "a [b]river " * n}

def broken():
    yield 1
    raise KeyError("bad luck")

def objects():
    yield {"x": object}

def batches():
    yield {"x": np.arange(2), "y": ["a", "b"]}
    yield {"x": np.arange(2, 3), "y": ["c"]}
"""


@pytest.fixture
def made(tmp_path: Path) -> str:
    """The name of a module that holds sources."""
    (tmp_path / "made.py").write_text(SOURCES, "utf-8")
    return "made"


@pytest.fixture
def digits(headrace: Headrace, made: str) -> str:
    """The name of a dataset of 20 records, version 1.0."""
    assert headrace("submit", f"{made}:digits", "digits", "1.0", "--meta", "by=ada").code == 0
    return "digits"
