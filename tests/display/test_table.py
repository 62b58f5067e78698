from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from tests.formats.leaves import LEAVES

from headrace.display import record_table
from headrace.display.halfblocks import half_blocks

# Any, in this file: records of every type.


def printed(records: list[Any], *, pictures: bool = False, width: int = 100) -> str:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=pictures,
        color_system="truecolor" if pictures else None,
    )
    console.print(
        record_table(records, start_indices=range(7, 7 + len(records)), pictures=pictures)
    )
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_records_are_rows_with_their_indices() -> None:
    lines = printed(
        [{"text": "a [b]river[/b]", "label": 1}, {"text": None, "label": 2}]
    ).splitlines()

    assert lines[0].split() == ["#", "text", "label"]
    assert lines[2].split() == ["7", "a", "[b]river[/b]", "1"]
    assert lines[3].split() == ["8", "None", "2"]


def test_records_of_many_fields_stand_below_each_other() -> None:
    lines = printed([{f"field{n}": n for n in range(9)}] * 2).splitlines()

    assert lines[0] == "record 7"
    assert lines[9].split() == ["field8", "8"]
    assert "record 8" in lines


def test_a_field_that_a_record_has_not_is_absent() -> None:
    assert "absent" in printed([{"a": 1}, {"b": 1}])


@pytest.mark.parametrize("records", [[], [3], [()], [{}], [(1, [2, 3])], ["\x1b[31m"]], ids=str)
def test_odd_records_are_printed(records: list[Any]) -> None:
    assert "\x1b" not in printed(records)


def test_every_kind_of_leaf_is_printed() -> None:
    rng = np.random.default_rng(0)
    record = {name: make(rng) for name, make in LEAVES.items()}

    assert printed([record], width=200).count("\n") < len(LEAVES)
    assert f"{len(LEAVES) - 64} more fields" in printed([record], width=200)


def test_a_picture_is_drawn_in_colour_two_pixels_a_character() -> None:
    picture = np.zeros((20, 24, 3), np.uint8)
    picture[0::2], picture[1::2] = (10, 20, 30), (40, 50, 60)

    text = printed([{"image": picture, "label": 5}], pictures=True)

    assert text.count("▀") == 24 * 10
    assert "38;2;10;20;30;48;2;40;50;60m" in text
    assert "▀" not in printed([{"image": picture}])


@pytest.mark.parametrize(
    ("shape", "columns", "lines"),
    [((8, 8), 16, 8), ((16, 16), 32, 16), ((17, 17), 17, 9), ((32, 20), 20, 16)],
    ids=str,
)
def test_small_pictures_are_drawn_larger(shape: tuple[int, int], columns: int, lines: int) -> None:
    drawn = half_blocks(np.zeros(shape, np.uint8)).plain.split("\n")

    assert (len(drawn[0]), len(drawn)) == (columns, lines)


def test_what_is_transparent_is_black() -> None:
    pixels = np.full((2, 2, 4), 200, np.uint8)
    pixels[:, :, 3] = 0

    styles = {str(span.style) for line in [half_blocks(pixels)] for span in line.spans}

    assert styles == {"#000000 on #000000"}


def test_an_encoded_picture_is_drawn_where_pillow_is_installed() -> None:
    image = pytest.importorskip("PIL.Image").new("RGB", (640, 480), (9, 8, 7))
    payload = io.BytesIO()
    image.save(payload, "JPEG")

    text = printed([payload.getvalue()], pictures=True)

    assert len(re.findall("▀", text)) == 32 * 12
