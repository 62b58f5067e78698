"""Batches come apart into the records that they were made of."""

from __future__ import annotations

import itertools
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.block import Columns
from headrace.contracts.collate import columns_of, stack
from headrace.contracts.errors import RecordError
from headrace.sources.unbatching import unbatched

Pair = namedtuple("Pair", "x y")


def records_of(*batches: Any) -> list[Any]:
    return [record for block in unbatched(iter([list(batches)])) for record in block]


def plain(value: Any) -> Any:
    """The value in Python's own types."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value.tolist() if hasattr(value, "tolist") else value


@given(
    sizes=st.lists(st.integers(1, 5), max_size=5),
    wrap=st.sampled_from(
        [
            lambda n: {"x": np.full(2, n), "s": str(n)},
            lambda n: (np.full(2, n), {"deep": (float(n), b"%d" % n)}),
            lambda n: Pair(np.full((1, 1), n), str(n)),
            lambda n: np.full(3, n),
        ]
    ),
)
def test_unbatched_undoes_stack(sizes: list[int], wrap: Any) -> None:
    starts = np.cumsum([0, *sizes]).tolist()
    records = [wrap(n) for n in range(starts[-1])]
    batches = [stack(records[a:b]) for a, b in itertools.pairwise(starts)]

    assert plain(records_of(*batches)) == plain(records)


def test_a_block_is_columns_and_nothing_is_copied() -> None:
    batch = {"x": np.arange(6).reshape(3, 2), "s": ["a", "b", "c"]}

    (block,) = unbatched(iter([[batch]]))

    assert isinstance(block, Columns)
    assert any(leaf is batch["x"] for leaf in block.leaves)


def test_blocks_of_columns_are_taken_apart_too() -> None:
    blocks = iter([columns_of({"x": np.arange(6).reshape(3, 2)})])

    assert plain([list(block) for block in unbatched(blocks)]) == [
        [{"x": 0}, {"x": 1}],
        [{"x": 2}, {"x": 3}],
        [{"x": 4}, {"x": 5}],
    ]


def test_what_torch_collates_comes_apart() -> None:
    torch = pytest.importorskip("torch")
    collate = torch.utils.data.default_collate
    pairs = [(torch.full((2,), n), n, str(n)) for n in range(3)]
    nested = [{"p": (torch.tensor(n), torch.ones(2)), "s": str(n)} for n in range(3)]

    assert plain(records_of(collate(pairs))) == plain(pairs)
    assert plain(records_of(collate(nested))) == plain(nested)
    assert all(isinstance(x, np.ndarray) for x, _, _ in records_of(collate(pairs)))


def test_ragged_parts_are_columns_as_detection_collates_them() -> None:
    torch = pytest.importorskip("torch")
    records = [(torch.ones(2, n), {"boxes": torch.zeros(n, 4)}) for n in (1, 3, 2)]
    in_dict = {"boxes": [target["boxes"] for _, target in records], "id": torch.arange(3)}

    assert plain(records_of(tuple(zip(*records, strict=True)))) == plain(records)
    assert [one["boxes"].shape for one in records_of(in_dict)] == [(1, 4), (3, 4), (2, 4)]


def test_tensors_that_need_a_gradient_or_have_no_dtype_in_numpy() -> None:
    torch = pytest.importorskip("torch")
    batch = {"x": torch.ones(2, requires_grad=True), "b": torch.ones(2, 3, dtype=torch.bfloat16)}

    first, second = records_of(batch)

    assert first["x"] == 1
    assert second["b"].dtype == torch.bfloat16


def test_conjugated_tensors_come_apart() -> None:
    torch = pytest.importorskip("torch")

    assert records_of({"x": torch.tensor([1 + 2j, 3j]).conj()}) == [{"x": 1 - 2j}, {"x": -3j}]


def test_empty_batches_give_no_block() -> None:
    assert list(unbatched(iter([[{"x": np.zeros((0, 2))}, []]]))) == []


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"x": np.zeros(2), "y": np.zeros(3)}, r"batch 2 .* got \{'x': 2, 'y': 3\}.*one entry a"),
        ({"x": np.zeros(2), "n": 3}, r"batch 2 .* got a single number.*leave out unbatch"),
        ("text", r"batch 2 is no batch of records: a column must have a first axis"),
        ({}, r"batch 2 .* columns need an array at least"),
    ],
    ids=["lengths", "number", "text", "empty"],
)
def test_what_is_no_batch_is_named_by_its_number(batch: Any, message: str) -> None:
    good = {"x": np.zeros(2), "y": np.zeros(2)}

    with pytest.raises(RecordError, match=message):
        list(unbatched(iter([[good], [good, batch]])))
