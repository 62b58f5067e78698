"""Files that are opened, and streams that are read whole or in chunks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.late import LateFile
from headrace.compat.torchdata.datapipes.opened import StreamWrapper
from headrace.contracts.errors import ArgumentError, RecordError

# Any, in this file: open files of every kind.
MODES = ("b", "t", "rb", "rt", "r")


@functional_datapipe("open_files")
class FileOpener(IterDataPipe[tuple[str, StreamWrapper]]):
    """Pairs of a path and its open file: `stream.map(open)`.

    A file is opened when it is first read from: it crosses to workers until then, and a shuffle
    of files keeps none open.
    """

    def __init__(
        self,
        datapipe: Iterable[str],
        mode: str = "r",
        encoding: str | None = None,
        length: int = -1,
    ) -> None:
        if mode not in MODES:
            raise ArgumentError(
                f"Invalid mode {mode!r}: one of {', '.join(map(repr, MODES))} was expected. "
                "To write files use .save_to_disk."
            )
        if "b" in mode and encoding is not None:
            raise ArgumentError(
                f"binary mode doesn't take an encoding argument, got {encoding!r} with "
                f'{mode!r}. Leave it out, or open as text with mode="r".'
            )
        self.datapipe = datapipe
        self.mode = mode
        self.encoding = encoding
        self.length = length

    def stream(self) -> hr.Stream[Any]:
        """`stream.map(open)`."""
        mode = self.mode if "r" in self.mode else f"r{self.mode}"
        return stream_of(self.datapipe).map(Opened(mode, self.encoding))

    def __len__(self) -> int:
        return super().__len__() if self.length == -1 else self.length


@dataclass(frozen=True)
class Opened:
    """Gives the file at a path."""

    mode: str
    encoding: str | None

    def __call__(self, path: str) -> tuple[str, StreamWrapper]:
        if not isinstance(path, str):
            raise RecordError(
                f"Expected string type for pathname, but got {type(path)}. "
                ".map the records to the paths of files."
            )
        return path, StreamWrapper(LateFile(partial(open, path, self.mode, encoding=self.encoding)))


@functional_datapipe("read_from_stream")
class StreamReader(IterDataPipe[tuple[str, Any]]):
    """Pairs of a label and what its file holds, whole or `chunk` bytes at a time."""

    def __init__(self, datapipe: IterDataPipe[Any], chunk: int | None = None) -> None:
        self.datapipe = datapipe
        self.chunk = chunk

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.datapipe).flat_map(Chunks(self.chunk))


@dataclass(frozen=True)
class Chunks:
    """Gives a file's content in pieces, and closes it."""

    size: int | None

    def __call__(self, opened: tuple[str, Any]) -> Iterator[tuple[str, Any]]:
        label, file = opened
        try:
            while piece := file.read(self.size):
                yield label, piece
        finally:
            file.close()
