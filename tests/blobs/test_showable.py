"""What is shown of an address or a message has no secret in it, and all that is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.blobs.showable import showable, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/data/headrace", "/data/headrace"),
        ("C:\\data", "C:\\data"),
        ("memory://", "memory://"),
        ("s3://bucket/prefix", "s3://bucket/prefix"),
        ("s3://bucket/part-?.csv", "s3://bucket/part-?.csv"),
        ("s3://bucket/year=202?/month=1.csv", "s3://bucket/year=202?/month=1.csv"),
        ("s3://bucket/a@b#1.csv", "s3://bucket/a@b#1.csv"),
        ("https://host:8080/a@b.csv", "https://host:8080/a@b.csv"),
        ("https://[::1]:80/a", "https://[::1]:80/a"),
        ("https://[::1]/a@b", "https://[::1]/a@b"),
        ("s3://AKIA:secret@bucket/prefix", "s3://***@bucket/prefix"),
        ("https://token@host/a", "https://***@host/a"),
        ("https://me:se/cr?et#@host/a", "https://***@host/a"),
        ("https://me:sec:80/ret@host/a", "https://***@host/a"),
        ("az://box/a?sv=2022&sig=abc%3D", "az://box/a?sv=***&sig=***"),
        ("https://host/a?eyJhbGci", "https://host/a?***"),
        ("https://host/a?b=1#token=2", "https://host/a?b=***#token=***"),
        ("HTTPS://me:secret@host", "HTTPS://***@host"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert showable(url) == shown
    assert showable(shown) == shown


def test_a_message_is_shown_without_secrets() -> None:
    options = {
        "secret_access_key": "planted1",
        "region": "eu-central-1",
        "client_options": {"default_headers": {"x-anything": "planted2"}, "timeout": "30s"},
    }
    text = (
        "eu-central-1: GET (https://me:planted3@host/a?sig=planted4) with planted1 and planted2 "
        "<AWSAccessKeyId>AKIAIOSFODNN7EXAMPLE</AWSAccessKeyId> after 30s"
    )
    assert without_secrets(text, options) == (
        "eu-central-1: GET (https://***@host/a?sig=*** with *** and *** "
        "<AWSAccessKeyId>***</AWSAccessKeyId> after 30s"
    )


@given(st.text(st.characters(exclude_characters="@", exclude_categories=["Cs"])))
def test_no_password_is_shown_wherever_a_colon_tells_that_there_is_one(rest: str) -> None:
    assert showable(f"https://me:planted{rest}@host/a") == "https://***@host/a"


@given(st.text())
def test_whatever_is_shown_is_shown_the_same_again(text: str) -> None:
    assert showable(showable(f"https://{text}")) == showable(f"https://{text}")
