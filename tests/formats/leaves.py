"""A value of every kind of leaf, by name, out of a random generator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ml_dtypes
import numpy as np

# Any, in this file: values of every type.
Rng = np.random.Generator

TEXTS = ["", "a", "water", "Mühle", "水車", "a\0b", "🌊" * 9]
DTYPES = [
    "bool",
    "i1",
    "u1",
    "<i2",
    ">i4",
    "i8",
    "u8",
    "f2",
    "f4",
    ">f8",
    "g",
    "c8",
    "c16",
    "G",
    "M8[D]",
    "M8[s]",
    "M8[3us]",
    "m8[ns]",
    "S3",
    "U4",
    ">U2",
    "V5",
    ml_dtypes.bfloat16,
    ml_dtypes.float8_e4m3fn,
    ml_dtypes.int4,
    np.dtype([("at", ">i4"), ("x", "f4", (2,)), ("name", "S2")]),
    np.dtype({"names": ["a", "b"], "formats": ["u1", "f8"], "offsets": [3, 8], "itemsize": 24}),
]


def array(rng: Rng, dtype: Any, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """An array of random values."""
    made: np.dtype[Any] = np.dtype(dtype)
    numbers = rng.integers(0, 100, shape)
    if made.kind in "SU":
        return np.asarray(numbers).astype(str).astype(made)
    if made.kind == "V" and made.isbuiltin != 2:
        raw = rng.integers(0, 100, (*shape, made.itemsize), dtype=np.uint8)
        found = np.zeros(shape, made)
        if made.names is None:
            found[...] = raw.view(made).reshape(shape)
            return found
        for name in made.names:
            found[name] = rng.integers(0, 9, found[name].shape).astype(found[name].dtype)
        return found
    return np.asarray(numbers % 7).astype(made)


def ragged(rng: Rng, dtype: Any, ndim: int) -> np.ndarray[Any, Any]:
    """An array of random extents, 0 among them."""
    return array(rng, dtype, tuple(rng.integers(0, 4, ndim)))


def _of_dtypes() -> dict[str, Callable[[Rng], Any]]:
    made: dict[str, Callable[[Rng], Any]] = {}
    for dtype in DTYPES:
        name = np.dtype(dtype).name if np.dtype(dtype).isnative else str(dtype)
        for shape in ((3,), (2, 1, 2), (0, 2), ()):
            made[f"{name}{list(shape)}"] = partial(array, dtype=dtype, shape=shape)
        for ndim in (1, 2):
            made[f"{name} ragged {ndim}-d"] = partial(ragged, dtype=dtype, ndim=ndim)
        made[f"{name} scalar"] = partial(_scalar, dtype=dtype)
    return made


def _scalar(rng: Rng, dtype: Any) -> Any:
    return array(rng, dtype, (1,))[0]


LEAVES: dict[str, Callable[[Rng], Any]] = {
    "none": lambda rng: None,
    "bool": lambda rng: bool(rng.integers(2)),
    "int": lambda rng: int(rng.integers(-(2**63), 2**63, dtype=np.int64)),
    "float": lambda rng: [0.0, -0.0, 1.5, float("nan"), float("-inf")][rng.integers(5)],
    "complex": lambda rng: complex(rng.random(), -0.0),
    "str": lambda rng: TEXTS[rng.integers(len(TEXTS))],
    "long str": lambda rng: "turbine" * int(rng.integers(100, 200)),
    "bytes": lambda rng: rng.bytes(int(rng.integers(0, 9))),
    "long bytes": lambda rng: rng.bytes(int(rng.integers(5000, 6000))),
    "numpy str": lambda rng: np.str_(TEXTS[rng.integers(len(TEXTS))]),
    "numpy bytes": lambda rng: np.bytes_(rng.bytes(int(rng.integers(0, 9)))),
    "fortran": lambda rng: np.asfortranarray(array(rng, "f4", (2, 3))),
    "strided": lambda rng: array(rng, "i8", (6,))[::2],
    **_of_dtypes(),
}
