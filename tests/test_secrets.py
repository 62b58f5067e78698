"""Planted secrets, looked for in all that is printed, kept or sent on."""

from __future__ import annotations

import json
import logging
import pickle
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.servers.serving import Store

import headrace as hr
from headrace.contracts.errors import HeadraceError

# Any, in this file: whatever may be printed.

SECRET = "pl4nted-s3cret-7f3a9c"
# Nothing listens there.
NOWHERE = "127.0.0.1:9"
OPTIONS = {
    "access_key_id": f"{SECRET}-id",
    "secret_access_key": SECRET,
    "session_token": f"{SECRET}-token",
    "endpoint": f"http://{NOWHERE}",
    "region": "eu-central-1",
    "client_options": {
        "allow_http": True,
        "connect_timeout": "1s",
        "default_headers": {"x-private": SECRET},
    },
    "max_retries": 0,
}
ADDRESSES = [
    f"https://me:{SECRET}@{NOWHERE}/runs.txt",
    f"https://{NOWHERE}/runs.txt?sv=1&sig={SECRET}",
    f"s3://me:{SECRET}@bucket/runs.txt",
    f"az://box/runs.txt?sig={SECRET}",
    f"gs://me:{SECRET}@bucket/*.txt",
    f"ftp://me:{SECRET}@host/runs.txt",
    f"file://me:{SECRET}@host/runs.txt",
    f"https://me:{SECRET}/with?marks#@{NOWHERE}/runs.txt",
]


def told(value: object) -> str:
    """All that a value or an error says of itself."""
    if isinstance(value, BaseException):
        notes = "".join(getattr(value, "__notes__", []))
        return "".join(traceback.format_exception(value)) + repr(value) + notes
    html = getattr(value, "_repr_html_", None)
    return f"{value} {value!r}" + (html() if html is not None else "")


def tried(use: Callable[[], object]) -> str:
    """What a use gives or raises, which is an error of ours."""
    try:
        return told(use())
    except HeadraceError as error:
        return told(error)


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Any:
    """Looks for the secret in all that was logged and printed, also by others."""
    caplog.set_level(logging.DEBUG)
    yield
    printed = capfd.readouterr()
    assert SECRET not in caplog.text + printed.out + printed.err


def test_a_storage_and_its_errors_show_no_options() -> None:
    storage = hr.Storage("s3://bucket/folder", storage_options=OPTIONS)
    uses: list[Callable[[], object]] = [
        lambda: storage.url,
        lambda: storage.fetch("digits"),
        lambda: storage.submit([1], "digits", "1.0"),
        lambda: storage.store("values").keys(),
        lambda: repr(storage.store("values")),
        lambda: storage.datasets(),
        lambda: repr(storage),
    ]
    for use in uses:
        assert SECRET not in tried(use)


@pytest.mark.parametrize(
    "options",
    [
        {"secret_access_kee": SECRET},
        {"access_key_id": [SECRET]},
        {"client_options": {"default_header": SECRET}},
        SECRET,
    ],
    ids=str,
)
def test_options_that_are_refused_are_not_repeated(options: Any) -> None:
    refused = tried(lambda: hr.Storage("s3://bucket/folder", storage_options=options))
    assert "s3://bucket" in refused or "storage_options must be a dict" in refused
    assert SECRET not in refused


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_of_a_storage_is_shown_without_its_secrets(url: str) -> None:
    assert SECRET not in tried(lambda: hr.Storage(url).fetch("digits"))
    assert SECRET not in tried(lambda: hr.Storage(url, storage_options={"region": "x"}))


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_of_a_file_is_shown_without_its_secrets(url: str) -> None:
    options = {"client_options": {"connect_timeout": "1s"}, "max_retries": 0}
    opened = hr.stream([url]).open(storage_options=options)
    text = tried(lambda: opened)
    # What is in the records is the user's: only the address itself was put there.
    text += tried(lambda: opened.map(str).collect()) + tried(lambda: opened.collect())
    text += tried(lambda: opened.map(lambda file: file.read()).collect())
    text += tried(lambda: hr.from_files(url, storage_options=options))
    text += tried(lambda: hr.from_files(url, storage_options=options).collect())
    text += tried(lambda: hr.stream([1]).save(url))
    assert SECRET not in text


@pytest.mark.slow
def test_an_address_that_is_tried_again_and_again_is_shown_without_its_secrets() -> None:
    # No options: it is tried for some seconds.
    assert SECRET not in tried(lambda: hr.from_text(ADDRESSES[1]).collect())


def test_states_and_plans_have_no_secret() -> None:
    url = f"https://{NOWHERE}/runs.txt?sig={SECRET}"
    chain = hr.from_files(url).batch(2, collate="list")
    loader = hr.DataLoader(chain, seed=1)
    text = told(chain) + told(chain.explain()) + told(loader) + json.dumps(loader.state_dict())
    assert SECRET not in text
    assert SECRET.encode() not in pickle.dumps(loader.state_dict())


def test_a_manifest_keeps_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/jobs/make.py", f"--token={SECRET}"])
    storage = hr.Storage(tmp_path)

    @storage.cacheable("digits", "1.0")
    def made(
        url: str,
        *,
        password: str,
        hf_token: str,
        page: int,
        storage_options: Any,
        database: Any,
    ) -> Any:
        return [len(url), len(password), page]

    def call(**changes: Any) -> Any:
        arguments: dict[str, Any] = {
            "url": f"https://me:{SECRET}@host/table?page=2&sig={SECRET}",
            "password": SECRET,
            "hf_token": SECRET,
            "page": 1,
            "storage_options": {"secret": SECRET},
            "database": [{"name": "runs", "password": SECRET}],
        }
        return made(**{**arguments, **changes})

    call()
    (manifest,) = tmp_path.glob("digits/versions/*.json")
    assert SECRET not in manifest.read_text()
    assert "make.py" in manifest.read_text()
    # Credentials change, and the version stays the same.
    call(password="new", hf_token=SECRET[::-1], url="https://you:x@host/table?page=2&sig=other")
    # All else is told apart as before.
    call(database=[{"name": "runs", "password": "new"}])
    changed = {"page": 2}, {"url": "https://host/table?page=3"}, {"database": [{"name": "x"}]}
    for changes in changed:
        with pytest.raises(HeadraceError, match=r"1\.0 was stored from a call with") as error:
            call(**changes)
        assert SECRET not in told(error.value)


def test_what_a_server_answers_is_shown_without_secrets(s3: Store, bucket: str) -> None:
    # The server takes any.
    keys = {"access_key_id": f"{SECRET}-id", "secret_access_key": SECRET}
    options = {**s3.storage_options, **keys}
    storage = hr.Storage(bucket, storage_options=options)
    storage.submit([1, 2], "digits", "1.0")
    missing = hr.Storage("s3://no-such-bucket-here", storage_options=options)
    stream = storage.fetch("digits").stream()
    text = tried(lambda: storage) + tried(lambda: storage.fetch("digits"))
    text += tried(lambda: storage.fetch("digits", "2.0")) + tried(lambda: missing.fetch("digits"))
    text += told(stream.explain()) + told(storage.log("digits")) + told(storage.verify("digits"))
    text += json.dumps(hr.DataLoader(stream, seed=1).state_dict())
    assert "no-such-bucket-here" in text
    assert SECRET not in text
