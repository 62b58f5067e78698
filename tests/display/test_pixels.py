from __future__ import annotations

import io
import sys
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from headrace.display.pixels import array_pixels, is_picture, looks_like_picture, pixels_of, shrunk

# Any, in this file: arrays of every dtype.
Array = np.ndarray[Any, Any]


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((28, 28), "u1", True),
        ((28, 28), "?", True),
        ((28, 28), "f4", True),
        ((28, 28), ml_dtypes.bfloat16, True),
        ((64, 48, 3), "u1", True),
        ((3, 64, 48), "f4", True),
        ((1, 28, 28), "f4", True),
        ((64, 48, 4), "u2", True),
        ((28, 28), "i8", False),
        ((28, 28), "c8", False),
        ((28, 28), "M8[s]", False),
        ((4, 4), "u1", False),
        ((20, 64), "f4", False),
        ((20, 64), "u1", True),
        ((784,), "u1", False),
        ((16, 28, 28), "u1", False),
        ((0, 28), "u1", False),
    ],
    ids=str,
)
def test_pictures_are_told_by_shape_and_dtype(
    shape: tuple[int, ...], dtype: Any, expected: bool
) -> None:
    assert looks_like_picture(np.zeros(shape, np.dtype(dtype))) is expected


def test_floats_up_to_one_are_shares_of_white_and_others_are_stretched() -> None:
    ramp = np.linspace(0.25, 0.75, 64).reshape(8, 8)

    assert array_pixels(ramp, most_side=8)[0, 0] == 64
    stretched = array_pixels(ramp * 10 - 4, most_side=8)
    assert (stretched.min(), stretched.max()) == (0, 255)


def test_what_is_no_number_is_as_dark_as_the_lowest() -> None:
    picture = np.full((8, 8), 0.5)
    picture[0, 0], picture[0, 1] = np.nan, np.inf

    pixels = array_pixels(picture, most_side=8)

    assert pixels[0].tolist()[:2] == [0, 255]
    assert array_pixels(np.full((8, 8), np.nan), most_side=8).max() == 0


def test_channels_come_last() -> None:
    planes = np.zeros((3, 8, 9), np.uint8)
    planes[1] = 7

    assert array_pixels(planes, most_side=9)[2, 5].tolist() == [0, 7, 0]
    assert array_pixels(planes[:1], most_side=9).shape == (8, 9)


def test_a_large_picture_becomes_the_means_of_its_blocks() -> None:
    picture = np.arange(16 * 24, dtype=np.uint16).reshape(16, 24)

    small = shrunk(picture, 12)

    assert small.dtype == np.uint16
    expected = picture.reshape(8, 2, 12, 2).mean(axis=(1, 3)).round()
    assert np.array_equal(small, expected)
    assert max(shrunk(np.zeros((1000, 9, 3), np.uint8), 100).shape) <= 100


def test_encoded_and_pillow_pictures_are_decoded() -> None:
    image = pytest.importorskip("PIL.Image").new("RGB", (64, 32), (10, 200, 30))
    payload = io.BytesIO()
    image.save(payload, "PNG")

    for value in (image, payload.getvalue(), memoryview(payload.getvalue())):
        pixels = pixels_of(value, most_side=16)
        assert is_picture(value)
        assert pixels is not None
        assert pixels.shape == (8, 16, 3)
        assert pixels[3, 3].tolist() == [10, 200, 30]


def test_a_damaged_file_is_no_picture() -> None:
    assert pixels_of(b"\xff\xd8\xff and no more", most_side=16) is None
    assert pixels_of("text", most_side=16) is None


def test_without_pillow_an_encoded_picture_is_left_encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules makes the import fail as it does where nothing is installed.
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)

    assert pixels_of(b"\x89PNG\r\n\x1a\n" + bytes(40), most_side=16) is None
