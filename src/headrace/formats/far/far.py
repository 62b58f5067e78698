"""The shards of a version in a far store: fetched whole along the order, or read by ranges."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.contracts.blobs import Mapped
from headrace.formats.far.asked import Asked
from headrace.formats.far.open_shards import Shards
from headrace.formats.far.ranges import at_once
from headrace.formats.far.reach import Need, Reach, need_of
from headrace.formats.manifest.manifest import Manifest
from headrace.formats.reading.opened import Opened
from headrace.formats.schema.schema import Leaf
from headrace.formats.shards.gather import Numbers
from headrace.formats.shards.parts import Part
from headrace.formats.shards.spans import Places


@dataclass(frozen=True)
class View:
    """What a read goes on with: readers, and the places there."""

    opened: Opened
    places: Places
    # Which shard each of the readers' shards is, and which rows of it; None where it has all.
    shards: dict[int, tuple[int, Numbers | None]] | None = None

    def real(self, shard: int, row: int) -> tuple[int, int]:
        """The shard of the version, and the row there, of a place of the readers."""
        if self.shards is None:
            return shard, row
        number, rows = self.shards[shard]
        return number, row if rows is None else int(rows[row])


@dataclass(frozen=True)
class _Held:
    """A shard that was fetched whole; it stays in the cache as long as its map is held."""

    mapped: Mapped
    parts: list[Part]


class FarShards:
    """Opens what reads need, and holds no more at once than the cache may. Thread-safe."""

    def __init__(
        self, shards: Shards, manifest: Manifest, leaves: Sequence[Leaf], *, as_views: bool
    ) -> None:
        self._shards = shards
        self._blobs = shards.blobs
        self._leaves = leaves
        self._as_views = as_views
        bound: int | None = getattr(shards.blobs, "bound_bytes", None)
        self._reach = Reach(
            manifest.shards,
            leaves,
            bound_bytes=bound,
            is_whole=getattr(shards.blobs, "is_whole", False),
        )
        # Those that were opened last behind.
        self._held: dict[int, _Held] = {}
        self._opened = self._open_all(len(manifest.shards), {})
        self._plan: Any = None  # Any: what the blobs give for what comes
        self._lock = threading.Lock()

    @property
    def has_all(self) -> bool:
        """Whether every shard is open, and stays so."""
        return self._reach.fits and not self._opened.missing

    def view(self, places: Places) -> View:
        """What a read of the places goes on with: they are fetched by now.

        Raises:
            IntegrityError: a shard is missing, cut or damaged.
        """
        opened = self._opened
        if opened.flags[places.shards].all():
            return View(opened, places)
        asked = Asked.of(places)
        ranged = self._by_ranges(asked)
        single = set(ranged)
        whole = [number for number in asked.rows if number not in single]
        opened, held = self._open(whole)
        if not ranged:
            return View(opened, places)
        parts = at_once(lambda number: self._shards.some(number, asked.rows[number]), ranged)
        fetched = dict(zip(ranged, parts, strict=True))
        return self._mixed(asked, places, fetched, held)

    def come(self, need: Need, left: int) -> None:
        """Lets the shards that come be fetched, and lets go of those that have passed."""
        with self._lock:
            coming = self._reach.come(need, left).tolist()
            if not self._reach.fits:
                self._keep(self._held.keys() & set(coming))
            missing = [number for number in coming if number not in self._held]
        self._fetch_ahead(missing)

    def described(self, need: Need, left: int) -> str:
        """Which way what comes would be read."""
        return self._reach.described(need, left)

    def _by_ranges(self, asked: Asked) -> list[int]:
        """The shards of which single rows are read."""
        if self._reach.is_whole:
            return []
        with self._lock:
            closed = [number for number in asked.rows if number not in self._held]
            need = need_of(closed, asked.rows)
            whole = self._reach.are_whole(need).tolist() if closed else []
        ranged = [number for number, is_whole in zip(closed, whole, strict=True) if not is_whole]
        has_file: Callable[[str], bool] | None = getattr(self._blobs, "has_file", None)
        # Where not all shards fit, one that is held leaves less room for those that come.
        if has_file is None or not self._reach.fits:
            return ranged
        return [number for number in ranged if not has_file(self._shards.key(number))]

    def _open(self, whole: Sequence[int]) -> tuple[Opened, dict[int, _Held]]:
        """Fetches and opens shards, beside as many others as may stay open."""
        with self._lock:
            found = {number: self._held[number] for number in whole if number in self._held}
        missing = [number for number in whole if number not in found]
        found |= zip(missing, at_once(self._fetched, missing), strict=True)
        with self._lock:
            others = [number for number in self._held if number not in found]
            self._keep([*self._reach.kept(others, whole), *(set(whole) & set(self._held))])
            for number, held in found.items():
                if self._held.pop(number, None) is None:
                    self._add(self._opened, number, held)
                self._held[number] = held
            return self._opened, found

    def _keep(self, numbers: Collection[int]) -> None:
        """Lets go of all other shards; who reads of them may do so to the end."""
        if len(numbers) == len(self._held):
            return
        kept = set(numbers)
        self._held = {number: held for number, held in self._held.items() if number in kept}
        self._opened = self._open_all(len(self._opened.flags), self._held)

    def _mixed(
        self, asked: Asked, places: Places, fetched: dict[int, list[Part]], held: dict[int, _Held]
    ) -> View:
        """Readers over single rows of some shards, beside whole ones."""
        opened = Opened(self._leaves, len(asked.rows), as_views=self._as_views)
        shards: dict[int, tuple[int, Numbers | None]] = {}
        rows = asked.ranks.copy()
        for at, (number, wanted) in enumerate(asked.rows.items()):
            is_ranged = number in fetched
            shards[at] = (number, wanted if is_ranged else None)
            if not is_ranged:
                own = asked.shards == at
                rows[own] = places.rows[own]
            with self._shards.named(number):
                opened.add(at, fetched[number] if is_ranged else held[number].parts)
        return View(opened, Places(asked.shards, rows), shards)

    def _open_all(self, count: int, held: Mapping[int, _Held]) -> Opened:
        opened = Opened(self._leaves, count, as_views=self._as_views)
        for number, one in held.items():
            self._add(opened, number, one)
        return opened

    def _add(self, opened: Opened, number: int, held: _Held) -> None:
        with self._shards.named(number):
            opened.add(number, held.parts)

    def _fetched(self, number: int) -> _Held:
        mapped = self._shards.mapped(number)
        return _Held(mapped, self._shards.whole(number, mapped))

    def _fetch_ahead(self, numbers: Sequence[int]) -> None:
        ahead = getattr(self._blobs, "ahead", None)
        if ahead is None:
            return
        # The new one first: what both want is not let go meanwhile.
        sizes = self._reach.sizes[list(numbers)].tolist()
        keys = [self._shards.key(number) for number in numbers]
        plan = ahead(dict(zip(keys, sizes, strict=True)))
        with self._lock:
            plan, self._plan = self._plan, plan
        if plan is not None:
            plan.close()
