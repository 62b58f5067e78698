"""Numbers in figures: range, mean, spread, and a histogram."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from headrace.display.arrays import Array, as_numbers, shares

# Text where a number would mislead: dates and times.
Bound: TypeAlias = "int | float | str"

# Bars that are told apart on a phone.
BINS = 32
# 256 KiB as float64: 16 Mi values go through twice as fast as all at once.
CHUNK = 32_768
# The squares of larger values would overflow, those of smaller ones vanish.
LEAST_SQUARED, MOST_SQUARED = 1e-150, 1e150


@dataclass(frozen=True)
class Histogram:
    """How many values are in each of equally wide bins from `least` to `most`."""

    least: Bound
    most: Bound
    counts: tuple[int, ...]


@dataclass(frozen=True)
class NumberStatistics:
    """All numbers of a field, those in arrays one by one.

    Range, mean, standard deviation (of the whole population) and histogram are of the finite
    ones, and None where there is none; `count` is of all. Dates have no mean.
    """

    count: int
    nan: int = 0
    infinite: int = 0
    least: Bound | None = None
    most: Bound | None = None
    mean: float | None = None
    std: float | None = None
    histogram: Histogram | None = None


def number_statistics(values: Array) -> NumberStatistics | None:
    """The statistics of the values of an array of any shape; None of what are no numbers."""
    flat = values.reshape(-1)
    if flat.dtype.kind in "mM":
        return _of_times(flat)
    numbers = as_numbers(flat)
    if numbers is None:
        return None
    if numbers.dtype.kind != "f":
        return _of_finite(numbers, numbers.size)
    is_finite = np.isfinite(numbers)
    finite = numbers if is_finite.all() else numbers[is_finite]
    nan = int(np.isnan(numbers).sum()) if finite.size < numbers.size else 0
    infinite = numbers.size - finite.size - nan
    return _of_finite(finite, numbers.size, nan=nan, infinite=infinite)


def _of_finite(numbers: Array, count: int, *, nan: int = 0, infinite: int = 0) -> NumberStatistics:
    if not numbers.size:
        return NumberStatistics(count, nan, infinite)
    least, most = numbers.min().item(), numbers.max().item()
    mean, std = _moments(numbers, max(abs(least), abs(most)))
    histogram = Histogram(least, most, _bins(numbers, least, most))
    return NumberStatistics(count, nan, infinite, least, most, mean, std, histogram)


def _moments(numbers: Array, largest: float) -> tuple[float, float]:
    """Mean and standard deviation, in two passes."""
    is_extreme = largest > 0 and not LEAST_SQUARED < largest < MOST_SQUARED
    scale = largest if is_extreme else 1.0
    mean = sum(float((part / scale).sum()) for part in _wide_chunks(numbers)) / numbers.size
    squares = sum(float(np.square(part / scale - mean).sum()) for part in _wide_chunks(numbers))
    return mean * scale, math.sqrt(squares / numbers.size) * scale


def _bins(numbers: Array, least: float, most: float) -> tuple[int, ...]:
    """How many numbers are in each bin; whole numbers of a small range have a bin each."""
    if least == most:
        return (numbers.size,)
    width = float(most) - float(least)
    if width < BINS and (numbers.dtype.kind in "iu" or not (numbers % 1).any()):
        bins = int(width) + 1
        # Not as floats, which large whole numbers are not.
        places = ((part - least).astype(np.int64) for part in _chunks(numbers))
    else:
        bins = BINS
        places = (
            np.minimum((shares(part, least, most) * BINS).astype(np.int64), BINS - 1)
            for part in _chunks(numbers)
        )
    counts = sum(np.bincount(part, minlength=bins) for part in places)
    return tuple(np.asarray(counts).tolist())


def _wide_chunks(numbers: Array) -> Iterator[npt.NDArray[np.float64]]:
    return (part.astype(np.float64) for part in _chunks(numbers))


def _chunks(numbers: Array) -> Iterator[Array]:
    """The numbers, few enough at a time to stay in the processor's cache."""
    return (numbers[at : at + CHUNK] for at in range(0, numbers.size, CHUNK))


def _of_times(times: Array) -> NumberStatistics:
    there = times[~np.isnat(times)]
    missing = times.size - there.size
    if not there.size:
        return NumberStatistics(times.size, missing)
    least, most = there.min(), there.max()
    ticks = there.astype(np.int64)
    counts = _bins(ticks, int(ticks.min()), int(ticks.max()))
    histogram = Histogram(str(least), str(most), counts)
    return NumberStatistics(times.size, missing, 0, str(least), str(most), histogram=histogram)
