"""Types run through a chain: both type checkers read `chains.py`, and find it wrong where it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAINS = Path(__file__).with_name("chains.py")
CHECKERS = [
    pytest.param("mypy", ["--strict", "--no-error-summary"], id="mypy"),
    pytest.param("basedpyright", ["--level=error"], id="basedpyright"),
]

pytestmark = pytest.mark.slow


def check(checker: str, options: list[str], path: Path) -> subprocess.CompletedProcess[str]:
    pytest.importorskip(checker)
    command = [sys.executable, "-m", checker, *options, str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)


@pytest.mark.parametrize(("checker", "options"), CHECKERS)
def test_types_run_through_a_chain(checker: str, options: list[str]) -> None:
    result = check(checker, options, CHAINS)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(("checker", "options"), CHECKERS)
def test_a_wrong_type_in_a_chain_is_found(checker: str, options: list[str], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from typing import assert_type\n"
        "import headrace as hr\n"
        "assert_type(hr.stream([1, 2]).map(str), hr.Stream[bytes])\n"
    )

    result = check(checker, options, wrong)

    assert result.returncode == 1
    assert "Stream[str]" in result.stdout
