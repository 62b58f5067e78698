"""The structure of records: trees, their leaves, and building records again."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts import flatten, paths, structure_of
from headrace.contracts.tree import LEAF, builder, leaf_count

# Any, in this file: records of every structure.
Pair = namedtuple("Pair", ["x", "y"])

LEAVES = st.integers() | st.text() | st.none()
RECORDS: Any = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=12,
)


@given(RECORDS)
def test_a_record_is_built_again_from_its_leaves(record: Any) -> None:
    tree = structure_of(record)
    leaves = flatten(tree, record)
    again = builder(tree)(leaves)
    assert again == record
    assert type(again) is type(record)
    assert len(leaves) == len(paths(tree)) == leaf_count(tree)


@given(RECORDS, RECORDS)
def test_equal_structures_compare_and_hash_equal(one: Any, other: Any) -> None:
    first, second = structure_of(one), structure_of(other)
    assert structure_of(one) == first
    assert hash(structure_of(one)) == hash(first)
    assert (first == second) is (str(first) == str(second))


@pytest.mark.parametrize(
    ("record", "text", "names"),
    [
        (5, "*", [""]),
        ({"a": 1, "b": [2, 3]}, "{'a': *, 'b': [*, *]}", ["a", "b.0", "b.1"]),
        ((1,), "(*,)", ["0"]),
        (Pair(1, (2, 3)), "Pair(x=*, y=(*, *))", ["x", "y.0", "y.1"]),
    ],
)
def test_a_tree_prints_and_names_its_leaves(record: Any, text: str, names: list[str]) -> None:
    assert str(structure_of(record)) == text
    assert paths(structure_of(record)) == names


@pytest.mark.parametrize("record", [{1.5: 2}, OrderedDict(a=1), {None: 1}])
def test_what_is_no_plain_container_is_a_leaf(record: Any) -> None:
    assert structure_of(record) == LEAF


def test_the_order_of_keys_is_part_of_the_structure() -> None:
    assert structure_of({"a": 1, "b": 2}) != structure_of({"b": 2, "a": 1})
    assert structure_of([1]) != structure_of((1,))
    assert LEAF != "leaf"
