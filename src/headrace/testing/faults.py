"""Blobs that fail on purpose, so that what is built on them can prove what it promises."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Literal, TypeAlias, cast

from headrace.blobs import LockingBlobs
from headrace.blobs.locking import Release
from headrace.contracts.blobs import BlobStat, Bytes, Mapped
from headrace.contracts.errors import StorageError

# When a call stops: before anything happened, with half of it written, or after all of it.
Moment: TypeAlias = Literal["before", "within", "after"]


class Stopped(BaseException):
    """The process has died, as far as its blobs can tell.

    No Exception: code that goes on after errors must not go on after this.
    """


@dataclass
class Script:
    """What shall happen at which write; `calls` counts those that were made.

    After a stop every call fails: a dead process does not tidy up. After a full disk
    the others succeed.
    """

    at: int
    moment: Moment = "before"
    fault: Literal["stop", "disk full"] = "stop"
    calls: int = 0
    is_over: bool = False
    _counter: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def next_is_bad(self) -> bool:
        """Counts a write, and says whether it is the one that fails."""
        self.check_alive()
        self.calls = next(self._counter) + 1
        return self.calls == self.at + 1

    def check_alive(self) -> None:
        """Raises Stopped after the stop."""
        if self.is_over:
            raise Stopped(f"stopped at write {self.at}")

    def fail(self) -> None:
        """Raises the fault."""
        if self.fault == "disk full":
            raise StorageError(errno.ENOSPC, "the disk is full")
        self.is_over = True
        self.check_alive()


@dataclass(frozen=True)
class ScriptedBlobs:
    """Blobs that do what `inner` does until their script says otherwise.

    Writes are `put`, `write` and `delete`, counted from 0.

    Example:
        >>> from headrace.blobs import open_blobs
        >>> blobs = ScriptedBlobs(open_blobs("memory://"), Script(at=1, fault="disk full"))
        >>> blobs.put("a", b"1")
        >>> blobs.put("b", b"2")
        Traceback (most recent call last):
        headrace.contracts.errors.StorageError: [Errno 28] the disk is full
    """

    inner: LockingBlobs
    script: Script

    @property
    def url(self) -> str:
        """Where the inner blobs are."""
        return self.inner.url

    def get(self, key: str) -> bytes:
        """All bytes of a blob."""
        self.script.check_alive()
        return self.inner.get(key)

    def stat(self, key: str) -> BlobStat | None:
        """Size and time of a blob."""
        self.script.check_alive()
        return self.inner.stat(key)

    def map(self, key: str) -> Mapped:
        """The bytes of a blob."""
        self.script.check_alive()
        return self.inner.map(key)

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        """Ranges of a blob."""
        self.script.check_alive()
        return self.inner.ranges(key, starts, ends)

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        """Writes a blob, or fails; a whole one, as the contract says, or none."""
        self._scripted(lambda: self.inner.put(key, payload, replace=replace))

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        """Writes a blob piece by piece, or fails, within a piece too."""
        written: list[str] = []
        self._scripted(
            lambda: written.append(self.inner.write(key, fill)),
            lambda: self.inner.write(key, lambda file: fill(self._torn(file))),
        )
        return written[0]

    def delete(self, key: str) -> None:
        """Removes a blob, or fails."""
        self._scripted(lambda: self.inner.delete(key))

    def list(self, prefix: str) -> Iterator[BlobStat]:
        """The blobs under a folder."""
        self.script.check_alive()
        return self.inner.list(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        """The folders right under a folder."""
        self.script.check_alive()
        return self.inner.folders(prefix)

    def try_lock(self, key: str) -> Release | None:
        """Takes a lock; it is freed also after the stop, as the system does."""
        self.script.check_alive()
        return self.inner.try_lock(key)

    def locks(self, folder: str) -> Iterator[str]:
        """The locks right under a folder."""
        self.script.check_alive()
        return self.inner.locks(folder)

    def aside(self, prefix: str) -> ScriptedBlobs:
        """The same blobs and script, half-written ones named by `prefix`."""
        return replace(self, inner=self.inner.aside(prefix))

    def _scripted(
        self, call: Callable[[], object], torn: Callable[[], object] | None = None
    ) -> None:
        if not self.script.next_is_bad():
            call()
            return
        if self.script.moment == "within" and torn is not None:
            torn()
        if self.script.moment == "after":
            call()
        self.script.fail()

    def _torn(self, file: BinaryIO) -> BinaryIO:
        return cast(BinaryIO, _TornFile(file, self.script))


@dataclass
class _TornFile:
    """A file that takes half of the first piece and then fails."""

    file: BinaryIO
    script: Script
    closed: bool = False

    def write(self, payload: Bytes) -> int:
        half = memoryview(payload).cast("B")
        self.file.write(half[: len(half) // 2])
        self.script.fail()
        raise AssertionError("a script fails")

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        """The file belongs to who opened it."""
