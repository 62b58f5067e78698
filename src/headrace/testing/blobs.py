"""The conformance suite of stored bytes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from headrace.contracts import Blobs
from headrace.contracts.errors import HeadraceError, IntegrityError, NotFound, VersionExists


def check_blobs(blobs: Blobs) -> None:
    """Checks that blobs appear whole or not at all, once, and can be removed.

    Raises:
        AssertionError: what does not hold.
    """
    assert blobs.stat("a/one") is None
    _expect(NotFound, lambda: blobs.get("a/one"))
    blobs.put("a/one", b"first")
    _expect(VersionExists, lambda: blobs.put("a/one", b"second"))
    assert blobs.get("a/one") == b"first", "a refused put must change nothing"
    blobs.put("a/one", b"second", replace=True)
    assert bytes(blobs.map("a/one")) == b"second"
    assert not blobs.map("a/one").flags.writeable
    assert [bytes(piece) for piece in blobs.ranges("a/one", [3, 0], [6, 2])] == [b"ond", b"se"]
    _expect(IntegrityError, lambda: blobs.ranges("a/one", [0], [7]))

    def fill(sink: BinaryIO) -> None:
        sink.write(b"abc")
        sink.write(b"def")

    assert blobs.write(lambda: "a/b/two", fill) == "a/b/two"
    assert blobs.get("a/b/two") == b"abcdef"
    _check_failed_write(blobs)
    assert {stat.key: stat.size_bytes for stat in blobs.list("a")} == {"a/one": 6, "a/b/two": 6}
    assert sorted(blobs.folders("a")) == ["b"]
    for key in ("../up", "/abs", "a//b", "", "a/../../up"):
        _expect(HeadraceError, partial(blobs.put, key, b""))
    blobs.delete("a/one")
    blobs.delete("a/one")
    blobs.delete("a/b/two")
    assert list(blobs.list("a")) == []


def _check_failed_write(blobs: Blobs) -> None:
    def fail(sink: BinaryIO) -> None:
        sink.write(b"half")
        raise InterruptedError("the builder stops")

    _expect(InterruptedError, lambda: blobs.write(lambda: "a/half", fail))
    assert blobs.stat("a/half") is None, "a failed write must leave nothing"


def _expect(kind: type[BaseException], call: Callable[[], object]) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was expected")
