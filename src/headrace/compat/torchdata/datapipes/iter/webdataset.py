"""Files of one name as one record, as WebDataset groups them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.archives import TarArchiveLoader, ZipArchiveLoader
from headrace.contracts.errors import RecordError

# Any, in this file: records of every type.

# What comes before the first dot of a file's name, with its folder, and what comes from it on.
NAME = re.compile(r"(.*?)([.][^/]*)", re.DOTALL)


@functional_datapipe("webdataset")
class WebDataset(IterDataPipe[dict[str, Any]]):
    """Dicts of neighbouring files of one name, by what follows it: `stream.through`.

    Right behind `load_from_tar` or `load_from_zip` it is one `flat_map` with it, which workers
    run. `hr.parse.webdataset()` is headrace's own.
    """

    def __init__(self, source_datapipe: IterDataPipe[Any]) -> None:
        self.source_datapipe = source_datapipe

    def stream(self) -> hr.Stream[Any]:
        """`stream.through`, or `stream.flat_map`."""
        source = self.source_datapipe
        # No record spans two archives, whose paths its key begins with.
        if type(source) in (TarArchiveLoader, ZipArchiveLoader):
            return stream_of(source.datapipe).flat_map(Grouped(source.parser))
        return stream_of(source).through(grouped)


@dataclass(frozen=True)
class Grouped:
    """Gives the records in an archive."""

    parse: Callable[[Any], Iterator[tuple[str, Any]]]

    def __call__(self, opened: Any) -> Iterator[dict[str, Any]]:
        return grouped(self.parse(opened))


def grouped(files: Iterator[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """The records of files; those without a suffix belong to none."""
    record: dict[str, Any] = {}
    for path, content in files:
        if not isinstance(path, str):
            raise RecordError(
                f"webdataset groups pairs of a path and its content, got {path!r} for a path. "
                ".map the records to such pairs."
            )
        name = NAME.fullmatch(path.replace("\\", "/"))
        if name is None:
            continue
        key, suffix = name.groups()
        if record and record["__key__"] != key:
            yield record
            record = {}
        record.setdefault("__key__", key)
        record[suffix] = content
    if record:
        yield record
