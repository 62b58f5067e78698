"""Commands on object stores, which are found by the credentials of the environment."""

from __future__ import annotations

import pytest
from tests.cli.conftest import Headrace
from tests.servers.serving import Store


@pytest.fixture
def storage(s3: Store, bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    for name, value in s3.options.items():
        monkeypatch.setenv(f"AWS_{name.upper()}", value)
    return f"{bucket}/datasets"


def test_a_dataset_is_made_listed_and_read_in_a_bucket(
    headrace: Headrace, digits: str, storage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = headrace("submit", "made:numbers", digits, "2.0", "--storage", storage)
    assert made.code == 0, made.err
    monkeypatch.setenv("HEADRACE_STORAGE", storage)
    (found,) = headrace("ls", "--json").json
    assert (found["dataset"], found["version"], found["records"]) == ("digits", "2.0", 3)
    assert headrace("verify", digits).code == 0


def test_a_bucket_that_does_not_exist_is_told(headrace: Headrace, storage: str) -> None:
    ended = headrace("ls", "--storage", "s3://no-such-bucket")
    assert ended.code != 0
    assert "NoSuchBucket" in ended.err
    assert "Make the bucket, or check its name" in " ".join(ended.err.split())
