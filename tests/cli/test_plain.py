"""Records as JSON."""

from __future__ import annotations

import json
from collections import namedtuple
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from headrace.cli.plain import plain

Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, None, id="None"),
        pytest.param((1, "a", True), [1, "a", True], id="tuple"),
        pytest.param(Point(1, 2.5), {"x": 1, "y": 2.5}, id="named tuple"),
        pytest.param({1: b"\xff"}, {"1": {"base64": "/w=="}}, id="bytes"),
        pytest.param(float("nan"), None, id="no number"),
        pytest.param(1 + 2j, [1.0, 2.0], id="complex"),
        pytest.param(np.float32(0.5), 0.5, id="scalar"),
        pytest.param(np.array([1.0, np.inf]), [1.0, None], id="infinite"),
        pytest.param(np.array([1j]), [[0.0, 1.0]], id="complex array"),
        pytest.param(np.array(7), 7, id="array without axes"),
        pytest.param(np.array([2], ml_dtypes.bfloat16), [2.0], id="bfloat16"),
        pytest.param(np.array(["2026-03-01"], "M8[D]"), ["2026-03-01"], id="time"),
        pytest.param(np.array([b"a"]), [{"base64": "YQ=="}], id="bytes array"),
        pytest.param(np.array([(1, 2.0)], "i4,f8"), [[1, 2.0]], id="structured"),
        pytest.param({1}, "{1}", id="anything else"),
    ],
)
def test_every_value_has_a_form_in_json(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)
