"""A progress bar for long work: on a terminal or notebook, on rank 0, to stderr."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from headrace.settings import Settings, current_settings

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
        self._console = console or Console(stderr=True)
        self._wanted = _is_wanted(self._console, settings or current_settings())
        self._show_at = time.monotonic() + show_after_s
        self._drawn: Progress | None = None
        self._row = TaskID(0)

    def advance(self, count: int) -> None:
        """Adds `count` to what is done."""
        self.done += count
        if not self._wanted:
            return
        if self._drawn is None and time.monotonic() >= self._show_at:
            drawn = _bar(self._console)
            self._row = drawn.add_task(self.title, total=self.total)
            drawn.start()
            self._drawn = drawn
        if self._drawn is not None:
            self._drawn.update(self._row, completed=self.done)

    def close(self) -> None:
        """Takes the bar off the screen."""
        if self._drawn is not None:
            self._drawn.stop()
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


def _is_wanted(console: Console, settings: Settings) -> bool:
    visible = console.is_terminal or console.is_jupyter
    return visible and settings.show_progress and settings.rank == 0


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
