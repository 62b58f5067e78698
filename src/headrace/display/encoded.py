"""Which kind of file some bytes are, told by how they begin; sizes of pictures by their heads."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Payload: TypeAlias = "bytes | bytearray | memoryview"

# Signatures end within so many bytes.
HEAD_BYTES = 64
# The second byte of the JPEG markers that hold the picture's size; C4, C8 and CC are tables.
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# The sizes that the header of a BMP can have: "BM" alone begins many texts.
BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)


@dataclass(frozen=True)
class Encoded:
    """A kind of file; `mime` is that of a picture that browsers show, "" of all else."""

    name: str
    mime: str = ""
    width: int = 0
    height: int = 0

    def __str__(self) -> str:
        return f"{self.name} {self.width}x{self.height}" if self.width else self.name


def encoded_kind(payload: Payload) -> Encoded | None:
    """The kind of file that `payload` is, None where it begins like none that is known."""
    view = memoryview(payload).cast("B")
    head = bytes(view[:HEAD_BYTES])
    for name, mime, matches, size in PICTURES:
        if matches(head):
            return Encoded(name, mime, *_size(size, view))
    for signature, name in FILES:
        if head.startswith(signature):
            return Encoded(name)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return Encoded("WAV")
    return Encoded("MP4") if head[4:8] == b"ftyp" else None


def _size(size: Callable[[memoryview], tuple[int, int]], view: memoryview) -> tuple[int, int]:
    try:
        return size(view)
    except (struct.error, IndexError):
        return 0, 0


def _jpeg_size(view: memoryview) -> tuple[int, int]:
    at = 2
    while True:
        marker, length = view[at + 1], struct.unpack_from(">H", view, at + 2)[0]
        if view[at] != 0xFF:
            return 0, 0
        if marker in FRAME_MARKERS:
            height, width = struct.unpack_from(">HH", view, at + 5)
            return width, height
        at += 2 + length


def _png_size(view: memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", view, 16)
    return width, height


def _gif_size(view: memoryview) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", view, 6)
    return width, height


def _bmp_size(view: memoryview) -> tuple[int, int]:
    if struct.unpack_from("<I", view, 14)[0] == BMP_HEADERS[0]:
        width, height = struct.unpack_from("<HH", view, 18)
    else:
        width, height = struct.unpack_from("<ii", view, 18)
    return abs(width), abs(height)


def _webp_size(view: memoryview) -> tuple[int, int]:
    form = bytes(view[12:16])
    if form == b"VP8X":
        wide, high = bytes(view[24:27]), bytes(view[27:30])
        return int.from_bytes(wide, "little") + 1, int.from_bytes(high, "little") + 1
    if form == b"VP8L":
        bits = struct.unpack_from("<I", view, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack_from("<HH", view, 26)
    return width & 0x3FFF, height & 0x3FFF


def _no_size(_: memoryview) -> tuple[int, int]:
    return 0, 0


def _is_bmp(head: bytes) -> bool:
    if head[:2] != b"BM" or len(head) < HEAD_BYTES // 2:
        return False
    return int.from_bytes(head[14:18], "little") in BMP_HEADERS


# Name, MIME type, how it is known, how its size is read. Browsers do not show TIFF.
PICTURES: tuple[
    tuple[str, str, Callable[[bytes], bool], Callable[[memoryview], tuple[int, int]]], ...
] = (
    ("JPEG", "image/jpeg", lambda head: head.startswith(b"\xff\xd8\xff"), _jpeg_size),
    ("PNG", "image/png", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _png_size),
    ("GIF", "image/gif", lambda head: head[:6] in (b"GIF87a", b"GIF89a"), _gif_size),
    ("WebP", "image/webp", lambda head: head[:4] + head[8:12] == b"RIFFWEBP", _webp_size),
    ("BMP", "image/bmp", _is_bmp, _bmp_size),
    ("AVIF", "image/avif", lambda head: head[4:12] == b"ftypavif", _no_size),
)
FILES = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"fLaC", "FLAC"),
    (b"OggS", "Ogg"),
    (b"ID3", "MP3"),
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\x93NUMPY", "npy"),
    (b"PAR1", "Parquet"),
    (b"ARROW1", "Arrow"),
)
