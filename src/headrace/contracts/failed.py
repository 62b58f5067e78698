"""A record that could not be made, kept in its place until a policy decides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Guard:
    """What an `on_error` allows: how many failures, and where they are listed.

    `budget` is a number of records of an epoch, or a share of them; None allows any number.
    """

    budget: int | float | None = None
    quarantine: Path | None = None


class Left:
    """What a skipped record leaves: nothing."""


LEFT: Final = Left()


@dataclass(frozen=True)
class Failed:
    """What stands for a record between the stage that failed and its `on_error`.

    Stages between the two pass it on as it is; nothing else ever sees one.
    """

    error: Exception
    # The name of the stage whose function failed.
    stage: str
