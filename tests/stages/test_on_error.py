"""`on_error`: skipped and substituted records, budgets and the quarantine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts import Backend, Indices
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.testing import check_stage

BACKENDS: list[Backend] = [hr.Inline(), hr.Threads(2)]


def tenfold(x: int) -> int:
    if x % 5 == 2:
        raise ValueError(f"bad record {x}")
    return x * 10


def twins(x: int) -> Iterator[int]:
    yield x
    if x % 4 == 1:
        raise KeyError(x)
    yield -x


def good(records: Iterable[int]) -> Iterator[int]:
    return (x * 10 for x in records if x % 5 != 2)


def batches(records: Iterable[Any], size: int) -> Iterator[list[Any]]:
    found = list(records)
    return (found[start : start + size] for start in range(0, len(found), size))


def test_skip_conforms() -> None:
    check_stage(lambda stream: stream.map(tenfold).on_error("skip"), good)


def test_substitute_conforms_and_keeps_the_places_in_batches() -> None:
    def oracle(records: Iterator[int]) -> Iterator[list[int]]:
        return batches((x * 10 if x % 5 != 2 else -1 for x in records), 3)

    check_stage(
        lambda stream: (
            stream.map(tenfold).on_error("substitute", value=-1).batch(3, collate="list")
        ),
        oracle,
    )


def test_a_batch_after_skip_is_filled_with_what_is_left() -> None:
    check_stage(
        lambda stream: stream.map(tenfold).on_error("skip").batch(3, collate="list"),
        lambda records: batches(good(records), 3),
    )


def test_a_batch_that_holds_a_failing_record_is_skipped_whole() -> None:
    def oracle(records: Iterator[int]) -> Iterator[list[int]]:
        for batch in batches(records, 3):
            if all(x % 5 != 2 for x in batch):
                yield [x * 10 for x in batch]

    check_stage(
        lambda stream: stream.map(tenfold).batch(3, collate="list").on_error("skip"), oracle
    )


def test_what_a_failing_flat_map_gave_before_is_kept() -> None:
    def oracle(records: Iterator[int]) -> Iterator[int]:
        for x in records:
            yield x + 1
            if x % 4 != 1:
                yield 1 - x

    check_stage(lambda stream: stream.flat_map(twins).on_error("skip").map(lambda x: x + 1), oracle)


@pytest.mark.parametrize(
    "build",
    [
        lambda s: s.batch(2, collate="list").map(lambda b: [tenfold(x) for x in b]),
        lambda s: s.batch(2, collate=lambda b: [tenfold(x) for x in b]),
        lambda s: s.batch(2, collate="list").unbatch().flat_map(twins),
        lambda s: s.shuffle(4, seed=1).map(tenfold),
    ],
    ids=["function", "collate", "flat_map", "window"],
)
def test_skip_conforms_beside_the_consumer_and_after_a_window(build: Any) -> None:
    check_stage(lambda stream: build(stream.filter(lambda x: x % 3)).on_error("skip"))


def test_seeded_functions_after_skip_are_keyed_by_the_position() -> None:
    def noisy(x: int, rng: np.random.Generator) -> tuple[int, int]:
        return x, int(rng.integers(1 << 30))

    def same(x: int) -> int:
        return x

    plain = dict(hr.stream(range(20)).map(same).tap(same).map(noisy, seeded=True, seed=3))
    stream = hr.stream(range(20)).map(lambda x: tenfold(x) // 10).on_error("skip")
    skipped = dict(stream.map(noisy, seeded=True, seed=3))
    assert skipped == {x: number for x, number in plain.items() if x % 5 != 2}


class Holes:
    """Records some of which cannot be read."""

    def __len__(self) -> int:
        return 12

    def read(self, indices: Indices) -> list[int]:
        if any(index % 4 == 3 for index in indices.tolist()):
            raise OSError("damaged")
        return [int(index) for index in indices.tolist()]


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_records_that_cannot_be_read_are_covered(backend: Backend) -> None:
    stream = hr.DataRef(Holes()).stream().on_error("skip")
    with hr.DataLoader(stream, backend=backend) as loader:
        assert list(loader) == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    batched = hr.DataRef(Holes()).stream().on_error("substitute", value=-1).batch(4)
    assert next(batch.tolist() for batch in batched) == [0, 1, 2, -1]


def test_stages_behind_on_error_and_before_a_raise_are_not_covered() -> None:
    behind = hr.stream(range(9)).on_error("skip").map(tenfold)
    with pytest.raises(ValueError, match="bad record 2"):
        behind.collect()
    before = hr.stream(range(9)).map(tenfold).on_error("raise").map(str).on_error("skip")
    with pytest.raises(ValueError, match="bad record 2"):
        before.collect()


def test_a_function_makes_the_substitute_of_the_error() -> None:
    stream = hr.stream(range(3)).map(tenfold).on_error("substitute", value=str)
    assert stream.collect() == [0, 10, "bad record 2"]


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize(
    "build",
    [lambda s: s.map(tenfold), lambda s: s.filter(lambda x: True).batch(1, collate=tenth)],
    ids=["task", "consumer"],
)
def test_past_the_budget_the_failure_is_raised_also_after_a_resume(
    backend: Backend, build: Any
) -> None:
    stream = build(hr.stream(range(30))).on_error("skip", budget=2)
    with hr.DataLoader(stream, backend=backend) as loader:
        batches = iter(loader)
        first = [next(batches) for _ in range(6)]
        state = loader.state_dict()
    found: list[int] = []
    with hr.DataLoader(stream, backend=backend) as loader:
        loader.load_state_dict(json.loads(json.dumps(state)))
        with pytest.raises(ValueError, match="bad record 12") as caught:
            found.extend(loader)
        again = loader.state_dict()
    assert first + found == [0, 10, 30, 40, 50, 60, 80, 90, 100, 110]
    assert any("allows 2 failures in an epoch, and this is number 3" in n for n in notes(caught))
    with hr.DataLoader(stream, backend=backend) as loader:
        loader.load_state_dict(again)
        with pytest.raises(ValueError, match="bad record 12"):
            next(iter(loader))


def tenth(records: list[int]) -> int:
    return tenfold(records[0])


def notes(caught: pytest.ExceptionInfo[BaseException]) -> list[str]:
    return list(getattr(caught.value, "__notes__", []))


def test_a_budget_begins_anew_each_epoch() -> None:
    with hr.DataLoader(hr.stream(range(10)).map(tenfold).on_error("skip", budget=2)) as loader:
        assert [len(list(loader)) for _ in range(3)] == [8, 8, 8]


def test_a_share_is_of_the_epoch_where_its_length_is_known() -> None:
    stream = hr.stream(range(100)).map(tenfold)
    assert len(stream.on_error("skip", budget=0.2).collect()) == 80
    with pytest.raises(ValueError, match="bad record 97"):
        stream.on_error("skip", budget=0.19).collect()


def test_a_share_is_of_the_records_that_come_to_it() -> None:
    batched = hr.stream(range(100)).batch(10, collate="list").map(lambda b: tenfold(b[0] // 10))
    assert len(batched.on_error("skip", budget=0.2).collect()) == 8
    with pytest.raises(ValueError, match="bad record 7"):
        batched.on_error("skip", budget=0.1).collect()
    beside = hr.stream(range(100)).async_map(tenfold)
    assert len(beside.on_error("skip", budget=0.2).collect()) == 80
    with pytest.raises(ValueError, match="bad record 97"):
        beside.on_error("skip", budget=0.19).collect()


def test_a_share_of_an_unknown_length_is_of_a_thousand_at_least() -> None:
    stream = hr.stream(lambda: iter(range(100))).map(tenfold)
    assert len(stream.on_error("skip", budget=0.02).collect()) == 80


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_the_quarantine_lists_each_failure_once(tmp_path: Path, backend: Backend) -> None:
    storage = hr.Storage(tmp_path / "store")
    ref = storage.submit(list(range(10)), "numbers", "1.0")
    path = tmp_path / "bad" / "records.jsonl"
    stream = ref.shuffle(seed=4).stream().map(tenfold).on_error("skip", quarantine=path)
    with hr.DataLoader(stream, backend=backend) as loader:
        records = iter(loader)
        next(records)
        state = loader.state_dict()
        list(records)
    path.write_text(path.read_text() + '{"torn')
    with hr.DataLoader(stream, backend=backend) as loader:
        loader.load_state_dict(state)
        list(loader)
        list(loader)
    lines = [json.loads(x) for x in path.read_text().splitlines() if x != '{"torn']
    assert [(line["epoch"], line["index"]) for line in sorted(lines, key=where)] == [
        *((0, 2), (0, 7), (1, 2), (1, 7))
    ]
    one = next(line for line in lines if line["index"] == 7)
    assert (one["dataset"], one["version"], one["rank"]) == ("numbers", "1.0", 0)
    assert (one["stage"], one["on_error"]) == ("map(tenfold)#0", "on_error(skip)#1")
    assert one["error"] == "ValueError: bad record 7"
    assert "in tenfold" in one["traceback"]


def test_the_quarantine_lists_what_another_seed_brings_to_the_same_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    for seed in (1, 2, 1):
        ref = hr.DataRef.from_sequence(range(20)).shuffle(seed=seed)
        ref.stream().map(broken).on_error("skip", quarantine=path).collect()
    lines = [json.loads(x) for x in path.read_text(encoding="utf-8").split("\n") if x]
    found = [(line["position"], line["index"]) for line in lines]
    assert len(found) == len(set(found)) > 20


def test_each_failure_of_one_position_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    for _ in range(2):
        stream = hr.stream([2]).flat_map(lambda x: [x, x, 1, x]).map(tenfold)
        assert stream.on_error("skip", quarantine=path).collect() == [10]
    assert [json.loads(x)["at"] for x in path.read_text().splitlines()] == [[0, 0], [0, 1], [0, 2]]


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize(
    ("build", "found"),
    [
        (lambda s: s.async_map(tenfold), [2, 7]),
        (lambda s: s.batch(2, collate="list").async_map(lambda b: tenfold(b[0])), [[2, 3]]),
        (lambda s: s.async_map(tenfold, ordered=False), [None, None]),
        (lambda s: s.async_map(lambda x: [x, x]).unbatch().map(tenfold), [2, 2, 7, 7]),
        (lambda s: s.async_map(int).shuffle(4, seed=1).map(tenfold), [None, None]),
    ],
    ids=["record", "batch", "unordered", "flat_map", "window"],
)
def test_beside_the_consumer_the_quarantine_tells_what_is_known(
    tmp_path: Path, backend: Backend, build: Any, found: list[Any]
) -> None:
    path = tmp_path / "bad.jsonl"
    stream = build(hr.stream(range(10)))
    with hr.DataLoader(stream.on_error("skip", quarantine=path), backend=backend) as loader:
        list(loader)
    lines = [json.loads(x)["index"] for x in path.read_text().splitlines()]
    assert sorted(lines, key=str) == found
    with pytest.raises(ValueError, match="bad record") as caught:
        stream.on_error("skip", budget=0).collect()
    assert ("position" in notes(caught)[0]) == (found[0] is not None)


def broken(x: int) -> int:
    # Unicode ends a line here, and JSON does not.
    raise ValueError(f"{x}\u2028\x85\udc80")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("backend", BACKENDS, ids=str)
def test_a_quarantine_on_a_full_disk_is_an_error_at_its_record(backend: Backend) -> None:
    stream = hr.stream(range(9)).map(tenfold).on_error("skip", quarantine="/dev/full")
    with hr.DataLoader(stream, backend=backend) as loader:
        found: list[int] = []
        with pytest.raises(OSError, match="No space left") as caught:
            found.extend(loader)
        assert found == [0, 10]
        assert loader.state_dict()["at"] == 2
    assert "in on_error(skip)#1 over range[9], epoch 0, position 2, index 2" in notes(caught)[0]
    assert "the quarantine /dev/full must list each failure" in notes(caught)[1]


def test_a_line_is_written_whole_where_the_disk_takes_it_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:7]))
    path = tmp_path / "bad.jsonl"
    hr.stream(range(9)).map(tenfold).on_error("skip", quarantine=path).collect()
    lines = [json.loads(x) for x in path.read_text().splitlines()]
    assert [line["index"] for line in lines] == [2, 7]


def where(line: dict[str, Any]) -> tuple[int, int]:
    return line["epoch"], line["index"]


def test_lengths_are_kept_by_substitute_and_unknown_after_skip() -> None:
    stream = hr.stream(range(10)).map(tenfold)
    assert len(stream.on_error("substitute", value=0)) == 10
    assert len(stream.on_error("raise")) == 10
    with pytest.raises(StreamError, match=r"on_error\(skip\) gives a number"):
        len(stream.on_error("skip"))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("skop",), {}, "got 'skop'.*skip"),
        (("substitute",), {}, "was given no value"),
        (("skip",), {"value": 1}, "'skip'.* was given value"),
        (("raise",), {"budget": 3}, "'raise'.*budget or a quarantine"),
        (("skip",), {"budget": -1}, "the budget of on_error .* at least 0, got -1"),
        (("skip",), {"budget": 1.5}, "the budget of on_error .* got 1.5"),
        (("skip",), {"budget": float("nan")}, "the budget of on_error .* got nan"),
        (("skip",), {"budget": "many"}, "the budget of on_error .* got 'many'"),
    ],
)
def test_bad_arguments_are_refused(
    arguments: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        hr.stream(range(3)).on_error(*arguments, **options)
