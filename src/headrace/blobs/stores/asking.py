"""Requests to a store of obstore: never after a fork, and with failures told as errors of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from headrace.blobs.showable import showable
from headrace.blobs.stores.connect import secrets
from headrace.blobs.stores.failures import answer_of, failure_of, raise_alone
from headrace.blobs.stores.forked import fork_guard
from headrace.blobs.stores.options import Options
from headrace.blobs.stores.pieces import cut_short
from headrace.contracts.errors import (
    ArgumentError,
    HeadraceError,
    InvalidName,
    NotFound,
    StorageError,
    VersionExists,
)
from headrace.deferred import obstore_exceptions

MEMORY = "memory://"
# Of what is written so, a store can say that it is not there only by mistake.
WRITTEN = "written"
ONE_PROCESS = "memory:// lives in one process: use a path"


class Changed(StorageError):
    """A blob has another tag by now."""


@dataclass(frozen=True)
class Asking:
    """What surrounds each request to the store at `url`.

    Errors are not chained to those of obstore, in which addresses and answers are as they came.
    """

    url: str
    options: Options = field(default=(), repr=False)

    @contextmanager
    def __call__(self, key: str, done: str) -> Iterator[None]:
        """What is inside asks for `key`, which is to be `done`, such as read or written.

        Raises:
            InvalidName: the key is none for a store.
            NotFound: the store says that the key is not there.
            VersionExists: it is there, and was to be written once.
            IntegrityError: the blob ends before the bytes that were asked for.
            Forbidden: the store does not let this user do it.
            Unreachable: the store gives no answer, or only that it is busy or broken.
            StorageError: whatever else it says; or this process was forked.
        """
        if fork_guard().is_child:
            raise StorageError(_forked(showable(self.url)))
        try:
            yield
        except (ArgumentError, InvalidName):
            raise
        except ValueError as error:
            raise InvalidName(
                f"a key must be text without control characters, got {key!r}: "
                f"{str(error).splitlines()[0]}. Choose a plain name."
            ) from None
        except (obstore_exceptions.BaseError, FileNotFoundError) as error:
            raise_alone(self._told(error, key, done))

    def _told(self, error: Exception, key: str, done: str) -> HeadraceError:
        url, answer = showable(self.url), answer_of(error)
        if answer.is_beyond:
            return cut_short(f"{key!r} in {url}")
        if isinstance(error, FileNotFoundError) and not answer.has_no_bucket and done != WRITTEN:
            return absent(key, url)
        if isinstance(error, obstore_exceptions.AlreadyExistsError) and not answer.is_undecided:
            return VersionExists(
                f"{key!r} is in {url} already, and is written once. "
                "Choose another name, or say replace=True."
            )
        if isinstance(error, obstore_exceptions.PreconditionError):
            return Changed(f"{key!r} in {url} has changed. Read it again.")
        asked = f"{key!r} of {url} was to be {done}" if key else f"{url} was to be {done}"
        return failure_of(error, asked, secrets(self.options))


def absent(key: str, url: str) -> NotFound:
    """The error of a blob that is not there."""
    return NotFound(f"there is no {key!r} in {url}. It was deleted or never written.")


def _forked(url: str) -> str:
    remedy = (
        f'{ONE_PROCESS}, such as Storage("/tmp/headrace"). Other object stores work in processes '
        "that are not forked: in"
        if url == MEMORY
        else "Begin workers otherwise: in"
    )
    return (
        f"cannot use {url} in a forked process: it would hang. {remedy} torch's DataLoader say "
        'multiprocessing_context="forkserver" or "spawn".'
    )
