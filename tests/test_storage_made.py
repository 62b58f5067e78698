"""By what a version was made, and a warning where that was other code."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.versions import records_of, rows

from headrace.contracts.errors import IntegrityError
from headrace.storage import Storage
from headrace.storage.making import Maker, is_other_code, made_by

# Any, in this file: records are whatever a test makes.


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return Storage("memory://")
    return Storage(tmp_path / "root", durable=False)


def test_the_function_behind_a_version_is_recorded(storage: Storage) -> None:
    def numbers() -> list[int]:
        return [1, 2]

    storage.submit(numbers, "numbers", "1.0")
    storage.cacheable("numbers", "2.0")(numbers)()
    two, one = storage.log("numbers").versions
    assert one.made.function == f"{__name__}.{numbers.__qualname__}" == two.made.function
    assert re.fullmatch("[0-9a-f]{32}", one.made.fingerprint)
    assert one.made.fingerprint == two.made.fingerprint
    assert made_by([1, 2]).function == ""


def cached(storage: Storage, function: Callable[[], list[int]]) -> None:
    storage.cacheable("numbers", "1.0")(function)()


def test_a_version_of_other_code_is_one_warning(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    cached(storage, lambda: [1, 2])
    other = storage.cacheable("numbers", "1.0")(lambda: [1, 3])
    with caplog.at_level(logging.WARNING, "headrace"):
        assert records_of(other()) == [1, 2] == records_of(other())
    (record,) = caplog.records
    told = record.getMessage()
    assert told.startswith("numbers 1.0 was made by other code: by tests.test_storage_made.")
    assert storage.describe("numbers").made.fingerprint in told
    assert made_by(lambda: [1, 3]).fingerprint in told
    assert "store them as a new version; or delete this one" in told


def test_the_same_code_is_no_warning_whatever_it_closes_over(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    def make(folder: str, calls: list[int]) -> Callable[[], list[int]]:
        def numbers() -> list[int]:
            # A comment and a line more or less change nothing.
            calls.append(len(folder))
            return [1, 2]

        return numbers

    with caplog.at_level(logging.WARNING, "headrace"):
        cached(storage, make("/tmp/a", []))
        cached(storage, make("/tmp/bc", [1]))
    assert caplog.records == []


def test_code_is_that_of_the_helpers_it_closes_over_too() -> None:
    def with_helper(helper: Callable[[], int]) -> Callable[[], list[int]]:
        return lambda: [helper()]

    one, two = made_by(with_helper(lambda: 1)), made_by(with_helper(lambda: 2))
    assert is_other_code(one, two)
    assert not is_other_code(one, made_by(with_helper(lambda: 1)))
    assert is_other_code(made_by(partial(made_by, 1)), made_by(partial(rows, 1)))


def test_another_python_or_an_old_manifest_is_no_other_code() -> None:
    one, two = (Maker(function).made for function in (lambda: [1], lambda: [2]))
    assert is_other_code(one, two)
    upgraded = type(two)(python="2.7.18", fingerprint=two.fingerprint)
    assert not is_other_code(one, upgraded)
    assert not is_other_code(one, type(two)())


@pytest.mark.parametrize("when_ns", [-1, 2**63, "now"])
def test_a_time_that_no_clock_shows_is_no_manifest(tmp_path: Path, when_ns: object) -> None:
    storage = Storage(tmp_path, durable=False)
    storage.submit([1], "numbers", "1.0")
    path = tmp_path / "numbers/versions/1.0.json"
    kept = json.loads(path.read_text())
    kept["made"]["when_ns"] = when_ns
    path.chmod(0o644)
    path.write_text(json.dumps(kept))
    with pytest.raises(IntegrityError, match=r"versions/1.0.json is no manifest: .*when_ns"):
        storage.describe("numbers")
