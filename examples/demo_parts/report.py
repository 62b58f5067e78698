"""What the demo prints: four short sections, each with a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from demo_parts.caching import Cached
from demo_parts.processes import Kill
from demo_parts.runs import Run, Step

BYTES_PER_MB = 1e6
IDS_SHOWN = 3
INDENT = 3
# Which steps the table shows, counted from the last checkpoint: 0 is the last one it holds.
ROWS_AROUND_CHECKPOINT = (0, 1, 2, 3)


class Report:
    """Prints to a terminal, or plainly to a file or pipe."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, text: str = "") -> None:
        """Prints one paragraph."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def section(self, number: int, title: str) -> None:
        """Begins a section."""
        self.say(f"\n[bold]{number}  {title}[/bold]")

    def cached(self, datasets: Sequence[Cached]) -> None:
        """A row for each dataset: how long each run took, how often it called the loader."""
        table = _table("dataset", "records", "size", "run 1", "calls", "run 2", "calls", "faster")
        for one in datasets:
            table.add_row(
                one.dataset,
                f"{one.first.records:,}",
                f"{one.size_bytes / BYTES_PER_MB:.1f} MB",
                f"{one.first.seconds:.3f} s",
                str(one.first.loader_calls),
                f"{one.second.seconds:.3f} s",
                str(one.second.loader_calls),
                "?" if one.times_faster is None else f"{one.times_faster:,.0f}x",
            )
        self._show(table)
        for one in datasets:
            if one.was_there:
                built = "" if one.built_s is None else f" in {one.built_s:.2f} s"
                self.say(
                    f"   {one.dataset}: in the cache already, an earlier demo built it{built}."
                )

    def epochs(self, run: Run) -> None:
        """The mean loss of a few epochs."""
        by_epoch: dict[int, list[float]] = {}
        for step in run.steps:
            by_epoch.setdefault(step.epoch, []).append(step.loss)
        table = _table("epoch", "steps", "mean loss")
        for epoch in sorted({0, 1, len(by_epoch) // 2, len(by_epoch) - 1}):
            losses = by_epoch[epoch]
            table.add_row(str(epoch), str(len(losses)), f"{sum(losses) / len(losses):.4f}")
        self._show(table)

    def kill(self, kill: Kill) -> None:
        """What was killed, when, and what it left."""
        last = kill.run.steps[-1]
        self.say(
            f"   Process {kill.pid} was killed by SIGKILL (exit code {kill.exit_code}) in epoch "
            f"{last.epoch}, after step {last.step}.\n   Its last checkpoint is of step "
            f"{kill.run.saved_step}: {last.step - kill.run.saved_step} steps were lost."
        )

    def around_kill(self, whole: Run, killed: Run, resumed: Run) -> None:
        """The steps around the last checkpoint, and the last one, beside each other."""
        table = _table("step", "process", "record ids", "loss", "uninterrupted", "equal")
        first = {step.step: step for step in whole.steps}
        before = {step.step: step for step in killed.steps}
        after = {step.step: step for step in resumed.steps}
        for offset in ROWS_AROUND_CHECKPOINT:
            number = killed.saved_step + offset
            if number in before:
                _add_step(table, "killed", before[number], first[number])
            if number in after:
                _add_step(table, "resumed", after[number], first[number])
        table.add_section()
        _add_step(table, "resumed", resumed.steps[-1], whole.steps[-1])
        self._show(table)

    def equal(self, whole: Run) -> None:
        """The result of a comparison that found no difference."""
        self.say(
            f"   [green]Equal[/green] to the uninterrupted run, bit for bit: "
            f"{whole.record_count:,} record ids,\n   {len(whole.steps)} losses, and all weights."
        )

    def _show(self, table: Table) -> None:
        self._console.print(Padding(table, (0, 0, 0, INDENT), expand=False))

    def picture(self, path: Path) -> None:
        """Where the plot is."""
        self.say(f"   The loss curves are drawn in {path}")


def _table(*titles: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _add_step(table: Table, process: str, found: Step, expected: Step) -> None:
    ids = " ".join(f"{one:4}" for one in found.ids[:IDS_SHOWN])
    table.add_row(
        str(found.step),
        process,
        f"{ids} ...",
        f"{found.loss:.10f}",
        f"{expected.loss:.10f}",
        "yes" if (found.ids, found.loss) == (expected.ids, expected.loss) else "NO",
    )
