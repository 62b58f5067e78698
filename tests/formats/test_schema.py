from __future__ import annotations

import sys
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from tests.formats.stand_in import all_of, stored

from headrace.formats.schema.infer import schema_of
from headrace.formats.schema.schema import Branch, Leaf, layout_of, leaves_of, tree_of

# Any, in this file: records of every structure.

Point = namedtuple("Point", "x y")


def columns(record: Any) -> list[str]:
    return [leaf.column for leaf in leaves_of(schema_of(record, allow_pickle=False))]


def test_columns_are_the_dotted_paths() -> None:
    assert columns({"a": {"b": 1, 2: [3, "x"]}, "p": Point(1, 2)}) == [
        "a.b",
        "a.2.0",
        "a.2.1",
        "p.x",
        "p.y",
    ]
    assert columns(1) == ["value"]


def test_columns_of_one_path_are_told_apart() -> None:
    record = {"a.b": 1, "a": {"b": 2}, "1": 3, 1: 4, "r": np.zeros((2, 2)), "r.shape": 5}
    assert columns(record) == ["a.b", "a.b#2", "1", "1#2", "r", "r.shape"]
    ragged = [record, {**record, "r": np.zeros((1, 1))}]
    assert [row["r.shape"] for row in all_of(stored([ragged]))] == [5, 5]


def test_a_schema_reads_as_the_record_it_describes() -> None:
    record = {"x": np.zeros((2, 3), "f4"), "p": Point(1, None), "t": (np.int8(1), [b""])}
    assert str(schema_of(record, allow_pickle=False)) == (
        "{'x': float32[2, 3], 'p': Point(x=int, y=None), 't': (numpy int8, [bytes])}"
    )


def test_a_named_tuple_of_an_imported_module_comes_back_as_its_class() -> None:
    (got,) = all_of(stored([[Point(1, 2)]]))
    assert type(got) is Point


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("this", "Point"),
        (__name__, "Missing"),
        (__name__, "pytest"),
        (__name__, "f.<locals>.Point"),
    ],
    ids=["not imported", "not there", "no class", "local"],
)
def test_another_named_tuple_is_made_and_nothing_imported(module: str, name: str) -> None:
    sys.modules.pop("this", None)
    branch = Branch("namedtuple", (Leaf("x", "int"), Leaf("y", "int")), ("x", "y"), module, name)
    cls = tree_of(branch).cls
    assert cls is not None
    assert cls is not Point
    assert cls(1, 2)._asdict() == {"x": 1, "y": 2}
    assert cls.__name__ == name.rpartition(".")[2]
    assert "this" not in sys.modules


def test_a_class_with_other_fields_is_not_used() -> None:
    branch = Branch("namedtuple", (Leaf("x", "int"),), ("x",), __name__, "Point")
    assert tree_of(branch).cls is not Point


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1, "python"),
        (np.int8(1), "scalar"),
        (np.zeros(2), "array"),
        (np.zeros((2, 0)), "array"),
        (np.array(1), "zero_d"),
        (np.array("a"), "object"),
        ("a", "object"),
        (np.datetime64(1, "s"), "scalar"),
        (None, "object"),
    ],
)
def test_rows_come_back_in_the_way_of_their_kind(value: Any, kind: str) -> None:
    assert layout_of(schema_of(value, allow_pickle=False)).kinds == (kind,)
