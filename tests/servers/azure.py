"""Azure Blob Storage for tests: azurite, which runs in node."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from tests.servers.serving import ROOT, Store, server_process

INSTALLED = ROOT / "build" / "azurite"
ACCOUNT = "headrace"
KEY = base64.b64encode(b"a key for tests").decode()
API_VERSION = "2021-08-06"
# Ends with its input, so that it outlives no test run, however that ends.
PROGRAM = """
process.argv.splice(1, 0, "azurite-blob");
process.stdin.resume().on("end", () => process.exit());
require("azurite/dist/src/blob/main.js");
"""
OPTIONS = ("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent")
ADDRESS = ("--blobHost", "127.0.0.1", "--blobPort", "0")


@contextmanager
def azure_server() -> Iterator[Store]:
    """An Azure server that ends with the block."""
    # `make test` installs node beside Python where the machine has none.
    beside = str(Path(sys.executable).parent)
    node = shutil.which("node", path=os.pathsep.join([os.environ["PATH"], beside]))
    if node is None or not (INSTALLED / "node_modules" / "azurite").is_dir():
        pytest.skip("azurite is not installed: make test does it")
    accounts = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    command = (node, "-e", PROGRAM, "--", *OPTIONS, *ADDRESS)
    with server_process(*command, cwd=INSTALLED, environment=accounts) as port:
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        keys = {"account_name": ACCOUNT, "account_key": KEY}
        yield Store("az", endpoint, "endpoint", keys, lambda name: make_container(endpoint, name))


def make_container(endpoint: str, name: str) -> None:
    """Makes a container, which obstore cannot.

    Source: Microsoft, "Authorize with Shared Key".
    """
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": API_VERSION}
    # The verb, then eleven headers that are not sent.
    signed = ["PUT", *[""] * 11, *(f"{name}:{value}" for name, value in headers.items())]
    # The account is named twice: as such, and as the first part of an emulator's path.
    signed += [f"/{ACCOUNT}/{ACCOUNT}/{name}", "restype:container"]
    digest = hmac.digest(base64.b64decode(KEY), "\n".join(signed).encode(), hashlib.sha256)
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
    request = Request(f"{endpoint}/{name}?restype=container", headers=headers, method="PUT")
    with urlopen(request, timeout=30):
        pass
