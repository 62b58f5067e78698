"""Requests that are tried again here, because obstore would misread the answer or give up."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.blobs.stores.failures import answer_of
from headrace.blobs.stores.options import Options, grouped
from headrace.deferred import obstore, obstore_exceptions, obstore_store

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode, PutResult, UpdateVersion
    from obstore.store import ObjectStore

# The first pause between two tries; the next ones are twice as long each, up to the last.
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 15.0


@dataclass(frozen=True)
class Once:
    """Puts on a condition, which one of many makes; and deletes.

    Where the answer to the first try of a put was lost, the second is told that another was
    first: its own first. Who believed that would give up what is his.
    """

    store: ObjectStore
    # The same store, which tries nothing again.
    hasty: ObjectStore
    options: Options = ()

    def put(self, key: str, payload: bytes, *, tag: str | None = None) -> str:
        """Writes where the blob has that tag, without one where there is none; gives its tag.

        Raises:
            AlreadyExistsError: there is one, of another's.
            PreconditionError: it has another tag, by another's write.
        """
        mode: PutMode = "create" if tag is None else self._state(tag)
        pauses = _pauses(self.options)
        is_lost = False
        while True:
            try:
                made = obstore.put(self.hasty, key, payload, mode=mode, use_multipart=False)
                return self._tag(made)
            except obstore_exceptions.BaseError as error:
                if _is_second(error):
                    found = self.tagged(key) if is_lost else None
                    if found is None or found[0] != payload:
                        raise
                    return found[1]
                if not _paused(error, pauses):
                    raise
                is_lost = True

    def delete(self, key: str, *, within_s: float) -> None:
        """Removes a blob; no try begins later than that.

        A POST without an answer, by which S3 deletes, obstore does not try again.
        """
        pauses = _pauses(self.options, within_s=within_s)
        while True:
            try:
                obstore.delete(self.hasty, key)
                return
            except obstore_exceptions.BaseError as error:
                if not _paused(error, pauses):
                    raise

    def tagged(self, key: str) -> tuple[bytes, str] | None:
        """All bytes of a blob and its tag; None where there is none."""
        try:
            answer = obstore.get(self.store, key)
            return bytes(answer.bytes()), self._tag(answer.meta)
        except FileNotFoundError as error:
            if answer_of(error).has_no_bucket:
                raise
            return None

    @property
    def _has_generations(self) -> bool:
        # By which GCS compares; the others do by e_tags.
        return isinstance(self.store, obstore_store.GCSStore)

    def _state(self, tag: str) -> UpdateVersion:
        return {"version": tag} if self._has_generations else {"e_tag": tag}

    def _tag(self, known: ObjectMeta | PutResult) -> str:
        return (known["version"] if self._has_generations else known["e_tag"]) or ""


def _is_second(error: BaseException) -> bool:
    """Whether another's write was first."""
    refused = (obstore_exceptions.AlreadyExistsError, obstore_exceptions.PreconditionError)
    return isinstance(error, refused) and not answer_of(error).is_undecided


def _paused(error: BaseException, pauses: Iterator[float]) -> bool:
    """Waits until the next try; False where none would help, or is left."""
    pause_s = next(pauses, None) if answer_of(error).is_busy else None
    if pause_s is None:
        return False
    time.sleep(pause_s)
    return True


def _pauses(options: Options, *, within_s: float = math.inf) -> Iterator[float]:
    """How long to wait before each further try; ends with the number of tries or the time."""
    retry = grouped(options)["retry_config"]
    limit_s = min(within_s, retry["retry_timeout"].total_seconds())
    began = time.monotonic()
    for number in range(retry["max_retries"]):
        pause_s = min(FIRST_PAUSE_S * 2**number, LONGEST_PAUSE_S)
        if time.monotonic() - began + pause_s > limit_s:
            return
        yield pause_s
