"""Drawn records that wait to be handed over, and how many of them make a group."""

from __future__ import annotations

import time
from collections import deque

from headrace.executors.places import Place
from headrace.executors.runner import HANDOVERS, Runner

# Records wait for company at most so long, so that a slow source delays nobody.
HOLD_SECONDS = 0.001
# So many groups are in flight at least, where there are workers for them: two for each of four.
GROUPS_PER_WORKER, GROUPED_WORKERS = 2, 4


class Held:
    """Oldest first. Groups grow while one takes less than some hand-overs, within `buffer`."""

    def __init__(self, runner: Runner | None, buffer: int) -> None:
        handover_s = 0.0 if runner is None else runner.handover_s
        workers = 1 if runner is None else min(runner.workers, GROUPED_WORKERS)
        self._planned_s = HANDOVERS * handover_s
        self._most = max(1, buffer // (GROUPS_PER_WORKER * workers)) if handover_s else 1
        self.size = 1
        # Whether records came back from a group that took too long: nobody may hold them.
        self.is_urgent = False
        self._waiting: deque[Place] = deque()
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, place: Place) -> list[list[Place]]:
        """Holds a record; gives the groups that are full, or have waited long enough."""
        if self._most == 1:
            return [[place]]
        now = time.monotonic()
        if not self._waiting:
            self._since = now
        self._waiting.append(place)
        return self.cut(everything=now - self._since > HOLD_SECONDS)

    def put_back(self, places: list[Place]) -> None:
        """Holds what a group did not come to."""
        self._waiting.extendleft(reversed(places))
        self.is_urgent = True

    def cut(self, *, everything: bool) -> list[list[Place]]:
        """Takes groups: the full ones, or all that is held."""
        groups: list[list[Place]] = []
        least = 1 if everything else self.size
        while len(self._waiting) >= least:
            size = min(self.size, len(self._waiting))
            groups.append([self._waiting.popleft() for _ in range(size)])
        self.is_urgent = False
        return groups

    def learn(self, seconds: float, count: int) -> None:
        """Notes how long a group of `count` took."""
        if seconds < self._planned_s and count >= self.size:
            self.size = min(2 * self.size, self._most)
        elif seconds > 2 * self._planned_s:
            self.size = max(1, self.size // 2)

    def clear(self) -> None:
        """Lets go of what is held."""
        self._waiting.clear()
        self.is_urgent = False
