"""The small examples run as their readers run them: one command, and its output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def output_of(name: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
def test_the_walkthrough_resumes_with_the_batches_that_were_left() -> None:
    printed = output_of("walkthrough.py")

    assert "stored    100 records; record 7 has the id 7" in printed
    assert "batch 2   images (32, 8, 8)" in printed
    assert printed.count("the same as without a stop: True") == 2


@pytest.mark.slow
def test_records_of_another_process_are_shuffled_sharded_and_resumed() -> None:
    printed = output_of("custom_data_ref.py")

    assert "records   1000, record 7 is a wave of (256,)" in printed
    assert "shards    500 + 500, each once: True" in printed
    assert "stopped   after 3 batches of 8" in printed
    assert "resumed   5 more batches, all 8 as without the stop: True" in printed


@pytest.mark.slow
def test_the_process_that_makes_records_ends_with_the_example() -> None:
    printed = output_of("custom_data_ref.py")
    ended = [line.split() for line in printed.splitlines() if line.startswith("server")]

    assert [words[-3:] for words in ended] == [["ended", "with", "0"]] * 2
    for words in ended:
        with pytest.raises(ProcessLookupError):
            os.kill(int(words[2]), 0)
