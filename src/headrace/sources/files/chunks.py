"""The bytes of text files as UTF-8, in chunks of whole lines or rows."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from typing import IO

from headrace.contracts.errors import ArgumentError, RecordError, StorageError
from headrace.sources.file import File, unreadable
from headrace.sources.files.compression import decompressed_by_name

# Long enough for tight loops, short enough to be held a few times over.
CHUNK_BYTES = 2**20
UTF8 = "utf-8"


def checked_encoding(encoding: str) -> str:
    """The encoding by its usual name. Raises ArgumentError where there is none such."""
    try:
        name = codecs.lookup(encoding).name
        # Some turn bytes into bytes (hex), or have no bytes to keep what does not decode (idna).
        "a".encode(name, "surrogateescape")
    except (LookupError, ValueError, TypeError):
        raise ArgumentError(
            f"encoding must be a text encoding that Python knows, got {encoding!r}. "
            'Give a name such as "utf-8", "cp1252" or "utf-16".'
        ) from None
    # A mark at the beginning of a file is passed over in either.
    return UTF8 if name == "utf-8-sig" else name


def last_line_end(buffer: bytes) -> int:
    """Where the last whole line of `buffer` ends; 0 where there is none."""
    return buffer.rfind(b"\n") + 1


def chunks(
    file: File, encoding: str = UTF8, end_of_last: Callable[[bytes], int] = last_line_end
) -> Iterator[bytes]:
    """The file in chunks that end where a line does; the last one where the file does.

    What does not decode stays in it as bytes that are no UTF-8, for whoever reads the line.

    Raises:
        StorageError: it cannot be read, or is not compressed as its name says.
    """
    held, held_bytes, wanted_bytes = [b""], 0, 0
    for piece in _pieces(file, encoding):
        held.append(piece)
        held_bytes += len(piece)
        if held_bytes < wanted_bytes:
            continue
        buffer = b"".join(held)
        end = end_of_last(buffer)
        if end:
            yield buffer[:end]
        held, held_bytes = [buffer[end:]], len(buffer) - end
        # A line may be longer than any chunk: twice as much is looked through each time.
        wanted_bytes = 2 * held_bytes
    if held_bytes:
        yield b"".join(held)


def plain_lines(chunk: bytes) -> bytes:
    """The chunk with a newline between its lines, whatever ended them, and none at its end."""
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return chunk.removesuffix(b"\n")


def _pieces(file: File, encoding: str) -> Iterator[bytes]:
    try:
        with decompressed_by_name(file).open() as opened:
            yield from _in_utf8(opened, file, encoding)
    except StorageError:
        raise
    except OSError as error:
        raise unreadable(str(file), error) from error


def _in_utf8(opened: IO[bytes], file: File, encoding: str) -> Iterator[bytes]:
    if encoding == UTF8:
        first = opened.read(CHUNK_BYTES).removeprefix(codecs.BOM_UTF8)
        yield first
        while piece := opened.read(CHUNK_BYTES):
            yield piece
        return
    # A byte that does not decode becomes a surrogate, and that three bytes that are no UTF-8.
    with io.TextIOWrapper(opened, encoding, errors="surrogateescape", newline="") as text:
        try:
            while part := text.read(CHUNK_BYTES):
                yield part.encode(UTF8, "surrogatepass")
        except UnicodeDecodeError as error:
            raise RecordError(
                f"{file} is no text in {encoding}: {error.reason}. "
                "Pass the encoding= that it was written in."
            ) from error
