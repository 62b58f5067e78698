"""W2d: photographs decoded and made smaller, 32 in a batch; the same function for everybody."""

# Any, in this file: records and batches are dicts of values of every type.
from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from benchmarks.case import Bench, Case
from benchmarks.cpu import tree_seconds
from benchmarks.measure import Figures, expect, read_rate, warm
from benchmarks.workloads import Workload

BATCH = 32
SIDE = 224
# Batches before CPU time is counted: whoever reads ahead has done so by then.
SETTLING = 8
# Mean difference of pixels, of 255, to who decodes and shrinks by other means.
OTHER_MEANS = 8.0

Pixels: TypeAlias = npt.NDArray[np.uint8]
# What begins the next epoch, as long as the loader is open; an epoch may have no end.
Epochs: TypeAlias = Callable[[Bench], AbstractContextManager[Callable[[], Iterable[Any]]]]


def decoded(record: dict[str, Any]) -> dict[str, Any]:
    """The record with pixels in place of its JPEG."""
    return {"image": pixels(record["jpeg"]), "label": record["label"]}


def pixels(jpeg: bytes) -> Pixels:
    """The photograph, 224 pixels wide and high."""
    # Whoever calls has workers: threads beside them would only be in their way.
    cv2.setNumThreads(1)
    image = simplejpeg.decode_jpeg(jpeg, fastdct=True)
    return np.asarray(cv2.resize(image, (SIDE, SIDE)), np.uint8)


def decode_cases(name: str, epochs: Epochs, *, by_other_means: bool = False) -> list[Case]:
    """A peer's rows: images a second, and CPU time an image."""
    most = OTHER_MEANS if by_other_means else 0.0
    return [
        Case("W2d", name, lambda bench: _rate(bench, epochs, most)),
        Case("W2d CPU", name, lambda bench: _cpu(bench, epochs, most)),
    ]


def _rate(bench: Bench, epochs: Epochs, most_difference: float) -> Figures:
    source = _warmed(bench)
    with epochs(bench) as epoch:
        figures = read_rate(
            epoch,
            records=len(source),
            per_batch=BATCH,
            check=lambda batch: _check(source, batch, most_difference),
            effort=bench.effort,
        )
    return {**figures, "unit": "images/s"}


def _cpu(bench: Bench, epochs: Epochs, most_difference: float) -> Figures:
    """Milliseconds an image of all processes together, over the length of an epoch."""
    source = _warmed(bench)
    count = len(source) // BATCH
    with epochs(bench) as epoch:
        batches = _endless(epoch)
        _check(source, next(batches), most_difference)
        _draw(batches, SETTLING)
        began_s, cpu_began_s = time.perf_counter(), tree_seconds()
        _draw(batches, count)
        cpu_s, elapsed_s = tree_seconds() - cpu_began_s, time.perf_counter() - began_s
        batches.close()
    return {"value": cpu_s / (count * BATCH) * 1e3, "unit": "ms/image", "elapsed_s": elapsed_s}


def _warmed(bench: Bench) -> Workload:
    source = bench.workload("W2")
    warm(bench.data_folder / f"{source.name}-{len(source)}")
    return source


def _endless(epoch: Callable[[], Iterable[Any]]) -> Generator[Any, None, None]:
    while True:
        yield from epoch()


def _draw(batches: Iterator[Any], count: int) -> None:
    for _ in range(count):
        next(batches)


def _check(source: Workload, batch: dict[str, Any], most_difference: float) -> None:
    ids = [int(label) for label in batch["label"]]
    images = np.asarray(batch["image"])
    expect(len(set(ids)) == BATCH and ids != sorted(ids), f"the first rows are {ids[:8]}")
    form = (images.dtype, images.shape)
    expect(form == (np.uint8, (BATCH, SIDE, SIDE, 3)), f"the images are {form}")
    for index, image in zip(ids, images, strict=True):
        wanted = pixels(source.record(index)["jpeg"])
        difference = float(np.abs(image.astype(float) - wanted).mean())
        expect(difference <= most_difference, f"row {index} differs by {difference} of 255")
