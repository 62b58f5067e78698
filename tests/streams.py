"""Streams and functions that the tests of the loader share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Backend

# Any, in this file: records of every type.
BACKENDS: list[Backend] = [hr.Inline(), hr.Threads(1), hr.Threads(3)]
each_backend = pytest.mark.parametrize("backend", BACKENDS, ids=str)


def noise(x: Any, rng: np.random.Generator) -> tuple[Any, int]:
    return x, int(rng.integers(1 << 40))


def same(x: Any) -> Any:
    return x


def shuffled(size: int = 10) -> hr.Stream[int]:
    return hr.DataRef.from_sequence(range(size)).shuffle(seed=7).stream()
