"""A value comes back equal, whether it is a record, a list of records, or a list that is one."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.leaves import LEAVES
from tests.formats.stand_in import same

from headrace.contracts.errors import RecordError
from headrace.formats.shards.shard_file import Damaged
from headrace.stores.value import decoded, encoded

# Any, in this file: values of every structure.
Point = namedtuple("Point", "x y")

leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text()
values = st.recursive(
    leaves | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def plain(value: Any) -> bool:
    """Whether UTF-8 holds all texts in it."""
    try:
        repr(value).encode()
    except UnicodeEncodeError:
        return False
    return "\\ud" not in repr(value)


@given(value=values.filter(plain))
def test_whatever_is_encoded_is_decoded_equal(value: Any) -> None:
    assert same(decoded(encoded(value)), value)


@pytest.mark.parametrize("name", LEAVES)
def test_a_leaf_of_every_kind_comes_back_alone_and_in_lists(name: str) -> None:
    rng = np.random.default_rng(0)
    found = [LEAVES[name](rng) for _ in range(3)]
    for value in (found[0], found, [{"x": leaf, "y": (leaf, 1)} for leaf in found]):
        assert same(decoded(encoded(value)), value), name


@pytest.mark.parametrize(
    "value",
    [
        [],
        [{}],
        [{}, {}],
        [[], [1]],
        [1, 2.5],
        [True, 1],
        [1, "a", None],
        [(1,), [1]],
        [{"a": 1}, {"b": 2}],
        [{"x": np.arange(2)}, {"x": np.arange(3)}],
        [np.arange(2), "a"],
        [Point(1, 2), Point(3, 4)],
        list(range(300)),
        np.zeros((0, 3)),
    ],
    ids=repr,
)
def test_lists_that_are_one_record_and_lists_of_many_are_told_apart(value: Any) -> None:
    assert same(decoded(encoded(value)), value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (object(), r"of type object, which has no Arrow type\. Keep numbers, text"),
        ([{"x": 1}, {"x": object()}], r"holds at '1\.x' a value of type object"),
        ({"n": 2**70}, r"at 'n' the int .* more than 64 bits"),
        ("\ud800", r"lone surrogate.*Store it as bytes"),
    ],
    ids=["object", "in a list", "large", "surrogate"],
)
def test_what_only_pickle_could_hold_is_refused(value: Any, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        encoded(value)


def test_each_changed_byte_is_found() -> None:
    payload = encoded({"x": np.arange(3), "name": "ten"})
    for at in range(len(payload)):
        changed = bytearray(payload)
        changed[at] ^= 0x10
        with pytest.raises(Damaged, match="checksum differs"):
            decoded(bytes(changed))
    for stop in range(0, len(payload), 7):
        with pytest.raises(Damaged):
            decoded(payload[:stop])
