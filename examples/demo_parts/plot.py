"""The loss curves of the uninterrupted and the resumed runs, as one picture."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from demo_parts.runs import Run, Step

# Okabe and Ito (2008): told apart with every kind of colour vision, and in grey.
SKY, ORANGE, BLUE, GREEN, RED = "#56B4E9", "#E69F00", "#0072B2", "#009E73", "#D55E00"
INK, QUIET = "#222222", "#777777"
WIDE_CM, HIGH_CM, CM_PER_INCH = 30, 15, 2.54
DPI = 150
STEPS_BEFORE, STEPS_AFTER = 8, 10


def draw_curves(path: Path, whole: Run, killed: Run, resumed: Run, threads: Run) -> None:
    """Writes a PNG: all steps on the left, those around the kill on the right.

    `resumed` and `threads` hold only what was done after the resume.
    """
    figure = Figure(
        figsize=(WIDE_CM / CM_PER_INCH, HIGH_CM / CM_PER_INCH), dpi=DPI, layout="constrained"
    )
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    _draw_all_steps(left, whole, killed, resumed)
    _draw_around_kill(right, whole, killed, resumed, threads)
    figure.suptitle(
        "Killed in mid-epoch, resumed in a new process: the same losses, bit for bit",
        fontsize=15,
        fontweight="bold",
        color=INK,
    )
    figure.supxlabel("training step", fontsize=11, color=INK)
    figure.savefig(path)


def _draw_all_steps(axes: Axes, whole: Run, killed: Run, resumed: Run) -> None:
    axes.plot(*_points(whole.steps), color=SKY, linewidth=4, alpha=0.6, label="uninterrupted")
    axes.plot(*_points(killed.steps), color=BLUE, linewidth=0.9, label="killed")
    axes.plot(*_points(resumed.steps), color=RED, linewidth=0.9, label="resumed")
    kill_step = killed.steps[-1].step
    axes.axvline(kill_step, color=INK, linestyle="--", linewidth=1)
    axes.annotate(
        f"SIGKILL\nafter step {kill_step}",
        xy=(kill_step, 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(6, 0),
        textcoords="offset points",
        verticalalignment="top",
        color=INK,
    )
    axes.set_title(f"All {len(whole.steps)} steps", loc="left", color=INK)
    _style(axes)
    axes.legend(frameon=False, loc="upper right")


def _draw_around_kill(axes: Axes, whole: Run, killed: Run, resumed: Run, threads: Run) -> None:
    kill_step, saved_step = killed.steps[-1].step, killed.saved_step
    shown = range(saved_step - STEPS_BEFORE, kill_step + STEPS_AFTER)
    near = [[step for step in run.steps if step.step in shown] for run in (whole, killed)]
    axes.axvspan(saved_step + 0.5, kill_step + 0.5, color=ORANGE, alpha=0.15, linewidth=0)
    axes.plot(*_points(near[0]), color=SKY, linewidth=4, alpha=0.6, label="uninterrupted")
    axes.plot(*_points(near[1]), "s", color=BLUE, markersize=9, fillstyle="none", label="killed")
    for run, colour, mark, size, name in (
        (resumed, RED, "o", 5, "resumed, Inline()"),
        (threads, INK, "+", 9, "resumed, Threads(3)"),
    ):
        steps = [step for step in run.steps if step.step in shown]
        axes.plot(*_points(steps), mark, color=colour, markersize=size, label=name)
    axes.axvline(saved_step + 0.5, color=GREEN, linewidth=1.5, label="last checkpoint")
    axes.axvline(kill_step + 0.5, color=INK, linestyle="--", linewidth=1, label="SIGKILL")
    axes.set_title("Around the kill: the shaded steps were done twice", loc="left", color=INK)
    _style(axes)
    axes.legend(frameon=False, loc="upper left", fontsize=8.5, ncols=2)
    # Room for the legend over the points.
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** 0.45)


def _points(steps: list[Step] | tuple[Step, ...]) -> tuple[list[int], list[float]]:
    return [step.step for step in steps], [step.loss for step in steps]


def _style(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.set_ylabel("loss of the batch (cross-entropy, log scale)", color=INK)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(which="both", color=QUIET, labelcolor=INK)
