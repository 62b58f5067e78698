"""The Keras example runs as its readers run it, and resumes exactly."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits_keras.py"


@pytest.mark.slow
def test_the_second_half_is_trained_on_and_a_cut_off_run_ends_with_equal_weights() -> None:
    for module in ("tensorflow", "keras", "sklearn"):
        pytest.importorskip(module)
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr
    accuracy = re.search(r"224 steps, accuracy (\S+) on the first half", done.stdout)

    assert "offset    the first pass has 899 records, the second 1797" in done.stdout
    assert accuracy is not None
    assert float(accuracy[1]) > 0.85
    assert "stopped   after 100 steps, in epoch 3.57" in done.stdout
    assert "resumed   124 more steps, weights equal: True" in done.stdout
