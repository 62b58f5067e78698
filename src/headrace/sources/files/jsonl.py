"""JSON Lines files: one record a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.contracts.errors import RecordError
from headrace.sources.file import File
from headrace.sources.files.chunks import chunks
from headrace.sources.files.faults import Faults, OnError, block_of, checked_policy
from headrace.sources.files.paths import Files, located, names_of

# Any, in this file: a line holds whatever JSON can.

JSONL_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
# How much of a line is shown where it does not parse.
SHOWN = 60


@dataclass(frozen=True)
class JsonlSource:
    """The values of the lines of JSON Lines files, read in order."""

    files: tuple[File, ...]
    on_error: OnError = "raise"

    @property
    def identity(self) -> str:
        """How many files, and the first one's name."""
        return names_of("jsonl", self.files)

    @property
    def size(self) -> None:
        """Not known before the files are read."""
        return None

    @property
    def is_endless(self) -> bool:
        """Files end."""
        return False

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        for block in self.blocks(epoch):
            yield from block

    def blocks(self, epoch: int) -> Iterator[list[Any]]:
        """A fresh pass, in blocks."""
        faults = Faults(self.on_error)
        decode = msgspec.json.Decoder().decode
        for file in self.files:
            line = 1
            for chunk in chunks(file):
                lines = chunk.removesuffix(b"\n").split(b"\n")
                try:
                    block = list(map(decode, lines))
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    yield from block_of(_singly(lines, file, line, faults))
                else:
                    yield block
                line += len(lines)
        faults.tell()


def _singly(lines: list[bytes], file: File, line: int, faults: Faults) -> Iterator[Any]:
    decode = msgspec.json.Decoder().decode
    for number, raw in enumerate(lines, line):
        if not raw.strip():
            continue
        try:
            record = decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            faults.meet(
                RecordError(
                    f"{file}, line {number} is no JSON value: {error}, in "
                    f"{raw[:SHOWN].decode(errors='replace')!r}. Repair the line, or leave such "
                    'lines out with on_error="skip".'
                )
            )
        else:
            yield record


def jsonl_source(places: Files, *, on_error: OnError = "raise") -> JsonlSource:
    """The lines of the files that `places` says.

    Raises:
        ArgumentError: no file is there, or there is no such policy.
    """
    checked_policy(on_error)
    return JsonlSource(located(places, suffixes=JSONL_SUFFIXES), on_error)
