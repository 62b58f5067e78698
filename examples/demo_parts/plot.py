"""The loss curves of the uninterrupted and the resumed runs, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MultipleLocator

from demo_parts.runs import Run, Step

# Okabe and Ito (2008): told apart with every kind of colour vision, and in grey.
SKY, BLUE, VERMILLION, GREEN = "#56B4E9", "#0072B2", "#D55E00", "#009E73"
INK, QUIET, SHADE = "#222222", "#777777", "#F3EAD3"
WIDE_INCHES, HIGH_INCHES, PAD_INCHES, DPI = 12, 6, 0.13, 150
TITLE = "Killed in mid-epoch and resumed: the same loss curve, bit for bit"
STEPS_BEFORE, STEPS_AFTER, STEPS_BETWEEN_TICKS = 6, 8, 5


def draw_curves(path: Path, whole: Run, killed: Run, resumed: Run, threads: Run) -> None:
    """Writes a PNG: all steps on the left, those around the kill on the right.

    `resumed` and `threads` hold only what was done after the resume.
    """
    layout = ConstrainedLayoutEngine(w_pad=PAD_INCHES, h_pad=PAD_INCHES)
    figure = Figure(figsize=(WIDE_INCHES, HIGH_INCHES), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=[5, 4])
    _draw_all_steps(left, whole, killed, resumed)
    _draw_around_kill(right, whole, killed, resumed, threads)
    figure.suptitle(TITLE, x=0.012, ha="left", fontsize=16, fontweight="bold", color=INK)
    figure.savefig(path)


def _draw_all_steps(axes: Axes, whole: Run, killed: Run, resumed: Run) -> None:
    """The kill splits the curve in the colours of the two processes."""
    axes.plot(*_points(whole.steps), color=SKY, linewidth=4.5, alpha=0.6, label="uninterrupted")
    axes.plot(*_points(killed.steps), color=BLUE, linewidth=1, label="killed process")
    axes.plot(*_points(resumed.steps), color=VERMILLION, linewidth=1, label="resumed process")
    kill_step = killed.steps[-1].step
    axes.axvline(kill_step, color=INK, linestyle=(0, (4, 3)), linewidth=1.2)
    axes.annotate(
        f"SIGKILL after step {kill_step},\nin epoch {killed.steps[-1].epoch}",
        xy=(kill_step, 0.6),
        xycoords=("data", "axes fraction"),
        xytext=(8, 0),
        textcoords="offset points",
        color=INK,
    )
    _style(axes, f"All {len(whole.steps)} steps of {whole.steps[-1].epoch + 1} epochs")
    axes.set_xlim(0, len(whole.steps) + 1)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("loss of the batch (cross-entropy)", color=INK)
    axes.legend(frameon=False, loc="upper right", labelcolor=INK)


def _draw_around_kill(axes: Axes, whole: Run, killed: Run, resumed: Run, threads: Run) -> None:
    """Each step as a mark, one inside the other where several processes did it."""
    kill_step, saved_step = killed.steps[-1].step, killed.saved_step
    shown = range(saved_step - STEPS_BEFORE, kill_step + STEPS_AFTER + 1)
    axes.axvspan(saved_step + 0.5, kill_step + 0.5, color=SHADE, label="steps done twice")
    axes.plot(
        *_points(whole.steps, shown), color=SKY, linewidth=4.5, alpha=0.6, label="uninterrupted"
    )
    axes.axvline(saved_step + 0.5, color=GREEN, linewidth=2, label="last checkpoint")
    axes.axvline(kill_step + 0.5, color=INK, linestyle=(0, (4, 3)), linewidth=1.2, label="SIGKILL")
    for run, colour, mark, size, name in (
        (killed, BLUE, "s", 11, "killed process"),
        (resumed, VERMILLION, "o", 7, "resumed, Inline()"),
        (threads, INK, "x", 6, "resumed, Threads(3)"),
    ):
        axes.plot(
            *_points(run.steps, shown),
            mark,
            color=colour,
            markersize=size,
            markeredgewidth=1.5,
            fillstyle="full" if mark == "o" else "none",
            label=name,
        )
    _style(axes, "Around the kill")
    axes.xaxis.set_major_locator(MultipleLocator(STEPS_BETWEEN_TICKS))
    # Under the axes, where no point can be.
    axes.legend(
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.13),
        ncols=3,
        fontsize=9,
        labelcolor=INK,
    )


def _points(steps: Sequence[Step], shown: range | None = None) -> tuple[list[int], list[float]]:
    kept = [step for step in steps if shown is None or step.step in shown]
    return [step.step for step in kept], [step.loss for step in kept]


def _style(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", color=INK, fontsize=12)
    axes.set_xlabel("training step", color=INK)
    axes.grid(axis="y", color="#E3E3E3", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(color=QUIET, labelcolor=INK)
