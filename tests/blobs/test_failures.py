"""What stores answer instead of bytes: each failure says what was asked, what came, what to do."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.blobs.filling import filled
from tests.servers.faults import Answer, Drop, Hang
from tests.servers.proxy import Proxy
from tests.servers.serving import Place

from headrace.blobs import ObjectBlobs
from headrace.blobs.stores.options import options_of
from headrace.contracts.errors import Forbidden, StorageError, Unreachable

# Any, in this file: the options of a store are those that obstore knows.

AT_ONCE = {"max_retries": 0}
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>"
SKEWED = (
    b"<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and "
    b"the current time is too large.</Message></Error>"
)
SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
REQUESTS: dict[str, Callable[[ObjectBlobs, Path], object]] = {
    "get": lambda blobs, _: blobs.get("a"),
    "map": lambda blobs, _: blobs.map("a"),
    "stat": lambda blobs, _: blobs.stat("a"),
    "ranges": lambda blobs, _: blobs.ranges("a", [0], [1]),
    "fetch_to": lambda blobs, folder: blobs.fetch_to("a", folder / "a"),
    "put": lambda blobs, _: blobs.put("a", b"2"),
    "put, replace": lambda blobs, _: blobs.put("a", b"2", replace=True),
    "write": lambda blobs, _: blobs.write(lambda: "a", filled(b"2")),
    "tagged": lambda blobs, _: blobs.tagged("a"),
    "swap": lambda blobs, _: blobs.swap("a", b"2", tag='"1"'),
    "swap, new": lambda blobs, _: blobs.swap("b", b"2", tag=None),
    "delete": lambda blobs, _: blobs.delete("a"),
    "list": lambda blobs, _: list(blobs.list("")),
    "folders": lambda blobs, _: list(blobs.folders("")),
}


def blobs_of(proxy: Proxy, **more: Any) -> ObjectBlobs:
    options = {**proxy.storage_options, **AT_ONCE, **more}
    return ObjectBlobs.at(proxy.new_bucket(), options_of(options))


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Answer(403, DENIED), Forbidden),
        (Answer(503, SLOW_DOWN), Unreachable),
        (Drop(), Unreachable),
    ],
    ids=["forbidden", "throttled", "dropped"],
)
def test_y_b10_no_request_takes_another_answer_for_absence(
    proxy: Proxy, tmp_path: Path, request_name: str, fault: Any, kind: type[StorageError]
) -> None:
    blobs = blobs_of(proxy)
    proxy.fail(fault)
    with pytest.raises(kind, match="was to be .*, and "):
        REQUESTS[request_name](blobs, tmp_path)
    proxy.heal()
    assert blobs.stat("a") is None


def test_forbidden_says_what_to_ask_for(proxy: Proxy) -> None:
    blobs = blobs_of(proxy)
    proxy.fail(Answer(403, DENIED))
    with pytest.raises(Forbidden) as caught:
        blobs.get("digits/a")
    assert str(caught.value) == (
        f"'digits/a' of {blobs.url} was to be read, and the store answered 403 Forbidden "
        "(AccessDenied: Access Denied). Ask for the permission to do this, and to list the bucket: "
        "without that, S3 says the same of what is not there."
    )
    assert isinstance(caught.value, PermissionError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_wrong_clock_is_told(proxy: Proxy) -> None:
    blobs = blobs_of(proxy)
    proxy.fail(Answer(403, SKEWED))
    with pytest.raises(
        Forbidden, match=r"TooSkewed: .*too large\)\. Set the clock of this machine"
    ):
        blobs.put("a", b"1")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("InvalidAccessKeyId", "The credentials are not known there. Pass them in storage_options"),
        ("SignatureDoesNotMatch", "The secret key is another one's. Pass them in storage_options"),
        ("ExpiredToken", "The credentials have expired: get new ones"),
        ("AuthenticationFailed", "Check the account's key and the clock of this machine"),
    ],
)
def test_credentials_that_are_not_taken_are_told(proxy: Proxy, code: str, remedy: str) -> None:
    blobs = blobs_of(proxy)
    proxy.fail(Answer(403, f"<Error><Code>{code}</Code></Error>".encode()))
    with pytest.raises(Forbidden, match=rf"403 Forbidden \({code}\)\. {remedy}"):
        list(blobs.list(""))


def test_a_store_that_stays_busy_is_given_up(proxy: Proxy) -> None:
    blobs = blobs_of(proxy, max_retries=2, backoff={"init_backoff": 0.01})
    proxy.fail(Answer(503, SLOW_DOWN))
    message = r"503 Service Unavailable \(SlowDown: Please .* rate\) after 2 retries\. It is busy"
    with pytest.raises(Unreachable, match=message) as caught:
        blobs.get("a")
    assert proxy.count("GET") == 3
    assert isinstance(caught.value, ConnectionError)


def test_a_store_that_is_busy_for_a_while_is_waited_for(proxy: Proxy) -> None:
    blobs = blobs_of(proxy, max_retries=3, backoff={"init_backoff": 0.01})
    proxy.fail(Answer(503, SLOW_DOWN), times=2)
    blobs.put("a", b"1")
    proxy.fail(Drop(), times=2)
    assert blobs.get("a") == b"1"


def test_a_store_that_hangs_is_given_up(proxy: Proxy) -> None:
    blobs = blobs_of(proxy, read_timeout="100ms")
    proxy.fail(Hang())
    with pytest.raises(Unreachable, match="no answer came from .*: it did not answer in time"):
        blobs.get("a")


def test_an_endpoint_that_nobody_listens_at_is_told() -> None:
    options = {"endpoint": "http://127.0.0.1:9", "access_key_id": "a", "secret_access_key": "b"}
    blobs = ObjectBlobs.at("s3://bucket", options_of(options | AT_ONCE))
    with pytest.raises(
        Unreachable,
        match="from http://127.0.0.1:9: nothing listens there. Check",
    ):
        blobs.get("a")


def test_a_host_without_an_address_is_told() -> None:
    options = {"endpoint": "http://no.invalid", "access_key_id": "a", "secret_access_key": "b"}
    blobs = ObjectBlobs.at("s3://bucket", options_of(options | AT_ONCE))
    with pytest.raises(Unreachable, match="from http://no.invalid: the name of the host is not"):
        blobs.get("a")


# Who swaps by a tag has seen the bucket.
@pytest.mark.parametrize("request_name", sorted(REQUESTS.keys() - {"swap"}))
def test_a_bucket_that_does_not_exist_is_not_an_empty_one(
    proxy: Proxy, tmp_path: Path, request_name: str
) -> None:
    blobs = ObjectBlobs.at("s3://no-such-bucket", options_of({**proxy.storage_options, **AT_ONCE}))
    with pytest.raises(
        StorageError, match=r"NoSuchBucket.*\)\. Make the bucket, or check its name"
    ):
        REQUESTS[request_name](blobs, tmp_path)


def test_each_store_says_that_a_bucket_does_not_exist(store: Place, tmp_path: Path) -> None:
    if store.options is None:
        return  # memory is not missing
    options = options_of({**store.options, **AT_ONCE})
    blobs = ObjectBlobs.at(f"{store.url.partition(':')[0]}://no-such-bucket", options)
    for name in ("get", "stat", "put", "write", "list", "folders", "tagged"):
        with pytest.raises(StorageError, match=r"404 Not Found \(\w+.*\)\. Make the bucket, or"):
            REQUESTS[name](blobs, tmp_path)


def test_a_store_without_writes_on_a_condition_is_told_at_once(proxy: Proxy) -> None:
    blobs = blobs_of(proxy, max_retries=3)
    proxy.fail(Answer(501, b"<Error><Code>NotImplemented</Code></Error>"), method="PUT")
    with pytest.raises(StorageError, match=r"501 Not Implemented .*\. Check the address and"):
        blobs.put("a", b"1")
    assert proxy.count("PUT") == 1


def test_credentials_that_have_expired_are_told_of_a_bad_request(proxy: Proxy) -> None:
    blobs = blobs_of(proxy)
    proxy.fail(Answer(400, b"<Error><Code>ExpiredToken</Code></Error>"))
    with pytest.raises(Forbidden, match=r"400 Bad Request \(ExpiredToken\)\. The credentials have"):
        blobs.stat("a")


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    # Where obstore asks the machine who it is.
    options = {"metadata_endpoint": "http://127.0.0.1:9", "region": "us-east-1", **AT_ONCE}
    blobs = ObjectBlobs.at("s3://bucket", options_of(options))
    with pytest.raises(
        Forbidden, match="no credentials were found. Pass them in storage_options, "
    ):
        blobs.get("a")


def test_what_is_no_such_answer_is_shown(proxy: Proxy) -> None:
    blobs = blobs_of(proxy)
    proxy.fail(Answer(400, b"<Error><Code>AuthorizationHeaderMalformed</Code></Error>"))
    with pytest.raises(
        StorageError, match=r"400 Bad Request \(Auth.*\)\. Check the address and st"
    ):
        blobs.get("a")


@pytest.mark.parametrize("request_name", REQUESTS)
def test_no_failure_shows_a_secret(
    proxy: Proxy, tmp_path: Path, request_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = {"access_key_id": "planted-1", "secret_access_key": "planted-2", "token": "planted-3"}
    blobs = blobs_of(proxy, **secrets)
    # What S3 and others repeat of a request.
    said = "planted-1 planted-2 planted-3 https://me:planted-4@host/a?X-Amz-Signature=planted-5"
    body = f"<Error><Code>SignatureDoesNotMatch</Code><Message>{said}</Message>{said}</Error>"
    proxy.fail(Answer(403, body.encode()))
    with pytest.raises(Forbidden, match="SignatureDoesNotMatch") as caught:
        REQUESTS[request_name](blobs, tmp_path)
    # Whoever pickles errors with their context, as Dask does, would pickle obstore's account.
    assert caught.value.__context__ is None
    shown = ["".join(traceback.format_exception(caught.value)), repr(blobs), caplog.text]
    assert "planted" not in "".join([*shown, repr(pickle.dumps(caught.value))])


def test_secrets_of_the_environment_are_not_shown_either(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-1")
    blobs = blobs_of(proxy)
    proxy.fail(Answer(400, b"<Error><Code>Odd</Code><Message>planted-1</Message></Error>"))
    with pytest.raises(StorageError, match=r"\(Odd: \*\*\*\)"):
        blobs.get("a")
    assert b"planted" not in pickle.dumps(blobs)


def test_an_answer_cannot_write_to_the_terminal(proxy: Proxy) -> None:
    blobs = blobs_of(proxy)
    text = "\x1b[2J" + "x" * 10_000
    proxy.fail(Answer(400, f"<Error><Code>Odd</Code><Message>{text}</Message></Error>".encode()))
    with pytest.raises(StorageError) as caught:
        blobs.get("a")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
