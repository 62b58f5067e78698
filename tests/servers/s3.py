"""S3 for tests: moto."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

import pytest
from tests.servers.serving import PAGES, Store, server_process

KEYS = {"access_key_id": "a", "secret_access_key": "b", "region": "us-east-1"}
PROGRAM = (sys.executable, "-m", "tests.servers.moto_program")


@contextmanager
def s3_server() -> Iterator[Store]:
    """An S3 server that ends with the block."""
    pytest.importorskip("moto.server", reason="pip install moto[server]")
    with server_process(*PROGRAM, "s3", environment=PAGES) as port:
        endpoint = f"http://127.0.0.1:{port}"
        yield Store("s3", endpoint, "endpoint", KEYS, lambda name: make_bucket(endpoint, name))


def make_bucket(endpoint: str, name: str) -> None:
    """Makes a bucket in moto, which checks no signature."""
    with urlopen(Request(f"{endpoint}/{name}", method="PUT"), timeout=30):
        pass
