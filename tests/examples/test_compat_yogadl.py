"""The examples in YogaDL's names run as their readers run them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "compat"

pytestmark = pytest.mark.slow


# One after the other: to start TensorFlow takes longer than what the examples do.
PROGRAM = "import runpy, sys; [runpy.run_path(path, run_name='__main__') for path in sys.argv[1:]]"
WALKTHROUGH = [
    "tf.Tensor([5 1 9 6 7], shape=(5,), dtype=int64)",
    "tf.Tensor([1 7 3 9 8], shape=(5,), dtype=int64)",
    "tf.Tensor([2 6 0 4 5], shape=(5,), dtype=int64)",
    "tf.Tensor([9 5 3 0 8], shape=(5,), dtype=int64)",
    "tf.Tensor([6 7 4 1 2], shape=(5,), dtype=int64)",
    "making range 2.0",
    "10 records",
    "10 records",
]


def output_of(*command: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_walkthrough_prints_the_documents_numbers_and_keras_trains_on_the_second_half() -> None:
    for module in ("tensorflow", "keras", "sklearn"):
        pytest.importorskip(module)
    paths = [str(EXAMPLES / name) for name in ("walkthrough.py", "digits_keras.py")]
    printed = output_of("-c", PROGRAM, *paths)

    assert printed[: len(WALKTHROUGH)] == WALKTHROUGH
    half, trained = printed[len(WALKTHROUGH) :]
    accuracy = re.search(r"accuracy (\S+) on", trained)
    assert half.startswith("half      29 steps")
    assert accuracy is not None
    assert float(accuracy[1]) > 0.85


def test_records_of_another_process_are_sharded_shuffled_and_resumed() -> None:
    assert output_of(str(EXAMPLES / "custom_data_ref.py")) == [
        "records   100, the first {'id': 0, 'square': 0}",
        "shards    each record once: True",
        "offset    60 records, then 100",
        "resumed   8 batches, as without a stop: True",
    ]
