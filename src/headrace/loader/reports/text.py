"""The report as text."""

from __future__ import annotations

from headrace.contracts.timing import EpochTime
from headrace.engine import duration
from headrace.loader.reports.facts import Facts

# The first and the last of more epochs are shown.
SHOWN_EPOCHS = 6


def report_text(facts: Facts) -> str:
    """The table, the verdict, the epochs, and what else is known, line by line."""
    lines = [f"runs on {facts.backend}", "", str(facts.stats)]
    if facts.epochs:
        lines += ["", *epoch_lines(facts.epochs)]
    if facts.notes:
        lines += ["", *facts.notes]
    return "\n".join(lines)


def epoch_lines(epochs: tuple[EpochTime, ...]) -> list[str]:
    """A line for each epoch, those in the middle of many left out."""
    lines = [epoch_line(epoch) for epoch in epochs]
    if len(lines) <= SHOWN_EPOCHS:
        return lines
    half = SHOWN_EPOCHS // 2
    return [*lines[:half], f"... {len(lines) - 2 * half} epochs more", *lines[-half:]]


def epoch_line(one: EpochTime) -> str:
    """What an epoch took, and how much of it the loop waited."""
    passed = one.waited_s + one.held_s
    rate = one.outputs / passed if passed else 0.0
    waited = one.waited_s / passed if passed else 0.0
    counted = "1 output" if one.outputs == 1 else f"{one.outputs:,} outputs"
    return (
        f"epoch {one.epoch}: {counted} in {duration(passed)}, {rate:,.0f}/s; "
        f"the loop waited {waited:.0%} of it"
    )
