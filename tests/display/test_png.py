from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError
from headrace.display.png import png


def decoded(payload: bytes) -> np.ndarray[Any, Any]:  # Any: what Pillow gives
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(payload)))


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([0, 1, 3, 4]), st.integers(0, 9))
def test_another_reader_finds_the_same_pixels(
    height: int, width: int, channels: int, seed: int
) -> None:
    shape = (height, width, channels) if channels else (height, width)
    noise = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    smooth = np.add.accumulate(noise // 64, axis=0, dtype=np.uint8)

    for pixels in (noise, smooth):
        found = decoded(png(pixels))
        assert np.array_equal(found, pixels[:, :, 0] if channels == 1 else pixels)


def test_a_photograph_is_made_smaller_by_what_its_neighbours_foretell() -> None:
    pixels = pytest.importorskip("skimage.data").astronaut()[::3, ::3]

    assert len(png(pixels)) < 0.8 * pixels.nbytes
    assert np.array_equal(decoded(png(pixels)), pixels)


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(np.zeros((4, 4)), id="floats"),
        pytest.param(np.zeros((4, 4, 2), np.uint8), id="two channels"),
        pytest.param(np.zeros(4, np.uint8), id="one axis"),
    ],
)
def test_what_is_no_picture_is_refused(pixels: np.ndarray[Any, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"a PNG needs uint8 .* got .* put channels last"):
        png(pixels)


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"one pixel at least, got shape \(0, 4\)\. Leave"):
        png(np.zeros((0, 4), np.uint8))
