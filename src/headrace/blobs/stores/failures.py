"""What a store answers instead of bytes, told as errors of ours that say what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import NoReturn, TypeAlias

from headrace.blobs.showable import without_secrets
from headrace.contracts.errors import Forbidden, StorageError, Unreachable

Failure: TypeAlias = "StorageError | Forbidden | Unreachable"

# obstore has no fields for these: its text does.
STATUS = re.compile(r"status code: (\d{3})")
CODE = re.compile(r"<Code>([\w.]+)</Code>")
MESSAGE = re.compile(r"<Message>([^<\n]+)")
ORIGIN = re.compile(r"https?://[^/\s]+")
TRIES = re.compile(r"after [1-9]\d* retries")
# Text of a store is shown up to here: it may be a page.
MOST_SHOWN = 300
# obstore's last resort is to ask the machine who it is: where no credentials were given.
WHO_AM_I = re.compile(r"token request|/latest/api/token|/computeMetadata/|/metadata/identity")
NO_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"})
# What becomes of a request that is no answer: in obstore's account of it, and told.
CAUSES = (
    ("dns error", "the name of the host is not known"),
    ("ConnectionRefused", "nothing listens there"),
    ("TimedOut", "it did not answer in time"),
    ("ertificate", "its certificate is not trusted"),
    ("BadScheme", "http:// is not allowed"),
    ("ncomplete", "the connection broke off"),
    ("NoContentRange", "the connection broke off"),
    ("ConnectionReset", "the connection broke off"),
    ("error sending request", "the connection broke off"),
)
CREDENTIALS = (
    "Pass them in storage_options, or set the variables of the store, such as AWS_ACCESS_KEY_ID "
    "and AWS_SECRET_ACCESS_KEY, AZURE_STORAGE_ACCOUNT_KEY or GOOGLE_APPLICATION_CREDENTIALS."
)
REMEDIES = {
    "RequestTimeTooSkewed": "Set the clock of this machine: it differs from the store's.",
    "InvalidAccessKeyId": f"The credentials are not known there. {CREDENTIALS}",
    "SignatureDoesNotMatch": f"The secret key is another one's. {CREDENTIALS}",
    "ExpiredToken": "The credentials have expired: get new ones.",
    "AuthenticationFailed": "Check the account's key and the clock of this machine.",
    "AccessDenied": (
        "Ask for the permission to do this, and to list the bucket: without that, S3 says the "
        "same of what is not there."
    ),
}
# What is said of a range in memory.
BEYOND = "Wanted range starting at"
# Two writes on a condition met, and the store asks for another try of this one.
UNDECIDED = "ConditionalRequestConflict"
# Not 501: what a store does not know today it does not know tomorrow.
BUSY = frozenset({408, 425, 429, 500, *range(502, 600)})


@dataclass(frozen=True)
class Answer:
    """What is known of a request that failed: no status where no answer came."""

    text: str
    status: int | None
    code: str

    @property
    def asks_who(self) -> bool:
        """Whether it was asked in search of credentials."""
        return WHO_AM_I.search(self.text) is not None

    @property
    def is_busy(self) -> bool:
        """Whether the same may succeed later, or has succeeded and its answer was lost."""
        if self.status is not None:
            return self.status in BUSY or self.is_undecided
        return _cause(self.text) is not None

    @property
    def is_undecided(self) -> bool:
        """Whether nobody's write on a condition was made yet, as far as is known."""
        return self.code == UNDECIDED

    @property
    def is_beyond(self) -> bool:
        """Whether the bytes asked for lie behind the end of the blob."""
        is_refused = self.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        return is_refused or BEYOND in self.text

    @property
    def has_no_bucket(self) -> bool:
        """Whether the place itself is missing, and not only a blob in it."""
        return self.code in NO_BUCKET


def answer_of(error: BaseException) -> Answer:
    """What an error of obstore says of the answer."""
    text = str(error)
    status, code = STATUS.search(text), CODE.search(text)
    return Answer(text, int(status[1]) if status else None, code[1] if code else "")


def failure_of(
    error: BaseException, asked: str, options: Mapping[str, object] | None = None
) -> Failure:
    """The error to raise for one of obstore's, where it is not about absence.

    `asked` says what was to be done; the options, and the addresses in the text, have secrets,
    which are not shown.
    """
    answer = answer_of(error)
    kind, remedy = _judged(answer)
    if answer.asks_who:
        said = "no credentials were found"
    elif answer.status is None:
        said = _unanswered(answer.text)
    else:
        said = f"the store answered {_told(answer)}"
    # Line ends and control characters are no text for a terminal.
    plain = " ".join(without_secrets(said, options).split())
    shown = "".join(letter for letter in plain if letter.isprintable())[:MOST_SHOWN]
    return kind(f"{asked}, and {shown.rstrip('.')}. {remedy}")


def raise_alone(error: Exception) -> NoReturn:
    """Raises it without the error that is being handled.

    `from None` only hides that one; where errors are pickled with their context, as between the
    machines of Dask, obstore's account would travel along.
    """
    try:
        raise error
    finally:
        error.__context__ = None


def _judged(answer: Answer) -> tuple[type[Failure], str]:
    """The class of error, and what to do."""
    if answer.asks_who:
        return Forbidden, CREDENTIALS
    if answer.has_no_bucket:
        return StorageError, "Make the bucket, or check its name, the endpoint and the region."
    # S3 says of credentials that have expired that the request is bad.
    if answer.code in REMEDIES:
        return Forbidden, REMEDIES[answer.code]
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Forbidden, REMEDIES["AccessDenied"]
    if answer.status is None and answer.is_busy:
        return Unreachable, "Check the endpoint and the network, and try again."
    if answer.is_busy:
        return Unreachable, "It is busy or broken: try again later."
    return StorageError, "Check the address and storage_options, such as region and endpoint."


def _told(answer: Answer) -> str:
    assert answer.status is not None
    try:
        phrase = f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        phrase = str(answer.status)
    message = MESSAGE.search(answer.text)
    more = ": ".join(part for part in (answer.code, message[1] if message else "") if part)
    tries = TRIES.search(answer.text)
    return "".join(
        [phrase, f" ({more.rstrip('.')})" if more else "", f" {tries[0]}" if tries else ""]
    )


def _unanswered(text: str) -> str:
    cause, origin = _cause(text), ORIGIN.search(text)
    if cause is None:
        # What follows the first line is obstore's internal state.
        return f"the store said: {text.partition(chr(10))[0]}"
    return f"no answer came from {origin[0]}: {cause}" if origin else cause


def _cause(text: str) -> str | None:
    return next((told for mark, told in CAUSES if mark in text), None)
