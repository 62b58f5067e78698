"""The table of stages, the methods of Stream and the docstrings say the same."""

from __future__ import annotations

import functools
import inspect

import pytest

from headrace import stages
from headrace.contracts.errors import ArgumentError
from headrace.stages.naming import name_of
from headrace.streams import Stream

# Methods of Stream that are no stages.
OTHERS = {
    "apply",
    "as_source",
    "collect",
    "epoch",
    "explain",
    "first_epoch",
    "is_infinite",
    "join",
    "lint",
    "node",
    "open",
    "save",
    "sink",
    "submit",
    "tee",
    "to_torch",
}


def test_each_public_method_is_a_stage_or_a_known_other() -> None:
    public = {name for name in vars(Stream) if not name.startswith("_")}
    assert public - OTHERS == set(stages.OPERATORS)


@pytest.mark.parametrize("name", stages.OPERATORS)
def test_a_stage_and_its_method_name_each_other(name: str) -> None:
    stage = stages.OPERATORS[name]
    method = getattr(Stream, name)
    assert method.__doc__ is not None
    assert method.__doc__.rstrip().endswith(f"See `headrace.stages.{stage.__name__}`.")
    assert stage.__doc__ is not None
    assert "Length" in stage.__doc__ or "regroup" in stage.__doc__
    assert f".{name}(" in stage.__doc__, "the example of a stage shows its method"
    assert inspect.getmodule(stage).__name__ == f"headrace.stages.{name}"  # type: ignore[union-attr]


@pytest.mark.parametrize("name", stages.OPERATORS)
def test_a_method_has_the_parameters_of_its_stage(name: str) -> None:
    ours = list(inspect.signature(getattr(Stream, name)).parameters)[1:]
    assert ours == list(inspect.signature(stages.OPERATORS[name]).parameters)


def double(x: int) -> int:
    return 2 * x


class Resize:
    def __call__(self, x: int) -> int:
        return x


@pytest.mark.parametrize(
    ("fn", "name"),
    [(double, "double"), (Resize(), "Resize"), (functools.partial(double, 1), "double")],
)
def test_a_function_is_named_as_its_user_knows_it(fn: object, name: str) -> None:
    assert name_of(fn) == name  # type: ignore[arg-type]


def test_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(ArgumentError, match="a function of one record was expected, got 'str'"):
        name_of("str")  # type: ignore[arg-type]
