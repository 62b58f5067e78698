"""Both kinds of memory for the tests that hold for either."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from tests.arena.passing import Passage


@pytest.fixture(params=["descriptor", "name"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of which kind the memory is."""
    kind: str = request.param
    if kind == "name":
        monkeypatch.delattr(os, "memfd_create")
    return kind


@pytest.fixture
def passage(kind: str) -> Generator[Passage]:
    """An arena and a desk."""
    passage = Passage()
    yield passage
    passage.close()
