"""Archives: pairs of a path and a file in, pairs of those in them out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.late import Member
from headrace.compat.torchdata.datapipes.iter.sources import nominal_length
from headrace.compat.torchdata.datapipes.opened import StreamWrapper
from headrace.contracts.errors import InvalidName, RecordError
from headrace.deferred import tarfile, zipfile

# Any, in this file: open files and archives of every kind.


@functional_datapipe("load_from_tar")
class TarArchiveLoader(IterDataPipe[tuple[str, StreamWrapper]]):
    """The files in each tar, by their paths below its own: `stream.flat_map`.

    A file is read when it is wanted. `hr.parse.tar()` is headrace's own.

    Raises:
        InvalidName: when it is read, a file whose name leads out of the archive.
    """

    def __init__(self, datapipe: Any, mode: str = "r:*", length: int = -1) -> None:
        self.datapipe = datapipe
        self.mode = mode
        self.length = length

    @property
    def parser(self) -> Callable[[Any], Iterator[tuple[str, StreamWrapper]]]:
        """What gives the files in one archive."""
        return Tar(self.mode)

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.datapipe).flat_map(self.parser)

    def __len__(self) -> int:
        return nominal_length(self, self.length)


@functional_datapipe("load_from_zip")
class ZipArchiveLoader(IterDataPipe[tuple[str, StreamWrapper]]):
    """The files in each zip, by their paths below its own: `stream.flat_map`.

    A file is read when it is wanted. `hr.parse.zip()` is headrace's own.

    Raises:
        InvalidName: when it is read, a file whose name leads out of the archive.
    """

    def __init__(self, datapipe: Any, length: int = -1) -> None:
        self.datapipe = datapipe
        self.length = length

    @property
    def parser(self) -> Callable[[Any], Iterator[tuple[str, StreamWrapper]]]:
        """What gives the files in one archive."""
        return in_zip

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.datapipe).flat_map(self.parser)

    def __len__(self) -> int:
        return nominal_length(self, self.length)


@dataclass(frozen=True)
class Tar:
    """Gives the files in a tar."""

    mode: str

    def __call__(self, opened: tuple[str, Any]) -> Iterator[tuple[str, StreamWrapper]]:
        path, file = checked(opened)
        with parsing(path, file, "tar"):
            packed = getattr(file, "file_obj", file)
            if not isinstance(packed, tarfile.TarFile):
                seekable = getattr(file, "seekable", lambda: False)()
                mode: Any = self.mode if seekable else self.mode.replace(":", "|")
                packed = tarfile.open(fileobj=file, mode=mode)
            for member in packed:
                if member.isfile():
                    yield _within(path, member.name, packed.extractfile(member), file)


def in_zip(opened: tuple[str, Any]) -> Iterator[tuple[str, StreamWrapper]]:
    """The files in a zip."""
    path, file = checked(opened)
    with parsing(path, file, "zip"):
        packed = getattr(file, "file_obj", file)
        if not isinstance(packed, zipfile.ZipFile):
            packed = zipfile.ZipFile(file)
        for member in packed.infolist():
            if not member.is_dir():
                yield _within(path, member.filename, packed.open(member), file)


def checked(opened: Any) -> tuple[str, Any]:
    """A pair of a path and an open file. Raises RecordError where it is none."""
    if isinstance(opened, tuple) and len(opened) == 2 and isinstance(opened[0], str):
        return opened[0], opened[1]
    raise RecordError(
        f"pathname binary data should be tuple type of two, a path and its file, got {opened!r}. "
        "Put .open_files(mode='b') before."
    )


@contextmanager
def parsing(path: str, file: Any, kind: str) -> Iterator[None]:
    """Names the archive that cannot be read; closes it behind the last file in it."""
    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        error.add_note(f"headrace: in the {kind} {path!r}")
        raise
    finally:
        if isinstance(file, StreamWrapper):
            file.autoclose()


def _within(path: str, name: str, member: Any, archive: Any) -> tuple[str, StreamWrapper]:
    inner = os.path.normpath(os.path.join(path, name))
    if not inner.startswith(os.path.join(os.path.normpath(path), "")):
        raise InvalidName(
            f"the archive {path!r} has a file named {name!r}, which is outside of it: saved under "
            "that name, it could replace any file. A name that stays inside was expected. Do not "
            "use an archive like this, or read it by hr.parse.tar() or hr.parse.zip()."
        )
    parent = archive if isinstance(archive, StreamWrapper) else None
    return inner, StreamWrapper(Member(member), parent, name=inner)
