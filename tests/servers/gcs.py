"""GCS for tests: an emulation of ours over moto, because nobody's speaks the XML interface."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.servers.s3 import PROGRAM, make_bucket
from tests.servers.serving import PAGES, Store, server_process


@contextmanager
def gcs_server() -> Iterator[Store]:
    """A GCS server that ends with the block."""
    pytest.importorskip("moto.server", reason="pip install moto[server]")
    with server_process(*PROGRAM, "gcs", environment=PAGES) as port:
        endpoint = f"http://127.0.0.1:{port}"
        token = {"bearer_token": "token"}
        yield Store("gs", endpoint, "base_url", token, lambda name: make_bucket(endpoint, name))
