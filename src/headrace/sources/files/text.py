"""Text files: one record a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headrace.contracts.errors import RecordError
from headrace.sources.file import File
from headrace.sources.files.chunks import UTF8, checked_encoding, chunks, plain_lines
from headrace.sources.files.faults import Faults, OnError, block_of, checked_policy
from headrace.sources.files.paths import Files, located, names_of

TEXT_SUFFIXES = (".txt", ".text", ".md", ".txt.gz", ".text.gz", ".md.gz")


@dataclass(frozen=True)
class TextSource:
    """The lines of text files, without what ends them, read in order."""

    files: tuple[File, ...]
    encoding: str = UTF8
    on_error: OnError = "raise"

    @property
    def identity(self) -> str:
        """How many files, and the first one's name."""
        return names_of("text", self.files)

    @property
    def size(self) -> None:
        """Not known before the files are read."""
        return None

    @property
    def is_endless(self) -> bool:
        """Files end."""
        return False

    def draw(self, epoch: int) -> Iterator[str]:
        """A fresh pass."""
        for block in self.blocks(epoch):
            yield from block

    def blocks(self, epoch: int) -> Iterator[list[str]]:
        """A fresh pass, in blocks."""
        faults = Faults(self.on_error)
        for file in self.files:
            line = 1
            for chunk in chunks(file, self.encoding):
                lines = plain_lines(chunk)
                yield from self._block(lines, file, line, faults)
                line += lines.count(b"\n") + 1
        faults.tell()

    def _block(self, lines: bytes, file: File, line: int, faults: Faults) -> Iterator[list[str]]:
        try:
            block = lines.decode().split("\n")
        except UnicodeDecodeError:
            yield from block_of(self._singly(lines, file, line, faults))
        else:
            yield block

    def _singly(self, lines: bytes, file: File, line: int, faults: Faults) -> Iterator[str]:
        for number, raw in enumerate(lines.split(b"\n"), line):
            try:
                text = raw.decode()
            except UnicodeDecodeError as error:
                faults.meet(
                    RecordError(
                        f"{file}, line {number} is no text in {self.encoding}: {error.reason}. "
                        "Pass the encoding= that the file was written in, or leave such lines "
                        'out with on_error="skip".'
                    )
                )
            else:
                yield text


def text_source(places: Files, *, encoding: str = UTF8, on_error: OnError = "raise") -> TextSource:
    """The lines of the files that `places` says.

    Raises:
        ArgumentError: no file is there, or there is no such encoding or policy.
    """
    checked_policy(on_error)
    found = located(places, suffixes=TEXT_SUFFIXES)
    return TextSource(found, checked_encoding(encoding), on_error)
