"""The worker's side."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from headrace.arena.memory import Memory, memory_of
from headrace.arena.pickling import Packing, packed
from headrace.arena.room import Room, TooLarge
from headrace.buffers import lending
from headrace.contracts.errors import StreamError

T = TypeVar("T")

# After so many results of which the tasks kept arrays, nothing is lent any more: each of them
# costs a slot, and copies on both sides.
MOST_KEPT = 8


class Desk:
    """The slots that one worker process has seen; for one thread.

    `most_bytes` is that of the arena.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._memories: dict[int, Memory] = {}
        self._by_value = False
        self._kept = 0

    def add(self, number: int, handle: int | str) -> None:
        """Takes a slot, whose descriptor the desk owns from here on."""
        self._memories[number] = memory_of(handle, self._most_bytes)

    def packed(
        self, number: int, make: Callable[[], T], mended: Callable[[T, Exception], T]
    ) -> bytes:
        """Runs `make`, puts its result into the slot, and says where it lies: for `opened`.

        What `make` raises comes through. Where the result does not pickle, that of
        `mended(result, error)` travels in its place.

        Raises:
            StreamError: an array of the result is larger than the arena.
        """
        room = Room(self._memories[number], self._most_bytes)
        with lending(room if self._kept < MOST_KEPT else None):
            result = make()
        room.seal()
        try:
            packing = self._dumped(room, result, mended)
        except TooLarge as error:
            raise self._too_large(error) from None
        # Only now it shows whether the task's functions keep what they were lent.
        del result
        is_kept = room.is_kept
        payload = packing.payload(is_kept=is_kept)
        if is_kept:
            self._memories.pop(number).close(is_owner=False)
            self._kept += 1
        return payload

    def close(self) -> None:
        """Lets go of the memory. May be called twice."""
        while self._memories:
            self._memories.popitem()[1].close(is_owner=False)

    def _dumped(self, room: Room, result: T, mended: Callable[[T, Exception], T]) -> Packing:
        try:
            return self._dumped_somehow(room, result)
        except (TooLarge, MemoryError):
            raise
        except Exception as error:
            return self._dumped_somehow(room, mended(result, error))

    def _dumped_somehow(self, room: Room, result: object) -> Packing:
        if not self._by_value:
            try:
                return packed(room, result, by_value=False)
            except (TooLarge, MemoryError):
                raise
            except Exception:
                room.forget_copies()
        packing = packed(room, result, by_value=True)
        # What needed it once will need it again, and trying first costs twice.
        self._by_value = True
        return packing

    def _too_large(self, error: TooLarge) -> StreamError:
        needed, most = error.args[0] / 1e6, self._most_bytes / 1e6
        return StreamError(
            f"an array of {needed:.1f} MB does not fit the arena of {most:.1f} MB, through which "
            "workers send results. Give it more by hr.Processes(n, arena_bytes=...), or make "
            "smaller batches."
        )
