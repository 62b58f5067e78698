"""The errors, and the checks that raise them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from headrace.contracts import errors

BUILT_IN = {
    "ArgumentError": ValueError,
    "InvalidName": ValueError,
    "NotFound": KeyError,
    "VersionExists": FileExistsError,
    "RecordError": TypeError,
    "PickleRefused": PermissionError,
    "StorageError": OSError,
    "StateError": ValueError,
    "StreamError": TypeError,
    "ClosedError": RuntimeError,
    "MissingExtra": ImportError,
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_error_is_the_root_and_the_built_in_that_its_drawing_says(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, errors.HeadraceError)
    assert issubclass(kind, BUILT_IN[name])
    assert errors.__doc__ is not None
    line = next(line for line in errors.__doc__.splitlines() if f" {name} " in line)
    assert f"(also {BUILT_IN[name].__name__})" in line


def test_not_found_prints_a_plain_sentence() -> None:
    assert str(errors.NotFound("there is no 'x'.")) == "there is no 'x'."
    assert str(errors.NotFound()) == ""


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
def test_whole_numbers_of_every_kind_are_taken(value: Any) -> None:
    assert errors.whole("n", value, least=3, remedy="") == 3
    assert errors.seed_value(value) == 3


@pytest.mark.parametrize("value", [2, True, 3.0, float("nan"), "3", None, np.float64(3)])
def test_everything_else_is_refused_with_value_bound_and_remedy(value: Any) -> None:
    with pytest.raises(
        errors.ArgumentError, match="n must be a whole number of at least 3, got .*R"
    ):
        errors.whole("n", value, least=3, remedy="Raise it.")


@pytest.mark.parametrize("value", [True, 3.0, float("nan"), "3", None, 2**64, -(2**63) - 1])
def test_a_seed_is_a_whole_number_of_64_bits(value: Any) -> None:
    with pytest.raises(
        errors.ArgumentError, match="a seed must be .* got .* Give an int such as 7"
    ):
        errors.seed_value(value)


def test_near_names_come_first() -> None:
    assert errors.near("digts", ["photos", "digits"]) == "Did you mean one of 'digits', 'photos'?"
    assert errors.near("x", []) == "There is none yet."
