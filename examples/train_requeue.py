"""A training job that saves itself when it is told to end, and goes on when it is started again.

SLURM warns a job before it preempts it or its time is over. At SIGTERM or SIGUSR1 this one
finishes its batch, saves model and loader in one atomic step, and exits with `REQUEUE`. Started
again it goes on with the next batch, and ends with the weights of a run that nothing stopped.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import headrace as hr

# Any, in this file: records and states are plain dicts.
Weights = npt.NDArray[np.float64]

COUNT = 1000
BATCH = 20
RATE = 0.05
# EX_TEMPFAIL of sysexits.h: not done, start it again.
REQUEUE = 75


class Told:
    """Whether a signal has told this process to end; it ends nothing by itself."""

    def __init__(self) -> None:
        self.to_end = False
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: object) -> None:
        self.to_end = True


def point(index: int) -> dict[str, Any]:
    """A record: where it is, and what the model shall say of it."""
    x = np.array([1.0, index / COUNT])
    return {"id": index, "x": x, "y": 3.0 - 2.0 * x[1]}


def batches() -> hr.Stream[Any]:
    """What is trained on."""
    return hr.DataRef.from_sequence(range(COUNT)).shuffle(seed=7).stream().map(point).batch(BATCH)


def trained(weights: Weights, batch: dict[str, Any]) -> Weights:
    """The weights after a step of gradient descent."""
    error = batch["x"] @ weights - batch["y"]
    return np.asarray(weights - RATE * batch["x"].T @ error / len(error))


def save(path: Path, weights: Weights, step: int, state: dict[str, Any]) -> None:
    """Writes one file with all that a run needs: the old one or the new one, never a part."""
    aside = path.with_suffix(".aside")
    with aside.open("wb") as file:
        np.savez(file, weights=weights, step=step, loader=json.dumps(state))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def load(path: Path, loader: hr.DataLoader[Any]) -> tuple[Weights, int]:
    """Weights and step of a saved run, and the loader set to its place; a new run without one."""
    if not path.exists():
        return np.zeros(2), 0
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as saved:
        loader.load_state_dict(json.loads(str(saved["loader"])))
        return saved["weights"], int(saved["step"])


def train(path: Path, *, epochs: int, workers: int, save_every: int) -> int:
    """Trains from where `path` says; gives the status to exit with."""
    told = Told()
    backend = hr.Processes(workers) if workers else hr.Inline()
    with hr.DataLoader(batches(), backend=backend) as loader:
        weights, step = load(path, loader)
        while loader.epoch < epochs:
            for batch in loader:
                weights, step = trained(weights, batch), step + 1
                print("step", step, *batch["id"], flush=True)
                if told.to_end or step % save_every == 0:
                    save(path, weights, step, loader.state_dict())
                if told.to_end:
                    return REQUEUE
        print("weights", *weights)
    return 0


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("path", type=Path, help="the checkpoint, an .npz file")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0, help="processes that make the batches")
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")
    told = parser.parse_args()
    return train(told.path, epochs=told.epochs, workers=told.workers, save_every=told.save_every)


if __name__ == "__main__":
    sys.exit(main())
