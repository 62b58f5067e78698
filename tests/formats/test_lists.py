from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.stand_in import FolderBlobs, MemoryBlobs, all_of, cut, same, stored

from headrace.contracts import columns_of, stack
from headrace.contracts.errors import IntegrityError, RecordError
from headrace.formats import StoredRecords
from headrace.formats.schema.lists import is_plain_list
from headrace.formats.schema.schema import leaves_of

# Any, in this file: lists hold values of every plain type.

INTS = st.integers(-(2**63), 2**63 - 1)
SCALARS = st.one_of(st.none(), st.booleans(), INTS, st.floats(), st.text(), st.binary())
PLAIN = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
# Of few types and lengths, so that runs of one structure come before the first that differs.
LISTS = st.one_of(
    st.lists(INTS, max_size=3),
    st.lists(INTS, min_size=2, max_size=2),
    st.lists(st.floats(), max_size=3),
    st.lists(st.lists(INTS, max_size=2), max_size=2),
    st.lists(PLAIN, max_size=3),
)
SIZES = st.sampled_from([1, 200, 1 << 20])


def kept(values: list[Any], **how: Any) -> StoredRecords:
    return stored([[{"n": number, "x": value} for number, value in enumerate(values)]], **how)


def shown(held: StoredRecords) -> str:
    return str(leaves_of(held.schema)[-1]) if held.schema is not None else ""


@settings(max_examples=300, deadline=None)
@given(data=st.data(), shard_bytes=SIZES, kinds=st.sampled_from(["lists", "or None", "runs"]))
def test_lists_of_any_length_come_back_equal(data: Any, shard_bytes: int, kinds: str) -> None:
    if kinds == "runs":
        runs = data.draw(st.lists(st.tuples(LISTS, st.integers(1, 9)), min_size=1, max_size=4))
        values = [value for value, count in runs for _ in range(count)]
    else:
        kind = LISTS if kinds == "lists" else st.none() | LISTS
        values = data.draw(st.lists(kind, min_size=1, max_size=12))
    records = [{"n": number, "x": value} for number, value in enumerate(values)]
    sizes = data.draw(st.lists(st.integers(0, 4), max_size=3))
    held = stored(cut(records, sizes), shard_bytes=shard_bytes)
    assert all(map(same, all_of(held), records))
    assert len(held) == len(records)
    assert held.manifest.shards == stored([records], shard_bytes=shard_bytes).manifest.shards
    asked = data.draw(st.lists(st.integers(0, len(records) - 1), max_size=9))
    got = held.read(np.array(asked, np.int64)).rows()
    assert all(map(same, got, [records[index] for index in asked]))
    again = stored([held.read(np.arange(len(held)))], shard_bytes=shard_bytes)
    assert all(map(same, all_of(again), records))
    assert again.schema == held.schema


@settings(max_examples=100, deadline=None)
@given(
    values=st.lists(st.none() | LISTS, min_size=1, max_size=12),
    cuts=st.tuples(st.integers(0, 12), st.integers(0, 12)),
    shard_bytes=SIZES,
)
def test_lists_that_columns_declare_are_one_column(
    values: list[Any], cuts: tuple[int, int], shard_bytes: int
) -> None:
    block = columns_of({"n": np.arange(len(values)), "x": values})
    start, stop = sorted(cuts)
    held = stored([block[:start], block[start:stop], block[stop:]], shard_bytes=shard_bytes)
    assert all(map(same, all_of(held), block.rows()))
    assert [leaf.column for leaf in leaves_of(held.schema)] == ["n", "x"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([["a"], ["b"]], "str"),
        ([["a"], ["a", "b"]], "list"),
        ([[1], [1, 2]], "list of int"),
        ([[1.5], []], "list of float"),
        ([[], [1]], "list of int"),
        ([[], None], "[] | None"),
        ([[1], None, [2]], "list of int | None"),
        ([None, [1.0]], "list of float | None"),
        ([[1], [1.0]], "list"),
        ([[1], [None, 1]], "list"),
        ([[True], []], "list"),
        ([[[1], [2]], [[3]]], "list"),
        ([[{"a": 1}], [{"b": 1}]], "list"),
    ],
    ids=repr,
)
def test_lists_that_vary_become_one_leaf(values: list[Any], name: str) -> None:
    for shard_bytes in (1, 1 << 20):
        held = kept(values, shard_bytes=shard_bytes)
        assert shown(held) == name
        assert all(map(same, [row["x"] for row in all_of(held)], values))


def test_a_long_list_is_one_leaf_at_once() -> None:
    values = [list(range(300)), list(range(300))]
    assert shown(kept(values)) == "list of int"
    assert [row["x"] for row in all_of(kept(values))] == values
    arrays = [[np.zeros(1)] * 300] * 2
    assert all(map(same, [row["x"] for row in all_of(kept(arrays))], arrays))


def test_only_the_list_that_varies_becomes_one_leaf() -> None:
    held = stored([[{"x": [[1], ["a", "b"]], "x.0": 0}, {"x": [[1, 2], ["c", "d"]], "x.0": 1}]])
    assert str(held.schema) == "{'x': [list of int, [str, str]], 'x.0': int}"
    assert [leaf.column for leaf in leaves_of(held.schema)] == ["x.0#2", "x.1.0", "x.1.1", "x.0"]  # type: ignore[arg-type]


