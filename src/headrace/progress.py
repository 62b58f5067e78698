"""A progress bar for long work: on a terminal or notebook, on rank 0, to stderr."""

from __future__ import annotations

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

    def advance(self, count: int) -> None:
        """Adds `count` to what is done."""
        self.done += count
        if self._wanted and self._drawn is None and time.monotonic() >= self._show_at:
            self._draw()
        if self._drawn is not None:
            bar, row = self._drawn
            bar.update(row, completed=self.done)

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

    def _draw(self) -> None:
        """Starts the bar, if somebody can see it; else nobody asks again."""
        console = self._console or rich_console.Console(stderr=True)
        self._wanted = console.is_terminal or console.is_jupyter
        if self._wanted:
            bar = _bar(console)
            self._drawn = bar, bar.add_task(self.title, total=self.total)
            bar.start()


def _bar(console: Console) -> Progress:
    return rich_progress.Progress(
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TimeRemainingColumn(),
        console=console,
        transient=True,
    )
