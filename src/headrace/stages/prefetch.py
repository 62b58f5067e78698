"""`prefetch`: what comes before runs ahead, in a thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.contracts import Cursor, Run, marker
from headrace.contracts.errors import whole
from headrace.executors import Ahead, Places
from headrace.stages.ahead import AheadCursor

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Prefetch:
    """Draws up to `n` records ahead in a thread, in order, while the consumer works.

    All that stands before it runs in that thread, from the first read on. Behind workers of a
    DataLoader it keeps `n` records ready beside those in their tasks.

    **Length**: kept. **State**: the state before the oldest record that is not delivered; a state
    loads with any other `n`. **Cost** of a resume: up to `n` records are made again.

    Raises:
        ArgumentError: `n` is below 1.

    Example:
        >>> import headrace as hr
        >>> hr.stream(range(4)).map(lambda x: x * x).prefetch(2).collect()
        [0, 1, 4, 9]
    """

    # How far ahead it runs changes no record.
    content: ClassVar[None] = None

    n: int

    def __post_init__(self) -> None:
        whole("records to prefetch", self.n, least=1, remedy="To prefetch none, leave it out.")

    def __str__(self) -> str:
        # Without `n`: it does not change what comes, so a state may be loaded with another.
        return "prefetch"

    @property
    def title(self) -> str:
        """The name for drawings."""
        return f"prefetch({self.n})"

    @property
    def look_ahead(self) -> int:
        """How many records may be drawn and not delivered."""
        return self.n

    def length(self, before: int | None) -> int | None:
        return before

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> AheadCursor:
        ahead = Ahead(parent, Places(marker(parent)()), buffer=self.n)
        run.shared.watch(ahead)
        return AheadCursor(ahead)