def test_shards_of_all_forms_are_read_in_one_gather() -> None:
    makers: list[Any] = [lambda n: None, lambda n: [n, n], lambda n: [n], lambda n: [str(n)]]
    values = [make(number) for make in makers for number in range(50)]
    held = kept(values, shard_bytes=300)
    assert len(held.manifest.shards) > 9
    asked = np.random.default_rng(1).integers(0, len(values), 400)
    assert [row["x"] for row in held.read(asked).rows()] == [values[at] for at in asked]


def test_a_batch_of_stored_lists_is_a_list_of_lists() -> None:
    values = [[1], [1, 2], [], [3]]
    batch = stack(kept(values).read(np.arange(4)))
    assert batch["x"] == values
    assert batch["n"].tolist() == [0, 1, 2, 3]


def test_a_batch_of_live_lists_is_refused_as_before() -> None:
    with pytest.raises(RecordError, match="cannot stack records of different structure"):
        stack([{"x": [1]}, {"x": [1, 2]}])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1], [(1,), 2]], r"record 1 is \{.* 'x': \[\(int,\), int\]\}, the records before it are"),
        ([[1], [1, 2], [(1,)]], r"'x': list of int\}. Give all records one structure with .map"),
        ([[np.zeros(2)], []], "Only lists of plain values .* may vary; store others as np.asarray"),
        ([[1], [1, {2: 3}]], r"'x': \[int, \{2: int\}\]"),
        ([[1], {"a": 1}], r"'x': \{'a': int\}"),
        ([[1], [1, 2], 3], "record 2 is {'n': int, 'x': int}"),
        ([[1], [1, 2], [2**63]], "record 2 holds at 'x.0' the int 9223372036854775808"),
        ([[1], ["a"], [[2**63]]], "record 2 holds at 'x.0.0' the int 9223372036854775808"),
        ([[1], ["a", "\ud800"]], "record 1 holds at 'x.1' the text '.ud800' with a lone"),
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value)[:30],
)
def test_what_a_list_cannot_hold_names_the_record(values: list[Any], message: str) -> None:
    for sizes in ([1] * len(values), [len(values)]):
        records = [{"n": number, "x": value} for number, value in enumerate(values)]
        with pytest.raises(RecordError, match=message):
            stored(cut(records, sizes))


@pytest.mark.parametrize("value", [[(1,)], [1, np.float64(1)], [{1: 2}], {"a": 1}], ids=repr)
def test_columns_of_what_no_list_leaf_holds_are_taken_apart(value: Any) -> None:
    block = columns_of({"x": [value, value], "y": [[1], [1]]})
    held = stored([block])
    assert all(map(same, all_of(held), [{"x": value, "y": [1]}] * 2))
    assert "'y': [int]" in str(held.schema)


def test_a_list_in_the_middle_of_a_block_of_columns_changes_its_form() -> None:
    narrow = stored([[{"x": [1, "a"]}] * 5]).read(np.arange(5))
    narrow.leaves[1] = ["a", "b", 3, None, [4]]
    rows = [[1, "a"], [1, "b"], [1, 3], [1, None], [1, [4]]]
    assert [row["x"] for row in all_of(stored([narrow]))] == rows


def test_a_list_that_holds_itself_or_goes_too_deep_is_refused() -> None:
    deep: list[Any] = [1]
    for _ in range(300):
        deep = [deep]
    with pytest.raises(RecordError, match="record 1 holds containers .* 256 deep"):
        kept([[1], deep, [1, 2]])
    endless: list[Any] = []
    endless += [endless, endless]
    assert not is_plain_list(endless)


def test_other_tools_read_lists_of_numbers_as_lists(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"ids": [1] * number, "scores": [0.5] * number, "tags": ["a"] * number}
        for number in range(3)
    ]
    records.append({"ids": None, "scores": [], "tags": None})
    stored([records], FolderBlobs(tmp_path))
    (path,) = tmp_path.rglob("*.arrow")
    table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    assert table.schema.types == [
        pa.large_list(pa.int64()),
        pa.large_list(pa.float64()),
        pa.large_binary(),
    ]
    assert table.column("ids").to_pylist() == [[], [1], [1, 1], None]
    assert table.column("scores").to_pylist() == [[], [0.5], [0.5, 0.5], []]
    polars = pytest.importorskip("polars")
    assert polars.read_ipc(path)["ids"].to_list() == [[], [1], [1, 1], None]
    duckdb = pytest.importorskip("duckdb")
    assert duckdb.from_arrow(table).project("ids").fetchall()[2] == ([1, 1],)


def test_a_damaged_list_is_an_integrity_error() -> None:
    blobs = MemoryBlobs()
    held = kept([["water"], ["mill", "race"]], blobs=blobs)
    (key,) = blobs.held
    assert blobs.held[key].count(b"\xa4race") == 1
    blobs.held[key] = blobs.held[key].replace(b"\xa4race", b"\xc1race")
    with pytest.raises(
        IntegrityError, match="digits@1.0 is damaged: MessagePack .* storage.verify"
    ):
        held.read(np.arange(2))
