"""Profiles of AWS: who says nothing else has their credentials, region and endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.servers.serving import Store

from headrace.blobs.open import open_blobs
from headrace.blobs.stores.profiles import profile
from headrace.contracts.errors import ArgumentError

CONFIG = """
[default]
region = eu-central-1

[profile lab]
region = us-west-2
endpoint_url = https://minio.example.org
"""
CREDENTIALS = """
[default]
aws_access_key_id = planted-1
aws_secret_access_key = planted-2

[lab]
aws_access_key_id = planted-3
aws_secret_access_key = planted-4
aws_session_token = planted-5
"""
DEFAULT = {
    "access_key_id": "planted-1",
    "secret_access_key": "planted-2",
    "region": "eu-central-1",
}
LAB = {
    "access_key_id": "planted-3",
    "secret_access_key": "planted-4",
    "session_token": "planted-5",
    "region": "us-west-2",
    "endpoint": "https://minio.example.org",
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text(CREDENTIALS)
    return {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }


def test_the_default_profile_is_taken_unless_another_is_named(environment: dict[str, str]) -> None:
    assert profile({}, environment) == DEFAULT
    assert profile({}, {**environment, "AWS_PROFILE": "lab"}) == LAB


@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"])
def test_variables_go_before_the_profile(environment: dict[str, str], name: str) -> None:
    found = profile({}, {**environment, "AWS_PROFILE": "lab", name: "a", "AWS_REGION": "here"})
    assert found == {"endpoint": LAB["endpoint"]}


@pytest.mark.parametrize("name", ["access_key_id", "aws_access_key_id", "skip_signature"])
def test_options_go_before_the_profile(environment: dict[str, str], name: str) -> None:
    said = {name: "a", "region": "here", "endpoint": "http://host"}
    assert profile(said, {**environment, "AWS_PROFILE": "lab"}) == {}


def test_who_has_no_files_has_no_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert profile({}, {}) == {}


def test_who_has_no_home_has_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    # As a user without a name in a container.
    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert profile({}, {}) == {}


def test_a_profile_that_does_not_exist_lists_the_near_ones(environment: dict[str, str]) -> None:
    with pytest.raises(ArgumentError, match=r"AWS_PROFILE is 'lob', .* Did you mean one of 'lab'"):
        profile({}, {**environment, "AWS_PROFILE": "lob"})


def test_a_file_that_is_none_is_named_without_its_lines(environment: dict[str, str]) -> None:
    Path(environment["AWS_SHARED_CREDENTIALS_FILE"]).write_text("aws_secret_access_key = planted")
    with pytest.raises(ArgumentError, match=r"credentials was to be read .*Mend it, or") as caught:
        profile({}, environment)
    assert "planted" not in str(caught.value)


def test_a_bucket_is_reached_by_a_profile(
    s3: Store, bucket: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    text = CONFIG.replace("https://minio.example.org", s3.endpoint)
    Path(environment["AWS_CONFIG_FILE"]).write_text(text)
    for name, value in {**environment, "AWS_PROFILE": "lab"}.items():
        monkeypatch.setenv(name, value)
    blobs = open_blobs(bucket)
    blobs.put("a", b"1")
    assert blobs.get("a") == b"1"
