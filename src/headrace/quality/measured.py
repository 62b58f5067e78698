"""The measures of a shuffle: each is told beside that of an exact shuffle of the same indices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.contracts import Indices, Order
from headrace.contracts.errors import ArgumentError, whole
from headrace.dataref import DataRef
from headrace.quality.report import ShuffleQuality
from headrace.quality.seen import SEED, Seen, seen
from headrace.streams import Stream

# Any, in this file: labels and records are the user's, of every type.

# Numbers are then good to some 1 %, and an order of any length takes a tenth of a second.
MOST_POSITIONS = 2**18
# Exact shuffles of so few indices differ; as many are drawn as have this many in all.
DRAWN_POSITIONS = 2**17
MOST_DRAWS = 64
# The labels of sorted data, where nothing else is known: a tenth of the records each. Their
# borders are moved on by a part of a tenth (of the golden ratio, which is far from every
# fraction): where they fell on those of windows, a wide window would look like none.
CLASSES = 10
MOVED = (3 - math.sqrt(5)) / 2
# A plot of more points is no clearer.
PLOTTED_POINTS = 2_000
PLOTTED_BATCHES = 24


def shuffle_quality(
    shuffled: Order | DataRef[Any] | Stream[Any] | npt.ArrayLike,
    *,
    batch_size: int = 64,
    epoch: int = 0,
    labels: npt.ArrayLike | None = None,
    most: int = MOST_POSITIONS,
) -> ShuffleQuality:
    """How well an order mixes: numbers by which to choose a shuffle and its window.

    Of an Order, a DataRef, and a Stream that only reorders, positions are computed and nothing is
    read; where there are more than `most`, batches spread over the whole are looked at. Another
    Stream is read, up to `most` records, which are indices or tuples that begin with one: put
    `.enumerate()` behind its source. Indices from elsewhere are measured as they are.

    `labels` holds a label for each index. Without it records are taken to be sorted by classes of
    a tenth of them each, the worst case. **Cost**: some 0.1 s.

    **Source**: the rank correlation of C. Spearman, "The Proof and Measurement of Association
    between Two Things" (1904); the entropy of C. E. Shannon, "A Mathematical Theory of
    Communication" (1948).

    Raises:
        ArgumentError: `batch_size` or `most` is below 2, `labels` has none for an index, or
            there are fewer than two positions, or no indices.
        StreamError: the order has no end.

    Example:
        >>> import headrace as hr
        >>> ref = hr.DataRef.from_sequence(range(50_000))
        >>> for window in (100, 10_000, 50_000):
        ...     quality = hr.shuffle_quality(ref.stream().shuffle(window, seed=7))
        ...     print(f"{window:6,}  {quality.label_mix:.2f}  {quality.neighbour_distance:.2f}")
           100  0.00  0.00
        10,000  0.44  0.20
        50,000  1.00  1.01
    """
    batch_size = whole("batch_size", batch_size, least=2, remedy="One record alone has no mix.")
    epoch = whole("epoch", epoch, least=0, remedy="Epochs are counted from 0.")
    most = whole("most", most, least=2, remedy="Leave it out to look at 262,144 positions.")
    found = seen(shuffled, batch_size=batch_size, epoch=epoch, most=most)
    codes = _codes(found, labels)
    return ShuffleQuality(
        order=found.name,
        epoch=epoch,
        count=found.count,
        looked_at=found.indices.size,
        batch_size=found.indices.shape[1],
        label_count=len(np.unique(codes)),
        rank_correlation=rank_correlation(found.indices.ravel()),
        displacement=displacement(found),
        neighbour_distance=_share(neighbour_distance, found.indices),
        label_mix=_share(label_mix, codes),
        points=_points(found),
        batches=_batches(codes),
    )


def rank_correlation(indices: Indices) -> float:
    """Spearman's correlation between place and index; 0 where all are the same."""
    _, inverse, counts = np.unique(indices, return_inverse=True, return_counts=True)
    # Equal indices share the mean of their ranks.
    ranks = (np.cumsum(counts) - (counts + 1) / 2)[inverse]
    places = np.arange(len(ranks), dtype=np.float64)
    ranks, places = ranks - ranks.mean(), places - places.mean()
    size = math.sqrt(float(ranks @ ranks) * float(places @ places))
    return float(ranks @ places) / size if size else 0.0


