"""Rates over a rolling window of time."""

from __future__ import annotations

from collections import deque

# A window that reaches a sixteenth further back than asked is near enough, and little to keep.
PLACES_A_WINDOW = 16
# The first places come soon, so that what is tuned by them fits after some records.
FIRST_PLACE_S = 0.001


class Rate:
    """Records and bytes a second over the last `window_s` seconds.

    It is told the totals so far, and compares the newest with those that were true `window_s`
    ago, or at the start. Told after a record is done with, it divides w records by the w
    intervals they took. The time of each call comes in, so any clock will do.

    Example:
        >>> rate = Rate(window_s=5.0, start_s=100.0)
        >>> rate.note(100.5, count=10, size_bytes=80.0)
        >>> rate.a_second()
        (20.0, 160.0)
    """

    def __init__(self, window_s: float, start_s: float) -> None:
        self._window_s = window_s
        self._start_s = start_s
        # (time, records, bytes), oldest first; all but the first are younger than the window.
        self._places = deque([(start_s, 0, 0.0)])
        self._due_s = start_s + FIRST_PLACE_S

    @property
    def due_s(self) -> float:
        """When the totals are wanted next."""
        return self._due_s

    @property
    def recent(self) -> float:
        """Records a second since the totals before the last ones."""
        if len(self._places) == 1:
            return 0.0
        before, newest = self._places[-2], self._places[-1]
        return _divided(newest[1] - before[1], newest[0] - before[0])

    def note(self, now_s: float, count: int, size_bytes: float) -> None:
        """Takes the totals at `now_s`."""
        places = self._places
        places.append((now_s, count, size_bytes))
        while len(places) > 2 and places[1][0] <= now_s - self._window_s:
            places.popleft()
        wait_s = max(FIRST_PLACE_S, now_s - self._start_s)
        self._due_s = now_s + min(wait_s, self._window_s / PLACES_A_WINDOW)

    def a_second(self) -> tuple[float, float]:
        """Records and bytes a second; 0 where no time has passed."""
        (begin_s, *before), (end_s, *after) = self._places[0], self._places[-1]
        took_s = end_s - begin_s
        return _divided(after[0] - before[0], took_s), _divided(after[1] - before[1], took_s)


def _divided(amount: float, took_s: float) -> float:
    # An estimate of bytes may be corrected downwards by more than has come since.
    return max(0.0, amount / took_s) if took_s > 0 else 0.0
