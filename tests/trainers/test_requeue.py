"""A job that is told to end, or is killed, and started again: as one that nothing stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "train_requeue.py"
REQUEUE = 75
# More than a run comes to before it is told to end.
ENDLESS = 1_000_000
TIMEOUT_S = 60


def begun(checkpoint: Path, *, epochs: int, workers: int) -> subprocess.Popen[str]:
    options = ["--epochs", str(epochs), "--workers", str(workers)]
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(SCRIPT), str(checkpoint), *options],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def stopped(checkpoint: Path, number: signal.Signals, *, workers: int) -> tuple[int, list[str]]:
    """How a run ends that is told to in the middle, as SLURM does: all its processes."""
    with begun(checkpoint, epochs=ENDLESS, workers=workers) as run:
        assert run.stdout is not None
        lines = [next(run.stdout) for _ in range(60)]
        os.killpg(run.pid, number)
        return run.wait(TIMEOUT_S), lines + list(run.stdout)


def finished(checkpoint: Path, *, epochs: int) -> list[str]:
    with begun(checkpoint, epochs=epochs, workers=0) as run:
        assert run.stdout is not None
        lines = list(run.stdout)
        assert run.wait(TIMEOUT_S) == 0
        return lines


def epochs_of(lines: list[str]) -> int:
    """How many epochs a run needs to get further than these lines."""
    return len(lines) // 50 + 2


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGUSR1, 0), (signal.SIGTERM, 1)], ids=["usr1", "term, workers"]
)
def test_a_job_that_is_told_to_end_goes_on_as_if_nothing_had_been(
    tmp_path: Path, number: signal.Signals, workers: int
) -> None:
    code, before = stopped(tmp_path / "run.npz", number, workers=workers)
    epochs = epochs_of(before)
    after = finished(tmp_path / "run.npz", epochs=epochs)

    assert code == REQUEUE
    assert before + after == finished(tmp_path / "other.npz", epochs=epochs)
    assert len(before + after) == epochs * 50 + 1


def test_a_job_that_is_killed_repeats_what_it_had_not_saved(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    with begun(path, epochs=ENDLESS, workers=0) as run:
        assert run.stdout is not None
        before = [next(run.stdout) for _ in range(120)]
        run.kill()
        before += run.stdout.readlines()
    # The kill may have torn the last line.
    before = [line for line in before if line.endswith("\n")]
    epochs = epochs_of(before)
    after = finished(path, epochs=epochs)

    whole = finished(tmp_path / "other.npz", epochs=epochs)
    first = int(after[0].split()[1])
    assert first % 100 == 1
    assert before[: first - 1] + after == whole
    assert before == whole[: len(before)]