def displacement(found: Seen) -> float:
    """How far indices are from their places, as a share of that of an exact shuffle."""
    low, high = _span(found)
    is_whole = high - low + 1 == found.count
    last = found.count - 1 if is_whole else int(found.positions.max())
    # A part of a dataset is spread over its places before they are compared.
    scale = last / max(1, high - low)
    moved = np.abs((found.indices - low) * scale - found.positions).mean()
    # The mean distance of two places drawn at random.
    return float(moved / ((found.count**2 - 1) / (3 * found.count)))


def neighbour_distance(indices: Indices) -> float:
    """The median difference between the indices of neighbours in a batch."""
    return float(np.median(np.abs(np.diff(indices, axis=1))))


def label_mix(codes: Indices) -> float:
    """The mean entropy of the labels in a batch."""
    batches, size = codes.shape
    ordered = np.sort(codes, axis=1)
    is_first = np.ones(codes.shape, dtype=bool)
    is_first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    begins = np.flatnonzero(is_first)
    counts = np.diff(begins, append=codes.size)
    shares = counts / size
    return float(-(shares * np.log(shares)).sum() / batches) + 0.0


def _share(measure: Callable[[Indices], float], batches: Indices) -> float:
    """A measure of these batches, as a share of that of exact shuffles of what they hold."""
    drawn = float(np.mean([measure(batch) for batch in _exact(batches)]))
    # Where an exact shuffle mixes nothing, there is nothing to mix.
    return measure(batches) / drawn if drawn else 1.0


def _exact(batches: Indices) -> Iterator[Indices]:
    random = np.random.default_rng(SEED)
    for _ in range(min(MOST_DRAWS, -(-DRAWN_POSITIONS // batches.size))):
        yield random.permutation(batches.ravel()).reshape(batches.shape)


def _span(found: Seen) -> tuple[int, int]:
    """The least and the greatest index that the order visits."""
    low, high = int(found.indices.min()), int(found.indices.max())
    # What was not looked at lies outside too; an order of as many indices visits them all.
    return (0, found.count - 1) if low >= 0 and high < found.count else (low, high)


def _codes(found: Seen, labels: npt.ArrayLike | None) -> Indices:
    """The label of each index, counted from 0 in the order of labels."""
    if labels is None:
        low, high = _span(found)
        # Not in integers: ten times the greatest index might not fit.
        return ((found.indices - low) / (high - low + 1) * CLASSES + MOVED).astype(np.int64)
    known = np.asarray(labels)
    low, high = int(found.indices.min()), int(found.indices.max())
    if known.ndim != 1 or low < 0 or high >= len(known):
        raise ArgumentError(
            f"labels of shape {known.shape} were given, and the indices are {low} to {high}. One "
            "label for each index of the dataset was expected, in the order as stored. Give all "
            "of them, or leave labels out for those of sorted data."
        )
    try:
        _, codes = np.unique(known, return_inverse=True)
    except TypeError as error:
        raise ArgumentError(
            f"labels are counted by sorting them, and these cannot be: {error}. Labels of one "
            "type were expected, such as whole numbers or text. Give those without None."
        ) from error
    return codes.astype(np.int64)[found.indices]


def _points(found: Seen) -> tuple[tuple[int, int], ...]:
    positions, indices = found.positions.ravel(), found.indices.ravel()
    size = min(PLOTTED_POINTS, len(indices))
    chosen = np.sort(np.random.default_rng(SEED).choice(len(indices), size, replace=False))
    return tuple(zip(positions[chosen].tolist(), indices[chosen].tolist(), strict=True))


def _batches(codes: Indices) -> tuple[tuple[int, ...], ...]:
    """How many of each tenth of the labels are in some batches, spread over the epoch."""
    chosen = np.linspace(0, len(codes) - 1, min(PLOTTED_BATCHES, len(codes))).astype(np.int64)
    tenths = codes[chosen] * CLASSES // max(CLASSES, int(codes.max()) + 1)
    return tuple(tuple(np.bincount(row, minlength=CLASSES).tolist()) for row in tenths)
