"""Shards that are fetched before they are wanted, along the orders that readers have said."""

from __future__ import annotations

import logging
import math
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import NamedTuple, TypeAlias

from headrace.blobs.cache.uses import Uses

logger = logging.getLogger("headrace")
# Fetches at once in a process: this many, and more of small shards until they are so many bytes,
# which is what a fast link has on its way while one of them is compared and the next is begun.
AT_ONCE = 4
AT_ONCE_BYTES = 2**27
MOST_AT_ONCE = 16
# The part of the bound that may be fetched and not yet wanted; the rest is for what is in use.
SHARE = 0.5
# A shard farther on in an order than this is not fetched yet, and its use is another reader's.
NEAR = 64
# As much of an order is known as decides what to remove.
KNOWN = 4096
THREAD = "headrace-shard-fetch"

# Fetches the shard at a place, which is wanted in so many steps; False where there is no room.
Fetch: TypeAlias = "Callable[[str, int], bool]"


class Plan:
    """The shards that one reader will want, in the order of their use.

    They are fetched as long as somebody holds the plan, until it is closed. `sizes` has the bytes
    of each.
    """

    def __init__(
        self, sizes: Mapping[str, int], limit_bytes: int, fetch: Fetch, ahead: Ahead
    ) -> None:
        self.sizes = sizes
        self.limit_bytes = limit_bytes
        self.fetch = fetch
        # Fetched, held, and not wanted yet.
        self.kept: set[str] = set()
        # To be fetched when they are wanted, and to raise then what they raise.
        self.failed: set[str] = set()
        # Whether there is no room for more until a shard is used; and how many were.
        self.is_full = False
        self.steps = 0
        self._ahead = ahead
        self._coming = deque(sizes)

    def close(self) -> None:
        """Fetches nothing more; what was fetched may go."""
        self._ahead.end(self)

    def known(self) -> Iterable[str]:
        """The next places; no more than decide anything."""
        return islice(self._coming, KNOWN)

    def near(self) -> list[str]:
        """The next places, as far as they may be fetched."""
        return list(islice(self._coming, NEAR))

    def kept_bytes(self) -> int:
        """The bytes of what was fetched and is not wanted yet."""
        return sum(self.sizes[place] for place in self.kept)

    def passed(self, place: str) -> list[str]:
        """Goes on to behind a place; gives what was kept up to there."""
        near = self.near()
        if place not in near:
            return []
        self.is_full = False
        self.steps += 1
        gone = {self._coming.popleft() for _ in range(near.index(place) + 1)} & self.kept
        self.kept -= gone
        return list(gone)

    def ended(self) -> list[str]:
        """Wants nothing from now on; gives what was kept."""
        self._coming.clear()
        kept = list(self.kept)
        self.kept.clear()
        return kept


class _Step(NamedTuple):
    """A shard that is fetched now, for a plan that nobody may hold any more when it is there."""

    plan: weakref.ref[Plan]
    fetch: Fetch
    place: str
    distance: int
    size_bytes: int
    # Of the plan, when this began.
    steps: int


