"""Where the content of one renewed lock stands, so that of many who take it one gets it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from headrace.blobs.leases.holder import FREE
from headrace.blobs.swapping import SwappingBlobs

# Of a renewal that meets earlier ones of its own, which come late.
TRIES = 3


class Grip(Protocol):
    """A slot that was taken: what stands in it was written here, until another takes it."""

    def renew(self, content: bytes) -> bool:
        """Writes the next content; False where another has taken the slot by now."""
        ...

    def free(self) -> None:
        """Says that nobody holds the slot, unless another has taken it."""
        ...

    def close(self) -> None:
        """Lets go of what it holds in this process; the slot keeps its content."""
        ...


class Slot(Protocol):
    """A place for one content, which is never removed once it was written."""

    @property
    def key(self) -> str:
        """Its name among the slots of one store."""
        ...

    @property
    def swapping(self) -> SwappingBlobs | None:
        """The blobs around it, where they have writes that only one of many makes."""
        ...

    def look(self) -> tuple[bytes, str] | None:
        """The content and a tag of this state; None where there was never one."""
        ...

    def take(self, content: bytes, *, tag: str | None) -> Grip | None:
        """Writes where the slot has that tag (None: no content); None where another was first."""
        ...


@dataclass(frozen=True)
class StoreSlot:
    """A slot in a store whose writes take a condition.

    `documents` is the store for the slot itself, which may wait less for an answer.
    """

    swapping: SwappingBlobs
    documents: SwappingBlobs
    key: str

    def look(self) -> tuple[bytes, str] | None:
        return self.documents.tagged(self.key)

    def take(self, content: bytes, *, tag: str | None) -> StoreGrip | None:
        new = self.documents.swap(self.key, content, tag=tag)
        return None if new is None else StoreGrip(self, new)


@dataclass
class StoreGrip:
    """The tag of what was written last, and what may have been written since."""

    slot: StoreSlot
    tag: str
    _unanswered: list[bytes] = field(default_factory=list)

    def renew(self, content: bytes) -> bool:
        self._unanswered.append(content)
        tag = self.tag
        for _ in range(TRIES):
            new = self.slot.documents.swap(self.slot.key, content, tag=tag)
            if new is None:
                # A write that failed as far as we know may have come through.
                found = self.slot.look()
                if found is None or not self._is_ours(found):
                    return False
                tag = found[1]
                new = tag if found[0] == content else None
            if new is not None:
                self.tag = new
                self._unanswered.clear()
                return True
        return False

    def free(self) -> None:
        self.renew(FREE)

    def close(self) -> None:
        """There is nothing to close."""

    def _is_ours(self, found: tuple[bytes, str]) -> bool:
        content, tag = found
        return tag == self.tag or content in self._unanswered
