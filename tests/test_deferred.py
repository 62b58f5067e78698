"""Modules that are imported when they are used are the modules themselves."""

from __future__ import annotations

import ml_dtypes
import pyarrow as pa
import pytest
import rich.console

from headrace import deferred


def test_a_name_is_that_of_the_module() -> None:
    assert deferred.pyarrow.int8 is pa.int8
    assert deferred.ml_dtypes.bfloat16 is ml_dtypes.bfloat16
    assert deferred.rich_console.Console is rich.console.Console


def test_a_name_that_the_module_lacks_is_an_attribute_error() -> None:
    missing = "int9"
    with pytest.raises(AttributeError, match="module 'pyarrow' has no attribute 'int9'"):
        getattr(deferred.pyarrow, missing)
