"""The training process: `python -m demo_parts.training --help`.

It writes one line a step to a log (step, epoch, record ids, loss) and a checkpoint every few
steps, and can go on from a checkpoint of another process.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

import headrace as hr
from demo_parts import checkpoint
from demo_parts.model import Batch, Classifier

# Any, in this file: records hold arrays and numbers.

SEED = 7
BATCH_SIZE = 32
TRAIN_PART, TEST_PART = 0.8, 0.2
STEPS_BETWEEN_CHECKPOINTS = 10
# How many steps it works on after its report, should nobody kill it: still inside the epoch.
STEPS_AFTER_REPORT = 15
MAX_SHIFT = 1
NOISE = 0.05


def split_digits(storage: Path) -> tuple[hr.DataRef[Any], hr.DataRef[Any]]:
    """The digits to learn from, and those to be tested on."""
    ref = hr.Storage(storage).fetch("digits")
    train, test = ref.split([TRAIN_PART, TEST_PART], seed=SEED)
    return train, test


def moved(digit: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """A digit a pixel to the side or not, with a little noise: another one in each epoch.

    `rng` depends on the seed, the epoch and the position only, so a resumed run draws the same.
    """
    image: npt.NDArray[np.float32] = digit["image"]
    width = image.shape[1]
    left = rng.integers(0, 2 * MAX_SHIFT + 1)
    shifted = np.pad(image, ((0, 0), (MAX_SHIFT, MAX_SHIFT)))[:, left : left + width]
    noise = rng.normal(0, NOISE, image.shape).astype(np.float32)
    return {**digit, "image": shifted + noise}


def batches(train: hr.DataRef[Any]) -> hr.Stream[Any]:
    """All that says what the model learns from, and in which order."""
    return train.shuffle(seed=SEED).stream().map(moved, seeded=True).batch(BATCH_SIZE)


def train(options: argparse.Namespace, log: TextIO) -> None:
    """Trains to the end, from a checkpoint if there is one to go on from."""
    backend = hr.Threads(options.threads) if options.threads else hr.Inline()
    refs = split_digits(options.storage)
    with hr.DataLoader(batches(refs[0]), backend=backend) as loader:
        model, step = Classifier.random(SEED), 0
        if options.resume_from is not None:
            arrays, step, loader_state = checkpoint.load(options.resume_from)
            model = Classifier(arrays)
            loader.load_state_dict(loader_state)
        last_step = options.epochs * len(loader)
        while step < last_step:
            for batch in loader:
                step += 1
                loss = model.train_step(batch)
                write_down(log, step, loader.epoch, batch, loss)
                if step % STEPS_BETWEEN_CHECKPOINTS == 0 or step == last_step:
                    checkpoint.save(options.checkpoint, model.arrays, step, loader.state_dict())
                tell_parent(step, options.report_at)


def accuracy(model: Classifier, test: hr.DataRef[Any]) -> float:
    """The share of the test digits that a model names rightly."""
    everything: Any = test.stream().batch(len(test)).collect()[0]
    return model.accuracy(everything)


def write_down(log: TextIO, step: int, epoch: int, batch: Batch, loss: float) -> None:
    """One line a step. JSON keeps all bits of a float."""
    line = {"step": step, "epoch": epoch, "ids": batch["id"].tolist(), "loss": loss}
    log.write(json.dumps(line) + "\n")
    log.flush()


def tell_parent(step: int, report_at: int | None) -> None:
    """Reports once, then works on; waits a few steps later, so that it never ends unkilled."""
    if report_at is None:
        return
    if step == report_at:
        print("in mid-epoch", flush=True)
    elif step == report_at + STEPS_AFTER_REPORT:
        sys.stdin.read()


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains a classifier on the cached digits.")
    parser.add_argument("--storage", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--threads", type=int, default=0, help="0 means hr.Inline()")
    parser.add_argument("--resume-from", type=Path, help="a checkpoint to go on from")
    parser.add_argument("--report-at", type=int, help="the step after which to call the parent")
    options = parser.parse_args()
    with options.log.open("w", encoding="utf-8") as log:
        train(options, log)


if __name__ == "__main__":
    main()
