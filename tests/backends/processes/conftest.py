"""One pool for all tests that need nothing of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.backends.processes.shared import SharedProcesses, started


@pytest.fixture(scope="session")
def processes() -> Iterator[SharedProcesses]:
    with started() as workers:
        yield SharedProcesses(workers)
