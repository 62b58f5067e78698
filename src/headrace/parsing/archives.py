"""The parsers of archives: each file in a tar or zip as its path and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from headrace.contracts.errors import HeadraceError, RecordError
from headrace.deferred import zipfile
from headrace.parsing.files import Parsable, opened
from headrace.sources.file import File
from headrace.sources.files.compression import decompressed_by_name
from headrace.sources.files.folder import FileRecord
from headrace.sources.files.tar_members import content, members, opened_tar, read_to_end


@dataclass(frozen=True)
class Tar:
    """The parser that `hr.parse.tar` gives."""

    def __call__(self, source: Parsable) -> Iterator[FileRecord]:
        file = opened(source)
        with opened_tar(file) as read:
            for member in members(read, file):
                if member.issparse():
                    raise RecordError(
                        f"the file {member.name!r} in {str(file)!r} is stored with holes, which "
                        "cannot be read. Write the tar again without --sparse."
                    )
                if member.isreg():
                    # `tar -c .` writes it before each name.
                    path = member.name.removeprefix("./")
                    yield {"path": path, "bytes": content(read, member)}
            read_to_end(read)


@dataclass(frozen=True)
class Zip:
    """The parser that `hr.parse.zip` gives."""

    def __call__(self, source: Parsable) -> Iterator[FileRecord]:
        file = decompressed_by_name(opened(source))
        with file.open() as read:
            archive = _archive(read, file)
            for member in archive.infolist():
                if not member.is_dir():
                    yield {"path": member.filename, "bytes": _content(archive, member, file)}


def _archive(read: Any, file: File) -> Any:  # Any: zipfile is imported when it is needed
    try:
        return zipfile.ZipFile(read)
    except zipfile.BadZipFile as error:
        raise RecordError(
            f"a zip was expected, and {str(file)!r} is none, or is cut off: {error}. "
            "Write it again, or leave it out."
        ) from error


def _content(archive: Any, member: Any, file: File) -> bytes:  # Any: as above
    try:
        found: bytes = archive.read(member)
    except HeadraceError:
        raise
    except Exception as error:  # each compression has errors of its own
        raise RecordError(
            f"the file {member.filename!r} in {str(file)!r} cannot be read: {error}. "
            "Write the zip again, without a password, or leave it out."
        ) from error
    return found
