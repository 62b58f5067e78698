"""The schema as a tree and as JSON."""

from __future__ import annotations

import io
from collections import namedtuple
from typing import Any

import pytest
from rich.console import Console

import headrace as hr
from headrace.cli.schema import schema_json, schema_tree

Point = namedtuple("Point", "x y")


def stored(record: Any) -> Any:
    return hr.Storage("memory://").submit([record], "one", "1.0").schema


def drawn(record: Any) -> list[str]:
    screen = io.StringIO()
    Console(file=screen, width=60).print(schema_tree(stored(record)))
    return [line.rstrip() for line in screen.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(5, "int", id="leaf"),
        pytest.param({"a": [1, 2.5]}, {"a": ["int", "float"]}, id="list in dict"),
        pytest.param((Point("x", None),), [{"x": "str", "y": "None"}], id="named tuple"),
    ],
)
def test_json_keeps_the_structure(record: Any, expected: Any) -> None:
    assert schema_json(stored(record)) == expected


def test_the_tree_shows_containers_names_and_types() -> None:
    assert drawn({"at": Point(1, 2.5), "[b]": ("a",)}) == [
        "dict",
        "├── at   Point",
        "│   ├── x  int",
        "│   └── y  float",
        "└── [b]  tuple",
        "    └── 0  str",
    ]


def test_a_wide_record_is_cut() -> None:
    lines = drawn({f"{n:03}": n for n in range(70)})

    assert len(lines) == 66
    assert lines[-1].endswith("… 6 more")
