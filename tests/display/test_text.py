from __future__ import annotations

import io
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.leaves import LEAVES

from headrace.display import leaf_text
from headrace.display.text import LEAST_WIDTH, one_line

# Any, in this file: values of every type.


class Broken:
    def __repr__(self) -> str:
        raise KeyError("no")


LINES: list[tuple[Any, str]] = [
    (None, "None"),
    (True, "True"),
    (12, "12"),
    (10**5000, "an int of 16,610 bits"),
    (1.23456789, "1.23457"),
    (float("nan"), "nan"),
    (1 + 2j, "1+2j"),
    (np.float32(1.5), "1.5"),
    (np.datetime64("2020-02-01"), "2020-02-01"),
    (ml_dtypes.bfloat16(3), "3"),
    ("", '""'),
    ("water", "water"),
    ("a\nb\x1b[31m", "a\\nb\\x1b[31m"),
    ("\u202eabc", "\\u202eabc"),
    ("\ud800", "\\ud800"),
    (b"", "0 bytes"),
    (b"river", "b'river' 5 bytes"),
    (bytes(range(40)), "00 01 02 03 04 05 06 07… 40 bytes"),
    (np.arange(3), "int64 (3,) [0 1 2]"),
    (np.array(3.5), "float64 () 3.5"),
    (np.zeros((2, 0), "f4"), "float32 (2, 0)"),
    (np.arange(200, dtype="u1").reshape(10, 20), "uint8 (10, 20) 0..199 mean 99.5"),
    (np.full(9, np.nan), "float64 (9,) none finite"),
    (np.array([np.nan, *range(9)]), "float64 (10,) 0..8 mean 4, 1 not finite"),
    (np.array(["ab"] * 9), "<U2 (9,)"),
    (np.arange(9).astype("M8[D]"), "datetime64[D] (9,) 1970-01-01..1970-01-09"),
    (np.ones((4, 4), ml_dtypes.bfloat16), "bfloat16 (4, 4) 1..1 mean 1"),
    (
        np.array([("a", 1)], [("n", "U1"), ("v", "i4")]),
        "[('n', '<U1'), ('v', '<i4')] (1,) [('a', 1)]",
    ),
    ([], "[]"),
    ((4,), "(4,)"),
    ({"a": [1, "b"], 3: b"x"}, "{'a': [1, 'b'], 3: b'x' 1 byte}"),
    (list(range(100)), "[0, 1, 2, 3, 4, … 100 in all]"),
    (Broken(), "Broken (KeyError in its repr)"),
]


@pytest.mark.parametrize(("value", "line"), LINES, ids=[line for _, line in LINES])
def test_a_value_is_one_line(value: Any, line: str) -> None:
    assert leaf_text(value) == line


def test_a_long_text_is_cut_and_tells_its_length() -> None:
    line = leaf_text("a river " * 1000, width=40)

    assert line.endswith("… (8,000 characters)")
    assert len(line) == 40


def test_a_list_in_itself_ends() -> None:
    inner: list[Any] = [1]
    inner.append(inner)

    assert leaf_text(inner) == "[1, [1, [1, […]]]]"


@pytest.mark.parametrize("name", LEAVES)
def test_each_kind_of_leaf_is_a_line_of_its_width(name: str) -> None:
    value = LEAVES[name](np.random.default_rng(0))

    for width in (0, LEAST_WIDTH, 60):
        line = leaf_text(value, width)
        assert 0 < len(line) <= max(width, LEAST_WIDTH)
        assert line == one_line(line)


@given(
    st.recursive(st.text() | st.binary() | st.floats() | st.integers(), st.lists),
    st.integers(0, 80),
)
def test_no_value_breaks_out_of_its_line(value: Any, width: int) -> None:
    line = leaf_text(value, width)

    assert len(line) <= max(width, LEAST_WIDTH)
    assert not any(ord(char) < 32 or 0xD800 <= ord(char) < 0xE000 for char in line)


def test_a_picture_is_named_by_its_kind_and_size() -> None:
    image = pytest.importorskip("PIL.Image").new("RGB", (640, 480))
    payload = io.BytesIO()
    image.save(payload, "JPEG")

    assert leaf_text(payload.getvalue()).startswith("JPEG 640x480, ")
    assert leaf_text(image) == "RGB picture 640x480"


def test_a_tensor_is_shown_as_its_array() -> None:
    torch = pytest.importorskip("torch")

    assert leaf_text(torch.arange(3)) == "int64 (3,) [0 1 2]"
    assert leaf_text(torch.ones(9, dtype=torch.bfloat16)) == "float32 (9,) 1..1 mean 1"
