"""The main job on real data: cache, train, kill, resume, compare. Run it by `make demo`.

It exits with 1 and says what differs where anything is not as headrace promises.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo_parts.caching import cache_digits, cache_photos
from demo_parts.failure import DemoFailure
from demo_parts.model import Classifier
from demo_parts.plot import draw_curves
from demo_parts.processes import Kill, Trainer
from demo_parts.report import Report
from demo_parts.runs import Run, check_equal, check_steps, continued
from demo_parts.training import accuracy, split_digits
from rich.console import Console

OUTPUT = Path(__file__).parents[1] / "build" / "demo"
THREADS = 3
# The kill comes after a third of the epochs, and 40 % of the next one.
EPOCH_PART_BEFORE_KILL = 0.4


@dataclass(frozen=True)
class Size:
    """How much the demo does."""

    photos: int
    epochs: int


FULL = Size(photos=3000, epochs=12)
QUICK = Size(photos=300, epochs=6)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parsed(arguments)
    report = Report(Console())
    start = time.perf_counter()
    try:
        run(options.output.resolve(), QUICK if options.quick else FULL, report)
    except DemoFailure as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    report.say(f"\nDone in {time.perf_counter() - start:.0f} s; nothing differed.")
    return 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Cache, train, kill, resume, compare.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where all files go")
    parser.add_argument("--quick", action="store_true", help="fewer photos and epochs")
    return parser.parse_args(arguments)


def run(output: Path, size: Size, report: Report) -> None:
    report.say(f"Everything is written to {output}")
    cache(output, size, report)
    # The cache stays from demo to demo, the training runs begin anew.
    shutil.rmtree(output / "runs", ignore_errors=True)
    (output / "runs").mkdir(parents=True)
    trainer = Trainer(output, size.epochs)
    whole = train(trainer, report)
    kill, resumed = kill_and_resume(trainer, whole, report)
    threads = resume_on_threads(trainer, whole, kill, report)
    picture = output / "loss.png"
    draw_curves(picture, whole, kill.run, resumed, threads)
    report.picture(picture)


def cache(output: Path, size: Size, report: Report) -> None:
    report.section(1, "Slow loaders run once")
    report.say(
        f"   scikit-learn's digits, and {size.photos:,} JPEG crops of photographs, decoded and "
        "augmented.\n   Each of two runs asks the cached loader, then reads every record once.\n"
        "   Calls says how often the loader itself had to run."
    )
    report.cached([cache_digits(output), cache_photos(output, size.photos)])


def train(trainer: Trainer, report: Report) -> Run:
    report.section(2, "Training without interruption")
    report.say(
        "   A small classifier learns the digits: shuffled anew each epoch, moved a little,\n"
        "   32 a batch. This run, in a process of its own, is what the others are compared with."
    )
    whole = trainer.run_to_end("uninterrupted")
    report.epochs(whole)
    _, test = split_digits(trainer.output / "storage")
    share = accuracy(Classifier(whole.arrays), test)
    report.say(f"   It names {share:.1%} of {len(test)} digits rightly that it never saw.")
    return whole


def kill_and_resume(trainer: Trainer, whole: Run, report: Report) -> tuple[Kill, Run]:
    report.section(3, "Killed in mid-epoch, resumed in a new process")
    kill = trainer.run_and_kill("killed", report_at=kill_step(whole))
    report.kill(kill)
    check_steps(whole, kill.run)
    resumed = trainer.run_to_end("resumed", resume_from="killed")
    report.around_kill(whole, kill.run, resumed)
    check_equal(whole, continued(kill.run, resumed))
    report.equal(whole)
    return kill, resumed


def resume_on_threads(trainer: Trainer, whole: Run, kill: Kill, report: Report) -> Run:
    report.section(4, f"The same checkpoint, resumed with {THREADS} threads")
    report.say(f"   hr.Threads({THREADS}) in place of hr.Inline(), nothing else changes.")
    threads = trainer.run_to_end("resumed on threads", threads=THREADS, resume_from="killed")
    check_equal(whole, continued(kill.run, threads))
    report.equal(whole)
    return threads


def kill_step(whole: Run) -> int:
    """The step after which the second process is to be killed: amid an epoch."""
    epochs = whole.steps[-1].epoch + 1
    steps_per_epoch = len(whole.steps) // epochs
    return int((epochs // 3 + EPOCH_PART_BEFORE_KILL) * steps_per_epoch)


if __name__ == "__main__":
    sys.exit(main())
