"""Slots that are files, on file systems whose locks do not hold between machines."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import xxhash

from headrace.blobs.files import create, make_folder, reading, writing
from headrace.blobs.leases.holder import FREE
from headrace.contracts.errors import NotFound, VersionExists

# Every content fills as much, so that one write in place never leaves the end of another.
SIZE_BYTES = 512
PAD = b" "
# Enough that no two files that were moved away ever get one name.
RANDOM_BYTES = 8
# Whoever moved the file away by mistake has put it back within a second.
LOOKS = 20
LOOK_EVERY_S = 0.05


@dataclass(frozen=True)
class FileSlot:
    """A file that its holder writes in place, and that another takes by taking its name away.

    A file is made by `O_EXCL` and renamed by its old name, so that one of many succeeds, on NFS
    and Lustre too. A holder writes to the file that it made, wherever that is by now: one that
    was stopped and goes on never writes over the next one's.
    """

    path: Path
    durable: bool = True

    @property
    def key(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def swapping(self) -> None:
        """Files have no such writes."""
        return

    def look(self) -> tuple[bytes, str] | None:
        with suppress(NotFound), reading(self.path):
            content = self.path.read_bytes().rstrip(PAD)
            return content, _tag(content)
        return None

    def take(self, content: bytes, *, tag: str | None) -> FileGrip | None:
        if tag is None:
            return self._made(content)
        found = self.look()
        away = self.path.with_name(f"{self.path.name}~{os.urandom(RANDOM_BYTES).hex()}")
        with writing(self.path):
            if found is None or found[1] != tag or not _moved(self.path, away):
                return None
            try:
                if _tag(away.read_bytes().rstrip(PAD)) == tag:
                    return self._made(content)
                # Renewed since the look: the same file goes back, and its holder misses nothing.
                with suppress(VersionExists):
                    create(away, self.path)
                return None
            finally:
                away.unlink(missing_ok=True)

    def _made(self, content: bytes) -> FileGrip | None:
        make_folder(self.path.parent, durable=self.durable)
        with writing(self.path):
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                grip = FileGrip(self, os.open(self.path, flags, 0o666))
            except FileExistsError:
                return None
        is_ours = False
        try:
            is_ours = grip.renew(content)
        finally:
            if not is_ours:
                grip.close()
        return grip if is_ours else None


@dataclass(frozen=True)
class FileGrip:
    """The open file that this process has made."""

    slot: FileSlot
    descriptor: int

    def renew(self, content: bytes) -> bool:
        if not self._is_written(content):
            return False
        # Whether it is our file that has the name.
        for _ in range(LOOKS):
            found = self.slot.look()
            if found is not None:
                return found[0] == content
            time.sleep(LOOK_EVERY_S)
        return False

    def free(self) -> None:
        self._is_written(FREE)

    def close(self) -> None:
        os.close(self.descriptor)

    def _is_written(self, content: bytes) -> bool:
        with writing(self.slot.path):
            try:
                os.pwrite(self.descriptor, content.ljust(SIZE_BYTES, PAD), 0)
                # Machines that share it by NFS see it then.
                os.fsync(self.descriptor)
            except OSError as error:
                # Another machine has removed the file.
                if error.errno == errno.ESTALE:
                    return False
                raise
        return True


def _moved(path: Path, away: Path) -> bool:
    try:
        os.rename(path, away)
    except FileNotFoundError:
        return False
    return True


def _tag(content: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(content)
