"""An encoded image is whole or not by its first and last bytes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from headrace.sources.files.pixels import fault, pixels

FORMATS = ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF"]


def encoded(form: str, mode: str = "RGB", **options: Any) -> bytes:
    image = pytest.importorskip("PIL.Image")
    noise = np.random.default_rng(7).integers(0, 255, (24, 32, 3), np.uint8)
    file = io.BytesIO()
    image.fromarray(noise).convert(mode).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", FORMATS)
def test_a_whole_image_is_in_order_and_decodes_as_pillow_does(form: str) -> None:
    image = pytest.importorskip("PIL.Image")
    content = encoded(form)

    assert fault(content) is None
    expected = np.array(image.open(io.BytesIO(content)).convert("RGB"))
    np.testing.assert_allclose(pixels(content), expected, atol=2)
    assert pixels(content).dtype == np.uint8


# Pillow writes the directory of a TIFF in front, so its end can be cut off unnoticed.
@pytest.mark.parametrize("form", FORMATS[:-1])
def test_an_image_is_cut_off_wherever_it_is_cut(form: str) -> None:
    content = encoded(form)

    assert all(fault(content[:stop]) for stop in range(len(content)))


def test_bytes_behind_the_end_of_a_jpeg_or_png_do_no_harm() -> None:
    assert fault(encoded("JPEG") + b"\0" * 100) is None
    assert fault(encoded("PNG") + b"more") is None


def test_the_end_of_a_thumbnail_is_not_the_end_of_a_jpeg() -> None:
    content = encoded("JPEG")
    thumbnail = b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content
    nested = content[:2] + thumbnail + content[2:]

    assert fault(nested) is None
    assert "cut off" in str(fault(nested[:-10]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"<html>no such image", "begins with b'<html>no', which is no image"),
        (b"II*\0\xff\0\0\0", "cut off before its directory"),
        (b"BM\x40\0\0\0", "has 6 of 64 bytes"),
    ],
)
def test_what_is_wrong_is_said(content: bytes, message: str) -> None:
    assert message in str(fault(content))


def test_all_modes_come_out_as_rgb() -> None:
    for content in (encoded("JPEG", "CMYK"), encoded("PNG", "L"), encoded("PNG", "RGBA")):
        assert pixels(content).shape == (24, 32, 3)
