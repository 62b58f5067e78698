"""Arrays as people read them: anything array-like as an array, its numbers, and its line."""

from __future__ import annotations

import sys
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headrace.formats.schema.dtypes import USER_DTYPE, Dtype, short_name

# Any, in this file: values are the user's, of every type, and arrays of every dtype.
Array: TypeAlias = "npt.NDArray[Any]"

# Arrays up to so many values are written out.
WRITTEN_OUT = 8
# Larger ones are not gone through for the sake of one line.
MOST_VALUES = 2**24


def as_array(value: object) -> Array | None:
    """`value` as an array where it is one, or a tensor of a framework."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, np.generic) or not hasattr(value, "__array__"):
        return None
    try:
        array = np.asarray(_on_cpu(value))
    except (TypeError, ValueError, RuntimeError):
        return None
    return None if array.dtype == object else array


def _on_cpu(value: Any) -> Any:
    # Who has a tensor has imported its framework.
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return value
    tensor: Any = value.detach().cpu()
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def as_numbers(array: Array) -> Array | None:
    """The same array in a dtype that NumPy computes with; None of what are no numbers.

    True counts as 1, and of complex numbers it is the magnitude.
    """
    kind = array.dtype.kind
    if kind == "b":
        return array.view(np.uint8)
    if kind == "c":
        return np.abs(array.astype(np.complex128))
    if array.dtype.isbuiltin == USER_DTYPE or (kind == "f" and array.dtype.itemsize == 2):
        return array.astype(np.float32)
    if kind not in "iuf":
        return None
    if kind == "f" and array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def shares(numbers: Array, least: float, most: float) -> npt.NDArray[np.float64]:
    """How far each number is on the way from `least` to `most`, 0 to 1; NaN counts as least."""
    # In halves, because the whole range of float64 is not a float64.
    way: npt.NDArray[np.float64] = numbers.astype(np.float64) / 2
    way -= least / 2
    way /= (most / 2 - least / 2) or 1.0
    return np.nan_to_num(way, nan=0.0, posinf=1.0, neginf=0.0).clip(0.0, 1.0)


def is_float(array: Array) -> bool:
    """Whether the values are floats, those of other packages among them (`bfloat16`)."""
    return "float" in array.dtype.name


def array_text(array: Array) -> str:
    """One line: dtype, shape, and the values where they are few, their range otherwise."""
    head = f"{dtype_text(array.dtype)} {array.shape}"
    if array.size == 0 or array.size > MOST_VALUES:
        return head
    if array.size <= WRITTEN_OUT:
        return f"{head} {_written(array)}"
    return f"{head} {_range(array)}".rstrip()


def dtype_text(dtype: Dtype) -> str:
    """The dtype as it is said to people: `uint8`, `bfloat16`, `<U4`."""
    return dtype.str if dtype.kind in "SU" else short_name(dtype)


def number_text(value: Any) -> str:
    """A number as short as it can be told from its neighbours by eye."""
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        return f"{float(value):.6g}"
    return str(value)


def short_number(value: Any) -> str:
    """A number to three or four digits."""
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        digits = max(4, len(str(int(abs(number))))) if abs(number) < 1e6 else 4
        return f"{number:.{digits}g}"
    return str(value)


def _written(array: Array) -> str:
    if array.dtype.kind in "iufcb" or array.dtype.isbuiltin == USER_DTYPE:
        if array.dtype.isbuiltin == USER_DTYPE:
            array = array.astype(np.float32)
        text = np.array2string(array, precision=4, suppress_small=True, separator=" ")
        return " ".join(text.split()).replace("[ ", "[").replace(" ]", "]")
    return str(array.tolist())


def _range(array: Array) -> str:
    if array.dtype.kind in "mM":
        there = array[~np.isnat(array)]
        return f"{there.min()}..{there.max()}" if there.size else "all NaT"
    numbers = as_numbers(array)
    if numbers is None:
        return ""
    finite = numbers if numbers.dtype.kind != "f" else numbers[np.isfinite(numbers)]
    if not finite.size:
        return "none finite"
    with np.errstate(over="ignore", invalid="ignore"):
        mean = finite.mean(dtype=np.float64)
    said = f"{short_number(finite.min())}..{short_number(finite.max())}"
    # The sum of the largest floats is none.
    said += f" mean {short_number(mean)}" if np.isfinite(mean) else ""
    if array.dtype.kind == "c":
        said = f"magnitude {said}"
    missing = numbers.size - finite.size
    return f"{said}, {missing} not finite" if missing else said
