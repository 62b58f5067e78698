"""The ledger: what loaders have delivered, written down while they deliver it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from headrace.contracts.errors import ArgumentError


@dataclass(frozen=True)
class Ledger:
    """A folder in which DataLoaders note what they deliver, for `hr.audit`.

    Each loader writes a file of its own there, so that all ranks and all restarts of a run share
    one folder: some 5 bytes and 4 us a batch, 18 us in a chain with a filter. A batch is noted
    when it is handed out, and what was noted outlives the process, also a killed one. A run that
    starts over takes another folder.

    The chain must be one whose places are positions: what stands over whole chains (a zip or
    repeat of filtered streams, `through`, `cache`) and `async_map(ordered=False)` are refused when
    the loader is made.

    Raises:
        ArgumentError: `path` is no path.

    Example:
        >>> import headrace as hr
        >>> stream = hr.DataRef.from_sequence(range(100)).shuffle(seed=7).stream().batch(8)
        >>> with hr.DataLoader(stream, ledger=hr.Ledger("ledger")) as loader:
        ...     count = sum(1 for _ in loader)
        >>> hr.audit("ledger").is_proven
        True
    """

    path: str | os.PathLike[str]

    def __post_init__(self) -> None:
        given: object = self.path
        if not isinstance(given, str | os.PathLike) or not str(given):
            raise ArgumentError(
                f"a ledger is kept in a folder, and its path was given as {given!r}. "
                'Write it like hr.Ledger("runs/ledger"); the folder is made where it is missing.'
            )

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return Path(self.path)
