"""The torch example: trained by torch's workers, stopped and resumed, as its readers run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "torch_digits.py"


@pytest.mark.slow
def test_a_stopped_training_ends_with_the_weights_of_a_whole_one() -> None:
    for name in ("sklearn", "torch"):
        pytest.importorskip(name)
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "stored    1797 digits; 23 batches of 64 an epoch" in done.stdout
    assert "stopped   after 57 steps, in epoch 2" in done.stdout
    assert "all weights as without a stop, bit for bit: True" in done.stdout
    [trained] = [line for line in done.stdout.splitlines() if line.startswith("trained")]
    # By chance one in ten digits would be right.
    assert float(trained.split()[-2].rstrip("%")) > 80
