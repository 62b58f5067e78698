"""A progress bar for long work: on a terminal or notebook, on rank 0, to stderr."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from headrace.deferred import rich_console, rich_progress
from headrace.settings import Settings, current_settings

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

# Shorter work ends before a person has read the bar.
SHOW_AFTER_S = 1.0


class ProgressBar:
    """Counts what is done, and draws it once the work has taken a second.

    While another display of rich is on the terminal, it waits until that is gone: two would
    draw over each other.

    Example:
        >>> with ProgressBar("digits 1.0", total=3) as bar:
        ...     bar.advance(3)
        >>> bar.done
        3
    """

    def __init__(
        self,
        title: str,
        *,
        total: int | None = None,
        settings: Settings | None = None,
        console: Console | None = None,
        show_after_s: float = SHOW_AFTER_S,
    ) -> None:
        self.title = title
        self.total = total
        self.done = 0
        self._console = console
        chosen = settings or current_settings()
        self._wanted = chosen.show_progress and chosen.rank == 0
        self._show_at = time.monotonic() + show_after_s
        self._drawn: tuple[Progress, TaskID] | None = None

    def advance(self, count: int, *, speed: str = "") -> None:
        """Adds `count` to what is done; `speed` is shown beside it."""
        self.done += count
        is_due = self._wanted and self._drawn is None and time.monotonic() >= self._show_at
        if is_due and not _is_taken():
            self._draw(speed)
        if self._drawn is not None:
            bar, row = self._drawn
            bar.update(row, completed=self.done, speed=speed)

    def close(self) -> None:
        """Takes the bar off the screen."""
        if self._drawn is not None:
            bar, _ = self._drawn
            bar.stop()
            self._drawn = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _draw(self, speed: str) -> None:
        """Starts the bar, if somebody can see it; else nobody asks again."""
        console = self._console or rich_console.Console(stderr=True)
        self._wanted = console.is_terminal or console.is_jupyter
        if self._wanted:
            bar = _bar(console)
            self._drawn = (
                bar,
                bar.add_task(self.title, total=self.total, completed=self.done, speed=speed),
            )
            bar.start()


def _is_taken() -> bool:
    """Whether a display of rich is on the terminal: it puts a proxy in the place of stderr."""
    return hasattr(sys.stderr, "rich_proxied_file")


def _bar(console: Console) -> Progress:
    return rich_progress.Progress(
        # Brackets in the name of a dataset are no markup.
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TextColumn("{task.fields[speed]}"),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TimeRemainingColumn(),
        console=console,
        transient=True,
        # What is printed meanwhile goes above the bar; but into a file where a file was wanted.
        redirect_stdout=sys.stdout.isatty(),
    )
