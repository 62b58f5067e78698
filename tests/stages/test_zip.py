"""`zip`: by position where possible, else chains side by side."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, StateError
from headrace.testing import check_stage, repr_of


def test_zip_of_datasets_conforms() -> None:
    check_stage(lambda stream: stream.zip(hr.stream(range(7))), lambda r: zip(r, range(7)))  # noqa: B905


def test_zip_of_chains_conforms() -> None:
    check_stage(
        lambda stream: stream.filter(lambda x: x % 3).zip(hr.stream(range(9)).flat_map(range)),
        lambda records: zip(  # noqa: B905
            (x for x in records if x % 3), (y for x in range(9) for y in range(x))
        ),
    )


def test_zip_of_zips_conforms() -> None:
    other = hr.stream(range(5))
    check_stage(
        lambda stream: stream.zip(other).zip(other, other),
        lambda records: (((x, x), x, x) for x in itertools.islice(records, 5)),
        slack=1,
    )


def test_columns_are_zipped_without_taking_them_apart() -> None:
    stream = hr.stream({"x": np.arange(4)}).zip(hr.stream({"y": np.arange(4) * 2}))
    (batch,) = stream.batch(4).collect()
    assert repr_of(batch) == repr_of(({"x": np.arange(4)}, {"y": np.arange(4) * 2}))


def test_a_finite_stream_ends_an_endless_one() -> None:
    stream = hr.stream([1, 2]).zip(hr.stream(itertools.count()))
    assert not stream.is_infinite
    assert len(stream) == 2
    assert stream.collect() == [(1, 0), (2, 1)]


def test_an_error_notes_an_index_of_each_dataset() -> None:
    refs = [hr.DataRef.from_sequence(range(6)).shuffle(seed=seed) for seed in (1, 2)]
    stream = refs[0].stream().zip(refs[1].stream())
    third = stream.collect()[3]

    def fail(pair: Any) -> Any:
        if pair == third:
            raise ValueError("third")
        return pair

    with pytest.raises(ValueError, match="third") as caught:
        stream.map(fail).collect()
    assert caught.value.__notes__[0].endswith(f"position 3, index [{third[0]} {third[1]}]")


def test_what_is_no_stream_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"zip joins Streams, got list. Make one of it by"):
        hr.stream([1]).zip([1])  # type: ignore[arg-type]


def test_a_state_of_more_streams_is_refused() -> None:
    loader = hr.DataLoader(hr.stream([1, 2]).filter(bool).zip(hr.stream([1, 2])))
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    loader.load_state_dict({**state, "parents": state["parents"] * 2})
    with pytest.raises(StateError, match="a zip of 2 streams was given a state of 4"):
        next(iter(loader))


@pytest.mark.parametrize("parents", [None, 3, [1, 2], ["at", {}], {}])
def test_a_state_whose_parents_are_none_is_refused(parents: Any) -> None:
    loader = hr.DataLoader(hr.stream([1, 2]).filter(bool).zip(hr.stream([1, 2])))
    next(iter(loader))
    loader.load_state_dict({**loader.state_dict(), "parents": parents})
    with pytest.raises(StateError, match="a zip of 2 streams was given a state of 0"):
        next(iter(loader))
