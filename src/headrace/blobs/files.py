"""The steps of a durable write to a local file, and what to say when one fails."""

from __future__ import annotations

import errno
import filecmp
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.contracts.errors import NotFound, StorageError, VersionExists

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
# File systems without hard links (FAT, some network mounts) answer one of these.
NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class NewFile(io.RawIOBase):
    """A file that is being written; only its own failures become StorageError.

    What else is raised while it is filled comes from the user's code and keeps its type.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.size_bytes = 0
        with writing(path):
            self._file = open(path, "xb")  # noqa: SIM115 - closed by close()

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, payload: ReadableBuffer, /) -> int:
        """Adds bytes at the end, all of them."""
        with writing(self.path, self.size_bytes):
            self._file.write(payload)
        size_bytes = memoryview(payload).nbytes
        self.size_bytes += size_bytes
        return size_bytes

    def flush_to_disk(self, *, durable: bool) -> None:
        """Hands the bytes to the system, and waits for the disk where `durable`."""
        with writing(self.path, self.size_bytes):
            self._file.flush()
            if durable:
                os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file; bytes that never reached the disk are the writer's to remove."""
        if not self.closed:
            super().close()
            # A full disk fails again here; the first failure has been raised already.
            with suppress(OSError):
                self._file.close()


def make_folder(path: Path, *, durable: bool) -> None:
    """Makes a folder and those above it; each new name reaches the disk where `durable`."""
    missing = []
    folder = path
    while not folder.is_dir() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    with writing(path):
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            flush_folder(folder.parent, durable=durable)


def create(aside: Path, path: Path) -> None:
    """Gives a finished file its name, unless the name is taken."""
    try:
        os.link(aside, path)
    except FileExistsError:
        # NFS asks again where an answer was lost, and is then told of its own link.
        if os.stat(aside).st_nlink == 1:
            raise exists(path) from None
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        # The lease alone keeps two builders apart here: look, then rename.
        if path.exists():
            raise exists(path) from None
        os.replace(aside, path)


def keep_or_move(aside: Path, path: Path, *, durable: bool) -> None:
    """Gives a finished file its name; an equal file that has it already stays."""
    if not (path.is_file() and filecmp.cmp(aside, path, shallow=False)):
        os.replace(aside, path)
        return
    if durable:
        # Who wrote it may not have waited for the disk.
        _flush(path, os.O_RDWR)


def flush_folder(path: Path, *, durable: bool) -> None:
    """Makes the names in a folder durable; Windows does so by itself."""
    if durable and os.name != "nt":
        _flush(path, os.O_RDONLY)


def exists(path: Path) -> VersionExists:
    """The error of a create-only write that came second."""
    return VersionExists(
        f"{path} is there already, and is written once. Choose another name, or say replace=True."
    )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turns the system's errors of a read into ours."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise NotFound(f"there is no {path}. It was deleted or never written.") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise _storage_error(
            f"cannot read {path}: {reason}. Check the permissions and the disk.", error
        ) from error


@contextmanager
def writing(path: Path, size_bytes: int = 0) -> Iterator[None]:
    """Turns the system's errors of a write into ours, which say what to do."""
    try:
        yield
    except (StorageError, VersionExists):
        raise
    except OSError as error:
        raise _storage_error(f"cannot write {path}: {_cause(error, size_bytes)}", error) from error


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cause(error: OSError, size_bytes: int) -> str:
    if error.errno in FULL:
        return (
            f"the disk is full after {size_bytes:,} bytes of this file. Free some space or choose "
            "another folder; nothing was published, and what was stored before is intact."
        )
    if error.errno == errno.EFBIG:
        return (
            f"the limit of a file's size was met after {size_bytes:,} bytes. Raise it "
            "(`ulimit -f`) or pass a smaller shard_bytes; nothing was published."
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in FORBIDDEN:
        return f"{reason}. Choose a folder that this user may write to."
    return f"{reason}. Nothing was published; check the disk and try again."


def _storage_error(message: str, error: OSError) -> StorageError:
    ours = StorageError(message)
    ours.errno = error.errno
    return ours
