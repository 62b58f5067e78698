"""Records written to a folder, each to a file of its own."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from headrace.blobs.files import NewFile, create, exists, make_folder, writing
from headrace.blobs.keys import checked_key
from headrace.blobs.showable import without_secrets
from headrace.blobs.stores.addresses import is_address
from headrace.contracts.errors import ArgumentError, InvalidName, RecordError, VersionExists
from headrace.sources.file import File

# Any, in this file: a record is whatever the user's function names.

# Begins the name of a half-written file.
UNFINISHED = "~"
# How much of a text is shown where it cannot be written.
SHOWN = 40
# Enough that no two half-written files ever get one name.
RANDOM_BYTES = 8


@dataclass(frozen=True)
class Save:
    """Writes a record to a file in a folder, and gives the path.

    A record is bytes, text (written as UTF-8), a File (copied piece by piece), a pair of a name
    and one of these, or a {"path", "bytes"} as `hr.from_files` gives it. `name(record)` says what
    the file is called; without it the pair, the File or the path does. Names may have folders,
    and cannot leave the folder.

    A file appears whole or not at all. One that is there already stays where its bytes are the
    same, so that a resume or a second run writes nothing anew; other bytes are refused, as two
    records of one name would be, unless `replace` says that the last one counts. After SIGKILL a
    half-written file may stay, whose name begins with "~".

    Raises:
        ArgumentError: the folder is none of this machine.
        InvalidName: when it runs, a name that is empty, absolute or has a part such as `..`.
        RecordError: when it runs, a record that cannot be written, or has no name.
        VersionExists: when it runs, other bytes are there under the name.
        StorageError: when it runs, the disk is full, or refuses.
    """

    folder: str | os.PathLike[str]
    name: Callable[[Any], str] | None = None
    replace: bool = False

    def __post_init__(self) -> None:
        place: Any = self.folder
        if not isinstance(place, str | os.PathLike) or is_address(os.fspath(place)):
            raise ArgumentError(
                f"save writes to a folder of this machine, got {without_secrets(repr(place))}. "
                "Pass a path; to write to an object store use Stream.submit."
            )
        # Absolute, so that it means the same in a worker that runs elsewhere.
        object.__setattr__(self, "folder", Path(place).expanduser().absolute())
        if self.name is not None and not callable(self.name):
            raise ArgumentError(
                f"name must be a function from a record to its name, got {self.name!r}. "
                "Pass one such as lambda record: record['id'], or leave it out."
            )

    def __call__(self, record: Any) -> str:
        name, content = _named(record)
        if self.name is not None:
            name = self.name(record)
        if not isinstance(name, str):
            raise RecordError(
                f"a file needs a name, got {name!r} for a record of type {type(record).__name__}. "
                "Pass name=, a function from the record to its name, or (name, bytes) as records."
            )
        path = Path(self.folder) / _checked(name)
        with _written(Path(self.folder), content) as aside, writing(path):
            make_folder(path.parent, durable=False)
            self._publish(aside, path)
        return str(path)

    def _publish(self, aside: Path, path: Path) -> None:
        if self.replace:
            os.replace(aside, path)
            return
        try:
            create(aside, path)
        except VersionExists:
            if not path.is_file() or not filecmp.cmp(aside, path, shallow=False):
                raise exists(path) from None


def _checked(name: str) -> str:
    try:
        return checked_key(name)
    except InvalidName as error:
        raise InvalidName(
            f"a file in a folder needs a name that stays in it, got {name!r}. Pass name=, a "
            "function from the record to plain names joined by '/'."
        ) from error


def _named(record: Any) -> tuple[Any, Any]:
    """The name that a record has, if any, and its content."""
    if isinstance(record, tuple) and len(record) == 2:
        return record
    if isinstance(record, Mapping) and "path" in record and "bytes" in record:
        return record["path"], record["bytes"]
    return (record.name if isinstance(record, File) else None), record


@contextmanager
def _written(folder: Path, content: Any) -> Iterator[Path]:
    """A file aside that has the content, and is gone afterwards."""
    aside = folder / (UNFINISHED + os.urandom(RANDOM_BYTES).hex())
    make_folder(folder, durable=False)
    try:
        with NewFile(aside) as file:
            _fill(cast("BinaryIO", file), content)
            file.flush_to_disk(durable=False)
        yield aside
    finally:
        # The first error is the one to read.
        with suppress(OSError):
            aside.unlink()


def _fill(file: BinaryIO, content: Any) -> None:
    if isinstance(content, File):
        with content.open() as read:
            shutil.copyfileobj(read, file)
    elif isinstance(content, str):
        try:
            file.write(content.encode())
        except UnicodeEncodeError as error:
            raise RecordError(
                f"text that UTF-8 can hold was expected, got {content[:SHOWN]!r}: {error.reason}. "
                'Save bytes, such as text.encode("utf-8", "replace").'
            ) from error
    elif isinstance(content, bytes | bytearray | memoryview):
        file.write(content)
    else:
        raise RecordError(
            f"bytes, text or a File was expected, got {type(content).__name__}. "
            ".map the records to what is to be written, such as json.dumps(record)."
        )
