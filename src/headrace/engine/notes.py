"""Notes on errors out of user code: where in which data they happened."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts import Run
from headrace.engine.feed import AddressedFeed, Feed
from headrace.engine.fuse import Fused
from headrace.engine.segment import Segment

# Marks a note of ours, so that an error gets one note however often it is raised.
NOTE_START = "headrace: in "


@dataclass(frozen=True)
class Origin:
    """What is known of a segment's data, for notes."""

    identity: str
    segment: Segment
    run: Run

    def annotate(self, error: BaseException, feed: Feed, unit: int) -> None:
        """Adds stage, dataset version, epoch, position and index to an error."""
        if any(note.startswith(NOTE_START) for note in getattr(error, "__notes__", ())):
            return
        start = unit * self.segment.unit
        stop = start + self.segment.unit
        where = (
            f"position {start}" if self.segment.unit == 1 else f"positions {start} to {stop - 1}"
        )
        index = ""
        if isinstance(feed, AddressedFeed) and start < feed.count:
            # More than eight indices would hide the rest of the note.
            found = feed.indices(start, stop)[..., :8].tolist()
            index = f", index {found[0]}" if self.segment.unit == 1 else f", indices {found}"
        error.add_note(
            f"{NOTE_START}{self._stage(error)} over {self.identity}, "
            f"epoch {self.run.epoch}, {where}{index}"
        )

    def _stage(self, error: BaseException) -> str:
        for level in self.segment.levels:
            if isinstance(level, Fused):
                kernel = level.failed(error.__traceback__)
                if kernel is not None:
                    return kernel.name
        return "the source"
