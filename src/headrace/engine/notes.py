"""Notes on errors out of user code: where in which data they happened."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from headrace.contracts import Run
from headrace.engine.feed import AddressedFeed, DrawnPlaces, Feed
from headrace.engine.fuse import Fused
from headrace.engine.segment import Segment, grouped, regrouped

# Marks a note of ours, so that an error gets one note however often it is raised.
NOTE_START = "headrace: in "

# More would hide the rest of a note.
SHOWN_INDICES = 8


@dataclass(frozen=True)
class Origin:
    """What is known of a segment's data, for notes and for shares.

    `lengths` says how many records come to the guards that allow a share of them, by number;
    `feed` is for stages beside the consumer that can tell of which positions a record came.
    """

    identity: str
    segment: Segment
    run: Run
    lengths: dict[int, int | None] = field(default_factory=dict)
    feed: Feed | None = None

    def annotate(self, error: BaseException, feed: Feed | DrawnPlaces, unit: int) -> None:
        """Notes where an error of the segment happened, once."""
        levels = [level for level in self.segment.levels if isinstance(level, Fused)]
        stage = failed_in(error, levels) or "the source"
        self.note(error, stage, feed, (unit, unit + 1))

    def note(
        self,
        error: BaseException,
        stage: str,
        feed: Feed | DrawnPlaces | None = None,
        units: tuple[int, int] = (0, 0),
    ) -> None:
        """Adds stage, dataset version, epoch, positions and indices to an error, once."""
        if any(note.startswith(NOTE_START) for note in getattr(error, "__notes__", ())):
            return
        where = "" if feed is None else self._where(feed, units)
        error.add_note(f"{NOTE_START}{stage} over {self.identity}, epoch {self.run.epoch}{where}")

    def _where(self, feed: Feed | DrawnPlaces, units: tuple[int, int]) -> str:
        start, stop = (unit * self.segment.unit for unit in units)
        is_one = stop - start == 1
        where = f", position {start}" if is_one else f", positions {start} to {stop - 1}"
        if not isinstance(feed, AddressedFeed) or start >= feed.count:
            return where
        indices = feed.indices(start, min(stop, start + SHOWN_INDICES))
        what = f"index {indices[..., 0]}" if is_one else f"indices {indices.tolist()}"
        return f"{where}, {what}"


def failed_in(error: BaseException, levels: list[Fused]) -> str | None:
    """The stage that raised, as the traceback tells; None where it was none of these."""
    # The frames of a traceback meet the loops from the last one on.
    left = list(levels)
    trace = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code in (grouped.__code__, regrouped.__code__):
            return str(frame.f_locals["stage"])
        if left:
            # A loop that only passes the error on was drawing from the loops before it.
            with suppress(LookupError):
                kernel = left[-1].called(frame, trace.tb_lineno)
                left.pop()
                if kernel is not None:
                    return kernel.name
        trace = trace.tb_next
    return None
