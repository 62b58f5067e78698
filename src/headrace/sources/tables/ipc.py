"""Files of the Arrow IPC formats, Feather among them, as records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headrace.contracts.errors import IntegrityError, RecordError
from headrace.deferred import pyarrow as pa
from headrace.sources.tables.records import TableRecords

ARROW_SUFFIXES = (".arrow", ".feather")
# A file that can be read from anywhere begins with this; a stream does not.
FILE_MAGIC = b"ARROW1"


def arrow_source(paths: Sequence[Path]) -> TableRecords:
    """The rows of the files, one file after the other, in a memory map.

    Compressed files are decompressed into memory.

    Raises:
        RecordError: the columns of a file differ from those of the first.
        IntegrityError: a file is damaged, or none of Arrow.
    """
    tables = [_mapped(path) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        if not table.schema.equals(tables[0].schema):
            raise RecordError(
                f"files of the same columns were expected, and {str(path)!r} has "
                f"{_columns(table)}, and {str(paths[0])!r} has {_columns(tables[0])}. "
                "Read one kind of file at a time."
            )
    files = "file" if len(paths) == 1 else "files"
    return TableRecords(pa.concat_tables(tables), f"arrow[{paths[0].name}, {len(paths)} {files}]")


def _mapped(path: Path) -> pa.Table:
    try:
        source = pa.memory_map(str(path))
        is_file = source.read(len(FILE_MAGIC)) == FILE_MAGIC
        source.seek(0)
        opened = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
        return opened.read_all()
    except (pa.ArrowException, OSError, ValueError) as error:
        # It may have several lines.
        reason = " ".join(str(error).split()).rstrip(".")
        raise IntegrityError(
            f"{str(path)!r} cannot be read as Arrow: {reason}. Write the file anew, or "
            "leave it out."
        ) from error


def _columns(table: pa.Table) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in table.schema)
