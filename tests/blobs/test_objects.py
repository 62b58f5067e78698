"""Blobs in memory live in one process, and say so instead of hanging."""

from __future__ import annotations

import os
import pickle

import pytest
from obstore.exceptions import BaseError

from headrace.blobs import ObjectBlobs
from headrace.contracts.errors import NotFound, StorageError, VersionExists


def test_pickling_memory_says_to_use_a_path() -> None:
    with pytest.raises(StorageError, match="memory:// lives in one process: use a path"):
        pickle.dumps(ObjectBlobs.in_memory())


def test_use_in_a_forked_child_is_an_error_and_no_hang() -> None:
    blobs = ObjectBlobs.in_memory()
    blobs.put("a", b"1")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answers = [_answer(blobs), _answer(ObjectBlobs.in_memory())]
        os.write(writer, "\n".join(answers).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answers = pipe.read().splitlines()
    os.waitpid(child, 0)
    assert len(answers) == 2
    for answer in answers:
        assert "cannot use memory:// in a forked process: it would hang" in answer
        assert 'use a path, such as Storage("/tmp/headrace")' in answer
        assert 'multiprocessing_context="forkserver" or "spawn"' in answer
    assert blobs.get("a") == b"1"


def test_a_missing_blob_and_a_second_write_are_named() -> None:
    blobs = ObjectBlobs.in_memory()
    with pytest.raises(NotFound, match="there is no 'a' in memory://"):
        blobs.get("a")
    blobs.put("a", b"1")
    with pytest.raises(VersionExists, match="'a' is in memory:// already, and is written once"):
        blobs.put("a", b"2")


def _answer(blobs: ObjectBlobs) -> str:
    try:
        return repr(blobs.get("a"))
    except StorageError as error:
        return str(error)


def test_a_failing_store_names_the_key_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise BaseError("the store is away\n\nDebug source: ...")

    monkeypatch.setattr("obstore.delete", fail)
    with pytest.raises(StorageError) as caught:
        ObjectBlobs.in_memory().delete("a")
    expected = "memory:// failed at 'a': the store is away. Nothing was published; try again."
    assert str(caught.value) == expected
