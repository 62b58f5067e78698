"""Optional packages: what is missing is named, with the command that brings it."""

from __future__ import annotations

import json

import pytest

from headrace.contracts.errors import MissingExtra
from headrace.extras import imported


def test_a_package_that_is_there_is_given() -> None:
    assert imported("json", extra="torch") is json


def test_a_missing_package_is_named_with_its_extra() -> None:
    message = r"no_such_package is needed for this and is not installed. .*'headrace\[torch\]'"
    with pytest.raises(MissingExtra, match=message):
        imported("no_such_package", extra="torch")
