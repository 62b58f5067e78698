"""`make demo`, quick: what it prints, what it leaves, and that it fails where runs differ."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

# Any, in this file: the demo's modules are found at run time, beside no package of ours.

EXAMPLES = Path(__file__).parents[2] / "examples"
PNG_BEGIN = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Demo:
    """A finished demo: what it printed, and the folder it worked in."""

    printed: str
    output: Path


def run_demo(output: Path) -> Demo:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "demo.py"), "--quick", "--output", str(output)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Demo(done.stdout, output)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    for name in ("skimage", "sklearn", "matplotlib", "PIL"):
        pytest.importorskip(name)
    return run_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("demo_parts.runs")


def calls(printed: str, dataset: str) -> tuple[int, int]:
    """How often the loader of a dataset was called in the first run, and in the second."""
    row = next(line for line in printed.splitlines() if line.split()[:1] == [dataset])
    found = re.search(r" s +(\d+) +[\d.]+ s +(\d+) ", row)
    assert found is not None, row
    return int(found[1]), int(found[2])


@pytest.mark.slow
def test_the_demo_calls_each_loader_once(demo: Demo) -> None:
    assert calls(demo.printed, "digits") == (1, 0)
    assert calls(demo.printed, "photos") == (1, 0)


@pytest.mark.slow
def test_a_second_demo_finds_the_cache_and_ends_well(demo: Demo) -> None:
    again = run_demo(demo.output)

    assert calls(again.printed, "photos") == (0, 0)
    assert "photos: in the cache already, an earlier demo built it in" in again.printed


@pytest.mark.slow
def test_the_demo_kills_a_training_process_in_mid_epoch(demo: Demo, runs: ModuleType) -> None:
    whole, killed, resumed, _ = read_runs(demo, runs)

    assert re.search(r"killed by SIGKILL \(exit code -9\) in epoch 2", demo.printed)
    last = killed.steps[-1].step
    assert killed.saved_step <= last < len(whole.steps)
    assert whole.steps[last].epoch == whole.steps[last - 1].epoch == killed.steps[-1].epoch
    assert resumed.steps[0].step == killed.saved_step + 1


@pytest.mark.slow
def test_both_resumed_runs_equal_the_uninterrupted_one(demo: Demo, runs: ModuleType) -> None:
    whole, killed, *resumed = read_runs(demo, runs)
    equal = f"{whole.record_count:,} record ids,\n   {len(whole.steps)} losses, and all weights."

    assert demo.printed.count(f"Equal to the uninterrupted run, bit for bit: {equal}") == 2
    for run in resumed:
        kept = [step for step in killed.steps if step.step <= killed.saved_step]
        assert [step.ids for step in (*kept, *run.steps)] == [step.ids for step in whole.steps]
        assert [step.loss for step in (*kept, *run.steps)] == [step.loss for step in whole.steps]
    assert sorted(i for step in whole.steps if step.epoch == 1 for i in step.ids) == sorted(
        i for step in whole.steps if step.epoch == 0 for i in step.ids
    )


@pytest.mark.slow
def test_the_loss_curves_are_drawn_as_a_png(demo: Demo) -> None:
    picture = demo.output / "loss.png"

    assert str(picture) in demo.printed
    assert picture.read_bytes().startswith(PNG_BEGIN)


def read_runs(demo: Demo, runs: ModuleType) -> list[Any]:
    folder = demo.output / "runs"
    return [
        runs.read_log(name, folder / f"{name}.jsonl", folder / f"{name}.npz")
        for name in ("uninterrupted", "killed", "resumed", "resumed on threads")
    ]


def two_steps(runs: ModuleType) -> Any:
    steps = (runs.Step(1, 0, (3, 1), 0.5), runs.Step(2, 0, (2, 0), 0.25))
    return runs.Run("uninterrupted", steps, 2, {"w1": np.array([0.5])})


def test_equal_runs_pass(runs: ModuleType) -> None:
    runs.check_equal(two_steps(runs), replace(two_steps(runs), name="resumed"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda run: replace(run, steps=run.steps[:1]),
            "'resumed' made 1 steps, 'uninterrupted' 2; expected as many",
        ),
        (
            lambda run: replace(run, steps=(run.steps[0], replace(run.steps[1], ids=(0, 2)))),
            r"step 2 of 'resumed' read records \[0, 2\] of epoch 0; 'uninterrupted' read \[2, 0\]",
        ),
        (
            lambda run: replace(
                run, steps=(run.steps[0], replace(run.steps[1], loss=np.nextafter(0.25, 1)))
            ),
            "step 2 of 'resumed' had the loss .*; 'uninterrupted' had 0.25",
        ),
        (
            lambda run: replace(run, arrays={"w1": np.array([0.75])}),
            "'resumed' ended with another w1 than 'uninterrupted', by up to 0.25",
        ),
    ],
    ids=["steps", "ids", "loss by one bit", "weights"],
)
def test_a_run_that_differs_fails_the_demo(
    runs: ModuleType, change: Callable[[Any], Any], message: str
) -> None:
    whole = two_steps(runs)

    with pytest.raises(runs.DemoFailure, match=message):
        runs.check_equal(whole, replace(change(whole), name="resumed"))


@pytest.mark.slow
def test_a_difference_ends_the_demo_with_1(
    demo: Demo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = shutil.copytree(demo.output, tmp_path / "demo")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    main = importlib.import_module("demo")
    # A resumed run that begins a step too late, as a loader with a wrong state would.
    real = main.continued
    monkeypatch.setattr(main, "continued", lambda before, after: skipped(real(before, after)))

    assert main.main(["--quick", "--output", str(output)]) == 1
    assert "The demo failed: 'resumed' made" in capsys.readouterr().err


@pytest.mark.slow
def test_a_process_that_ends_unkilled_fails_the_demo(demo: Demo, runs: ModuleType) -> None:
    trainer = importlib.import_module("demo_parts.processes").Trainer(demo.output, 1)

    with pytest.raises(runs.DemoFailure, match="the process to be killed ended by itself"):
        trainer.run_and_kill("never killed", report_at=1_000_000)


@pytest.mark.slow
def test_a_training_process_that_fails_shows_its_error(demo: Demo, runs: ModuleType) -> None:
    trainer = importlib.import_module("demo_parts.processes").Trainer(demo.output, 1)

    with pytest.raises(runs.DemoFailure, match="'odd' ended with 1:(.|\n)*FileNotFoundError"):
        trainer.run_to_end("odd", resume_from="nothing")


def skipped(run: Any) -> Any:
    return replace(run, steps=run.steps[:-1])


def test_a_line_that_the_kill_cut_is_left_out(runs: ModuleType, tmp_path: Path) -> None:
    checkpoint = importlib.import_module("demo_parts.checkpoint")
    log, saved = tmp_path / "run.jsonl", tmp_path / "run.npz"
    log.write_text('{"step": 1, "epoch": 0, "ids": [4], "loss": 0.1}\n{"step": 2, "epo')
    checkpoint.save(saved, {"w1": np.zeros(2)}, 1, {"at": 1})

    assert runs.read_log("killed", log, saved).steps == (runs.Step(1, 0, (4,), 0.1),)
