"""Loaders behind `storage.cacheable`, timed: the first run, and every one after it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from sklearn.datasets import load_digits

import headrace as hr
from demo_parts.failure import DemoFailure
from demo_parts.photos import augmented, slow_loader, write_crops

# Any, in this file: records hold arrays, numbers and text.

DARKEST = 16.0
SHUFFLE_SEED = 3
BATCH_SIZE = 64
CHECKED_PHOTOS = 5


@dataclass(frozen=True)
class Timing:
    """One run of a cached loader, up to the last record of a shuffled epoch."""

    seconds: float
    records: int
    loader_calls: int
    checksum: str


@dataclass(frozen=True)
class Cached:
    """What is known of a dataset after two runs of its loader.

    `built_s` is how long the run took that built it: the first one, or one of an earlier demo;
    None where nobody knows, because that demo was stopped.
    """

    dataset: str
    version: str
    size_bytes: int
    first: Timing
    second: Timing
    built_s: float | None

    @property
    def was_there(self) -> bool:
        """Whether an earlier demo had built it."""
        return self.first.loader_calls == 0

    @property
    def times_faster(self) -> float | None:
        """How many times longer building took than the second run."""
        return None if self.built_s is None else self.built_s / self.second.seconds


def digits() -> dict[str, Any]:
    """scikit-learn's digits: id, image as (8, 8) float32 from 0 to 1, label from 0 to 9."""
    bunch = load_digits()
    return {
        "id": np.arange(len(bunch.target)),
        "image": (bunch.images / DARKEST).astype(np.float32),
        "label": bunch.target,
    }


def cache_digits(output: Path) -> Cached:
    """Caches the digits and reads them back."""
    return _run_twice(output, "digits", "1.0", digits)


def cache_photos(output: Path, count: int) -> Cached:
    """Caches the decoded, augmented photos, reads them back, and compares some of them."""
    folder = output / f"jpegs-{count}"
    write_crops(folder, count)
    cached = _run_twice(output, "photos", f"{count}-crops", lambda: slow_loader(folder))
    stored = hr.Storage(output / "storage").fetch(cached.dataset, cached.version)
    fresh = slow_loader(folder).take(CHECKED_PHOTOS)
    for number, photo in enumerate(fresh):
        if not np.array_equal(stored[number]["pixels"], photo["pixels"]):
            raise DemoFailure(
                f"photo {number} came back from {cached.dataset} with other pixels than "
                f"{augmented.__name__} gives it. Delete {output} and run the demo again."
            )
    return cached


def _run_twice(output: Path, dataset: str, version: str, load: Callable[[], Any]) -> Cached:
    first = _timed_run(output, dataset, version, load)
    second = _timed_run(output, dataset, version, load)
    if second.loader_calls or first.checksum != second.checksum:
        raise DemoFailure(
            f"the second run called the {dataset} loader {second.loader_calls} times and read "
            f"{second.records} records of checksum {second.checksum}; expected no call and "
            f"{first.records} records of checksum {first.checksum}."
        )
    size_bytes = hr.Storage(output / "storage").verify(dataset, version).size_bytes
    built_s = _built_s(output / "build-times.json", f"{dataset} {version}", first)
    return Cached(dataset, version, size_bytes, first, second, built_s)


def _timed_run(output: Path, dataset: str, version: str, load: Callable[[], Any]) -> Timing:
    """What a training script does: call the cached loader, then read all records, shuffled."""
    calls = 0
    # A new Storage each time, as in a new process: nothing is remembered but the files.
    storage = hr.Storage(output / "storage")

    @storage.cacheable(dataset, version)
    def loader() -> Any:
        nonlocal calls
        calls += 1
        return load()

    start = time.perf_counter()
    records, digest = 0, xxhash.xxh3_64()
    batches: hr.Stream[Any] = loader().shuffle(seed=SHUFFLE_SEED).stream().batch(BATCH_SIZE)
    for batch in batches:
        for leaf in batch.values():
            # Every byte is read, or the time would say nothing. Text comes as a list.
            digest.update(leaf.data if isinstance(leaf, np.ndarray) else "".join(leaf).encode())
        records += len(leaf)
    return Timing(time.perf_counter() - start, records, calls, digest.hexdigest())


def _built_s(file: Path, title: str, first: Timing) -> float | None:
    """How long building took: now, or as an earlier demo wrote down, if it came so far."""
    times: dict[str, float] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    if first.loader_calls:
        times[title] = first.seconds
        file.write_text(json.dumps(times), "utf-8")
    return times.get(title)
