from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.leaves import LEAVES
from tests.formats.stand_in import all_of, cut, same, stored

# Any, in this file: records of every structure.

Point = namedtuple("Point", "x y")


def made(shape: Any, rng: np.random.Generator, none: float) -> Any:
    """A record of that shape: a container of containers, leaves named by their kinds."""
    if isinstance(shape, str):
        return None if rng.random() < none else LEAVES[shape](rng)
    if isinstance(shape, dict):
        keys = list(shape)
        rng.shuffle(keys)
        return {key: made(shape[key], rng, none) for key in keys}
    parts = [made(part, rng, none) for part in shape]
    return Point(*parts) if isinstance(shape, Point) else type(shape)(parts)


def shapes() -> st.SearchStrategy[Any]:
    keys = st.one_of(
        st.sampled_from(["x", "x.y", "y", "x.shape", "value", "日"]), st.integers(0, 3)
    )
    return st.recursive(
        st.sampled_from(sorted(LEAVES)),
        lambda inner: st.one_of(
            st.dictionaries(keys, inner, max_size=4),
            st.lists(inner, max_size=3),
            st.lists(inner, max_size=3).map(tuple),
            st.tuples(inner, inner).map(lambda pair: Point(*pair)),
        ),
        max_leaves=6,
    )


@pytest.mark.parametrize("none", [0.0, 0.3], ids=["whole", "with None"])
@pytest.mark.parametrize("kind", sorted(LEAVES))
def test_every_kind_of_leaf_comes_back_equal(kind: str, none: float) -> None:
    rng = np.random.default_rng(3)
    records = [{"leaf": made(kind, rng, none)} for _ in range(11)]
    for shard_bytes in (1, 1 << 20):
        got = all_of(stored(cut(records, [4]), shard_bytes=shard_bytes))
        assert all(map(same, got, records))
        assert len(got) == 11


@settings(max_examples=150, deadline=None)
@given(
    shape=shapes(),
    seed=st.integers(0, 2**32),
    count=st.integers(1, 12),
    none=st.sampled_from([0.0, 0.0, 0.3]),
    shard_bytes=st.sampled_from([1, 300, 1 << 20]),
    indices=st.lists(st.integers(0, 11), max_size=9),
)
def test_random_records_come_back_equal_in_any_order(
    shape: Any, seed: int, count: int, none: float, shard_bytes: int, indices: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    records = [made(shape, rng, none) for _ in range(count)]
    held = stored(cut(records, rng.integers(0, 5, 3)), shard_bytes=shard_bytes)
    asked = [index % count for index in indices]
    got = held.read(np.array(asked, np.int64)).rows()
    assert all(map(same, got, [records[index] for index in asked]))
    assert len(got) == len(asked)
    assert all(map(same, all_of(held), records))
