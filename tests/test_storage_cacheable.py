"""`cacheable`: called once, by whoever comes first, with arguments that are remembered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.backends import Threads
from headrace.contracts.errors import ArgumentError
from headrace.dataref import DataRef
from headrace.storage import Storage
from headrace.storage.arguments import described
from headrace.streams import Stream


@pytest.fixture(params=["local", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return Storage("memory://")
    return Storage(tmp_path / "root", durable=False)


def test_the_function_is_called_once(storage: Storage) -> None:
    calls: list[int] = []

    @storage.cacheable("squares", "1.0")
    def squares() -> Iterator[int]:
        calls.append(1)
        return (n * n for n in range(5))

    assert squares()[4] == 16
    assert squares()[3] == 9
    assert storage.fetch("squares")[2] == 4
    assert calls == [1]


def test_y_b18_the_wrapper_keeps_name_and_text(storage: Storage) -> None:
    @storage.cacheable("squares", "1.0")
    def squares() -> list[int]:
        """Squares of numbers."""
        return [0]

    assert squares.__name__ == "squares"
    assert squares.__doc__ == "Squares of numbers."
    assert squares.__wrapped__() == [0]  # type: ignore[attr-defined]


def test_y_b18_racing_threads_call_once_and_all_read(storage: Storage) -> None:
    calls: list[int] = []
    read: list[list[Any]] = []

    @storage.cacheable("squares", "1.0")
    def squares() -> Iterator[int]:
        calls.append(1)
        return iter(range(100))

    def use() -> None:
        ref = squares()
        read.append(list(ref.read(np.arange(100))))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [1]
    assert read == [list(range(100))] * 8


def test_other_arguments_are_an_error_that_shows_both(storage: Storage) -> None:
    calls: list[int] = []

    @storage.cacheable("squares", "1.0")
    def squares(count: int, *, start: int = 0) -> list[int]:
        calls.append(count)
        return [n * n for n in range(start, start + count)]

    assert len(squares(4)) == 4
    assert len(squares(count=4, start=0)) == 4
    with pytest.raises(ArgumentError, match=r"call with \(count=4, start=0\), got \(count=5, st"):
        squares(5)
    assert calls == [4]


def test_a_submitted_version_serves_a_function_without_arguments(storage: Storage) -> None:
    storage.submit([7], "squares", "1.0")

    @storage.cacheable("squares", "1.0")
    def squares() -> list[int]:
        raise AssertionError("it is stored")

    assert squares()[0] == 7


def test_a_function_that_raises_leaves_nothing_and_may_try_again(storage: Storage) -> None:
    outcomes: Iterator[Any] = iter([OSError("no network"), [1, 2]])

    @storage.cacheable("squares", "1.0")
    def squares() -> list[int]:
        outcome = next(outcomes)
        if isinstance(outcome, OSError):
            raise outcome
        found: list[int] = outcome
        return found

    with pytest.raises(OSError, match="no network") as caught:
        squares()
    assert caught.traceback[-1].name == "squares"
    assert storage.datasets() == []
    assert len(squares()) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1.0"),
        ("1", "'1'"),
        ({"b", "a"}, "set({'a', 'b'})"),
        ([(1,), {"k": frozenset()}], "[(1,), {'k': frozenset({})}]"),
    ],
    ids=repr,
)
def test_arguments_are_described_alike_in_each_process(value: object, text: str) -> None:
    assert described(value) == text


def test_arrays_are_described_by_their_bytes() -> None:
    long = np.arange(10_000)
    other = long.copy()
    other[5000] = 0
    assert described(long) == described(long.copy())
    assert described(long) != described(other)


def test_arrays_of_objects_are_described_by_what_they_hold() -> None:
    one, same, other = (np.array([text, None], object) for text in ("a" * 9, "b" * 9, "c"))
    same[0] = "".join(["a"] * 9)
    assert described(one) == described(same) != described(other)


@pytest.mark.slow
def test_tensors_and_tables_are_described_by_all_of_their_values() -> None:
    torch, pandas = pytest.importorskip("torch"), pytest.importorskip("pandas")
    for made in (torch.tensor, lambda values: pandas.DataFrame({"x": values, "y": "a"})):
        values = np.arange(10_000)
        one, same = described(made(values)), described(made(values.copy()))
        values[5000] = 0
        # Their text shows the first and the last few only.
        assert one == same != described(made(values))


def test_the_options_are_those_of_submit(storage: Storage) -> None:
    pytest.importorskip("zstandard")

    @storage.cacheable(
        "texts", "1.0", shard_bytes=500, backend=Threads(2), compress={"value": "zstd"}
    )
    def texts(count: int) -> Stream[str]:
        return DataRef.from_sequence(range(count)).stream().map(lambda number: "a" * number)

    ref = texts(100)
    assert str(ref.schema) == "str (zstd)"
    assert storage.verify("texts").shard_count > 5
    assert [len(text) for text in texts(100).stream()] == list(range(100))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"shard_bytes": 0}, "shard_bytes must be a whole number of at least 1"),
        ({"backend": 2}, "a backend that says look_ahead and start was expected, got 2"),
        ({"compress": {"value": "lz4"}}, "compress has 'lz4' for the field 'value'"),
    ]
    for options, told in cases:
        with pytest.raises(ArgumentError, match=told):
            storage.cacheable("texts", "2.0", **options)


def test_objects_are_described_without_their_address() -> None:
    assert described(object()) == "<object object>"
