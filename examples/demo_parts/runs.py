"""What a run wrote down, and whether two runs are equal, bit for bit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo_parts import checkpoint
from demo_parts.failure import DemoFailure


@dataclass(frozen=True)
class Step:
    """One step of training: which records, and the loss."""

    step: int
    epoch: int
    ids: tuple[int, ...]
    loss: float


@dataclass(frozen=True)
class Run:
    """The steps of one process, and what its last checkpoint holds."""

    name: str
    steps: tuple[Step, ...]
    saved_step: int
    arrays: checkpoint.Arrays

    @property
    def record_count(self) -> int:
        """How many records it trained on, over all epochs."""
        return sum(len(step.ids) for step in self.steps)


def read_log(name: str, log: Path, saved: Path) -> Run:
    """The run that a process wrote down, complete lines only: a kill may cut the last one."""
    lines = log.read_text("utf-8").splitlines(keepends=True)
    read = (json.loads(line) for line in lines if line.endswith("\n"))
    steps = (Step(one["step"], one["epoch"], tuple(one["ids"]), one["loss"]) for one in read)
    arrays, saved_step, _ = checkpoint.load(saved)
    return Run(name, tuple(steps), saved_step, arrays)


def continued(before: Run, after: Run) -> Run:
    """One run made of two processes: the second goes on at the checkpoint of the first."""
    kept = tuple(step for step in before.steps if step.step <= before.saved_step)
    return Run(after.name, kept + after.steps, after.saved_step, after.arrays)


def check_equal(expected: Run, found: Run) -> None:
    """Compares two whole runs: record ids and losses step by step, then the models.

    Raises:
        DemoFailure: anything differs, by a single bit.
    """
    if len(found.steps) != len(expected.steps):
        raise DemoFailure(
            f"{found.name!r} made {len(found.steps)} steps, "
            f"{expected.name!r} {len(expected.steps)}; expected as many."
        )
    check_steps(expected, found)
    for name, array in expected.arrays.items():
        if array.tobytes() != found.arrays[name].tobytes():
            raise DemoFailure(
                f"{found.name!r} ended with another {name} than {expected.name!r}, by up to "
                f"{np.abs(array - found.arrays[name]).max():g}; expected the same bits."
            )


def check_steps(expected: Run, found: Run) -> None:
    """Compares the steps that `found` made, which may be the first ones only.

    Raises:
        DemoFailure: a step has other record ids or another loss.
    """
    for one, other in zip(expected.steps, found.steps, strict=False):
        if (one.step, one.epoch, one.ids) != (other.step, other.epoch, other.ids):
            raise DemoFailure(
                f"step {other.step} of {found.name!r} read records {list(other.ids)} of epoch "
                f"{other.epoch}; {expected.name!r} read {list(one.ids)} of epoch {one.epoch}."
            )
        if one.loss != other.loss:
            raise DemoFailure(
                f"step {other.step} of {found.name!r} had the loss {other.loss!r}; "
                f"{expected.name!r} had {one.loss!r}."
            )