class Ahead:
    """Fetches along all plans of this process, in threads that end when nothing is to do."""

    def __init__(self, kept: Uses, exists: Callable[[str], bool]) -> None:
        self._kept = kept
        self._exists = exists
        self._plans: weakref.WeakSet[Plan] = weakref.WeakSet()
        self._mutex = threading.Lock()
        # The places that are fetched now, with their sizes.
        self._running: dict[str, int] = {}
        self._is_forked = False

    def plan(self, sizes: Mapping[str, int], limit_bytes: int, fetch: Fetch) -> Plan:
        """Begins to fetch along an order."""
        plan = Plan(sizes, limit_bytes, fetch, self)
        # Of a plan that nobody holds any more.
        weakref.finalize(plan, self._drop, plan.kept).atexit = False
        with self._mutex:
            self._plans.add(plan)
        self._start()
        return plan

    def end(self, plan: Plan) -> None:
        """Fetches nothing more of a plan."""
        with self._mutex:
            self._plans.discard(plan)
            # A plan often follows another, and wants most of what that one did.
            gone = [one for one in plan.ended() if not self._keep(one)]
        self._drop(gone)

    def reached(self, place: str) -> None:
        """A shard is used: the orders in which it was near go on to behind it."""
        with self._mutex:
            gone = [one for plan in self._plans for one in plan.passed(place)]
        self._drop(gone)
        self._start()

    def distances(self) -> dict[str, float]:
        """In how many steps each shard is wanted, as far as this process knows."""
        found: dict[str, float] = {}
        with self._mutex:
            for plan in self._plans:
                for distance, place in enumerate(plan.known()):
                    if distance < found.get(place, math.inf):
                        found[place] = distance
        return found

    def size_of(self, place: str) -> int | None:
        """How many bytes a shard has, as a plan says; None where none does."""
        with self._mutex:
            found = (plan.sizes[place] for plan in self._plans if place in plan.sizes)
            return next(found, None)

    def after_fork(self) -> None:
        """In a forked child nothing is fetched ahead: its threads are the parent's."""
        self._mutex = threading.Lock()
        self._running = {}
        self._plans = weakref.WeakSet()
        self._is_forked = True

    def _start(self) -> None:
        while not self._is_forked:
            with self._mutex:
                found = self._next()
                if found is None:
                    return
                self._running[found.place] = found.size_bytes
            thread = threading.Thread(target=self._run, args=(found,), name=THREAD, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The interpreter is ending, or has no thread left: nothing is fetched ahead.
                with self._mutex:
                    self._running.pop(found.place, None)
                return

    def _next(self) -> _Step | None:
        if self._are_enough():
            return None
        for plan in self._plans:
            for distance, place in enumerate([] if plan.is_full else plan.near()):
                is_known = place in self._running or place in plan.failed
                if not (is_known or self._kept.is_held(place) or self._exists(place)):
                    size_bytes = plan.sizes[place]
                    if self._is_much(plan, size_bytes):
                        break
                    own = weakref.ref(plan), plan.fetch
                    return _Step(*own, place, distance, size_bytes, plan.steps)
        return None

    def _are_enough(self) -> bool:
        count, size_bytes = len(self._running), sum(self._running.values())
        return count >= MOST_AT_ONCE or (count >= AT_ONCE and size_bytes >= AT_ONCE_BYTES)

    def _run(self, step: _Step) -> None:
        try:
            self._kept.hold(step.place)
            is_kept = False
            try:
                is_kept = self._is_fetched(step)
            finally:
                if not is_kept:
                    self._kept.drop(step.place)
        except Exception as error:
            # Whoever wants the shard fetches it again, and is told then.
            logger.debug("a shard could not be fetched ahead: %s", error)
            self._give_up(step)
        finally:
            with self._mutex:
                self._running.pop(step.place, None)
        self._start()

    def _is_fetched(self, step: _Step) -> bool:
        """Whether a shard is there now, and a plan keeps it."""
        is_there = step.fetch(step.place, step.distance)
        with self._mutex:
            plan = step.plan()
            if plan is not None and not is_there:
                # There may be room again since it had none.
                plan.is_full |= step.steps == plan.steps
            return is_there and self._keep(step.place)

    def _give_up(self, step: _Step) -> None:
        plan = step.plan()
        if plan is not None:
            plan.failed.add(step.place)

    def _keep(self, place: str) -> bool:
        """Hands the use of a shard to a plan that wants it soon, if there is one."""
        for plan in self._plans:
            if place in plan.near() and place not in plan.kept:
                plan.kept.add(place)
                return True
        return False

    def _is_much(self, plan: Plan, size_bytes: int) -> bool:
        """Whether so many bytes more are too many; one shard never is."""
        kept = sum(one.kept_bytes() for one in self._plans)
        ahead = kept + sum(self._running.values())
        return ahead > 0 and ahead + size_bytes > plan.limit_bytes * SHARE

    def _drop(self, places: Iterable[str]) -> None:
        for place in places:
            self._kept.drop(place)
