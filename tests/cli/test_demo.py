"""`headrace demo`: it resumes what it stopped, and says so when a resume goes wrong."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.conftest import Headrace

from headrace.cli import demo


def test_each_resume_is_equal_bit_for_bit(headrace: Headrace) -> None:
    told = headrace("demo", "--json").json

    assert told["is_equal"]
    assert {(one["stopped_on"], one["resumed_on"]) for one in told["resumes"]} == {
        (first, second) for first in ("inline", "2 threads") for second in ("inline", "2 threads")
    }
    assert all(
        one["batches"] == told["epoch_batches"] - told["stop_after"] > 0 for one in told["resumes"]
    )
    assert told["state"]["epoch"] == 1
    assert told["first_files"][0] != told["first_files"][1]


def test_a_resume_that_differs_fails_the_demo(
    headrace: Headrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed = demo.resumed

    def shifted(*arguments: Any) -> list[Any]:
        batches = resumed(*arguments)
        batches[-1]["bytes"] = batches[-1]["bytes"] ^ 1
        return batches

    monkeypatch.setattr(demo, "resumed", shifted)
    ended = headrace("demo")

    assert ended.code == 1
    assert "NO" in ended.out
    assert "please report this" in ended.out
