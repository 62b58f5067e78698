"""Notes on errors out of user code: where in which data they happened."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts import Run
from headrace.engine.feed import AddressedFeed, Feed
from headrace.engine.fuse import Fused
from headrace.engine.segment import Segment, grouped

# The outermost last: the frames of a traceback meet the loops from the last one on.
def failed_in(error: BaseException, levels: list[Fused]) -> str | None:
    """The stage that raised, as the traceback tells; None where it was none of these."""
    left = list(levels)
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code is grouped.__code__:
            return str(frame.f_locals["stage"])
        if left and left[-1].runs(frame):
            # A loop that only passes the error on was drawing from the loops before it.
            kernel = left.pop().called(trace.tb_lineno)
            if kernel is not None:
                return kernel.name
        trace = trace.tb_next
    return None


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
            found = feed.indices(start, stop)[..., :8]
            is_one = self.segment.unit == 1
            index = f", index {found[..., 0]}" if is_one else f", indices {found.tolist()}"
        error.add_note(
            f"{NOTE_START}{self._stage(error)} over {self.identity}, "
            f"epoch {self.run.epoch}, {where}{index}"
        )

    def _stage(self, error: BaseException) -> str:
        levels = [level for level in self.segment.levels if isinstance(level, Fused)]
        return failed_in(error, levels) or "the source"
