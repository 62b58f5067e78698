"""LMDB databases: datapoints that TensorPack itself wrote, and plain keys and values."""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, MissingExtra, PickleRefused, RecordError
from headrace.sources.foreign.lmdb import lmdb_source
from headrace.testing import check_records

# Any, in this file: lmdb and TensorPack have no types.
COUNT = 30
POINTS = [[n, np.full((2,), n, np.float32), f"t{n}", {"jpg": b"x" * n}] for n in range(COUNT)]


@pytest.fixture
def lmdb() -> Any:
    return pytest.importorskip("lmdb")


@pytest.fixture(params=["file", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "file":
        return tmp_path / "d.lmdb"
    (tmp_path / "d").mkdir()
    return tmp_path / "d"


@pytest.fixture
def tensorpack(lmdb: Any) -> Any:
    with warnings.catch_warnings():
        # It is older than the Python that it runs on.
        warnings.simplefilter("ignore")
        return pytest.importorskip("tensorpack.dataflow")


def written(lmdb: Any, path: Path, values: dict[bytes, bytes]) -> Path:
    with (
        lmdb.open(str(path), subdir=path.is_dir(), map_size=2**24) as database,
        database.begin(write=True) as transaction,
    ):
        for key, value in values.items():
            transaction.put(key, value)
    return path


def serialized(
    tensorpack: Any, path: Path, serializer: str, monkeypatch: pytest.MonkeyPatch, points: Any
) -> Path:
    """What LMDBSerializer writes with one of the serialisers that TensorPack has."""
    kinds: Any = import_module("tensorpack.utils.serialize")
    chosen = {"msgpack": kinds.MsgpackSerializer, "pickle": kinds.PickleSerializer}[serializer]
    module = import_module("tensorpack.dataflow.serialize")
    monkeypatch.setattr(module, "dumps", chosen.dumps)
    flow = tensorpack.DataFromList(points, shuffle=False)
    tensorpack.LMDBSerializer.save(flow, str(path))
    return path


def test_plain_values_come_in_the_order_of_their_keys(lmdb: Any, place: Path) -> None:
    values = {b"b": b"two", b"a": b"one", b"c/\xff": b""}

    records = lmdb_source(written(lmdb, place, values))

    check_records(records, [{"key": key, "value": values[key]} for key in sorted(values)])
    assert hr.from_lmdb(str(place)).take(1).collect() == [{"key": b"a", "value": b"one"}]


@pytest.mark.parametrize("serializer", ["msgpack", "pickle"])
def test_datapoints_of_tensorpack_are_records(
    tensorpack: Any, place: Path, serializer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serialized(tensorpack, place, serializer, monkeypatch, POINTS)

    records = lmdb_source(place, allow_pickle=serializer == "pickle")

    check_records(records, POINTS)
    ref = hr.Storage("memory://").submit(hr.stream(records), "d", "1")
    assert (ref[7][2], ref[7][3], ref[7][1].dtype) == ("t7", {"jpg": b"x" * 7}, np.float32)


def test_msgpack_holds_numbers_and_arrays_of_every_kind(
    tensorpack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    structured = np.zeros(2, [("a", ">i4"), ("b", "f4", (2,))])
    points = [[np.float16(2.5), np.zeros((0, 3)), 1 + 2j, structured, {"x": [np.bool_(True)]}]]

    (found,) = hr.from_lmdb(
        serialized(tensorpack, tmp_path / "d", "msgpack", monkeypatch, points)
    ).collect()

    assert found[0] == 2.5
    assert type(found[0]) is np.float16
    assert (found[1].shape, found[2]) == ((0, 3), 1 + 2j)
    assert found[3].dtype == structured.dtype
    assert found[4] == {"x": [np.True_]}


def test_pickles_are_refused_unless_they_are_allowed(
    tensorpack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "trace",)

    pickled = serialized(tensorpack, tmp_path / "p", "pickle", monkeypatch, [[Bomb()]])
    objects = np.array([Bomb(), 1], object)
    hidden = serialized(tensorpack, tmp_path / "m", "msgpack", monkeypatch, [[1], [objects]])

    with pytest.raises(PickleRefused, match=r"value of b'00000000' is a pickle.*allow_pickle=True"):
        hr.from_lmdb(pickled)
    with pytest.raises(PickleRefused, match="value of b'00000001' is a pickle"):
        hr.from_lmdb(hidden).collect()
    assert not (tmp_path / "trace").exists()
    hr.from_lmdb(pickled, allow_pickle=True).collect()
    assert (tmp_path / "trace").exists()


def test_an_array_of_addresses_is_refused(lmdb: Any, tmp_path: Path) -> None:
    import msgspec

    array = {b"nd": True, b"type": "|O", b"kind": b"", b"shape": [1], b"data": bytes(8)}
    path = written(lmdb, tmp_path / "d", {b"0": msgspec.msgpack.encode([array]), b"__keys__": b""})

    with pytest.raises(RecordError, match=r"value of b'0' is no datapoint.*dtype object"):
        hr.from_lmdb(path).collect()


def test_a_listed_database_of_other_values_is_plain(lmdb: Any, tmp_path: Path) -> None:
    values = {b"0": b"\xff\xd8\xff jpeg", b"1": b"x", b"__keys__": b"...", b"__len__": b"2"}

    found = hr.from_lmdb(written(lmdb, tmp_path / "d", values)).collect()

    assert found == [{"key": b"0", "value": b"\xff\xd8\xff jpeg"}, {"key": b"1", "value": b"x"}]


def test_a_value_that_is_no_datapoint_is_an_error_that_names_its_key(
    lmdb: Any, tmp_path: Path
) -> None:
    values = {b"0": b"\x91\x01", b"1": b"\x80\x04broken", b"2": b"\x91", b"__keys__": b""}
    stream = hr.from_lmdb(written(lmdb, tmp_path / "d", values), allow_pickle=True)

    assert stream.take(1).collect() == [[1]]
    for number in (1, 2):
        with pytest.raises(RecordError, match=f"value of b'{number}' is no datapoint of Tensor"):
            stream.skip(number).collect()


def test_two_readers_of_one_database_share_it_and_close_it(lmdb: Any, tmp_path: Path) -> None:
    path = written(lmdb, tmp_path / "d", {b"%04d" % n: b"%d" % n for n in range(500)})
    first, second = lmdb_source(path), pickle.loads(pickle.dumps(lmdb_source(path)))
    failures: list[int] = []

    def read(records: Any, seed: int) -> None:
        for indices in np.random.default_rng(seed).integers(0, 500, (20, 10)):
            found = [int(record["value"]) for record in records.read(indices)]
            failures.extend([seed] * (found != indices.tolist()))

    threads = [
        threading.Thread(target=read, args=(one, at)) for at, one in enumerate([first, second] * 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []

    del first, second, threads
    gc.collect()
    # LMDB itself refuses this while it is open here.
    lmdb.open(str(path), subdir=False, readonly=True).close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # other tests leave threads
def test_a_forked_process_opens_the_database_anew(lmdb: Any, tmp_path: Path) -> None:
    records = lmdb_source(written(lmdb, tmp_path / "d", {b"a": b"one", b"b": b"two"}))
    records.read(np.array([0]))
    child = os.fork()
    if child == 0:
        found = records.read(np.array([1]))[0]["value"]
        again = lmdb_source(tmp_path / "d").read(np.array([0]))[0]["value"]
        os._exit(0 if (found, again) == (b"two", b"one") else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert records.read(np.array([1]))[0]["value"] == b"two"


def test_what_is_no_database_is_refused(lmdb: Any, tmp_path: Path) -> None:
    (tmp_path / "d.txt").write_text("text" * 5000)
    (tmp_path / "empty").mkdir()

    with pytest.raises(ArgumentError, match="nothing is there"):
        hr.from_lmdb(tmp_path / "d.lmdb")
    for name in ("d.txt", "empty"):
        with pytest.raises(ArgumentError, match=rf"LMDB database was expected, and .*{name}' can"):
            hr.from_lmdb(tmp_path / name)
    path = written(lmdb, tmp_path / "d", {b"a": b"b"})
    with (
        lmdb.open(str(path), subdir=False, readonly=True),
        pytest.raises(ArgumentError, match=r"already open in this process.*close it"),
    ):
        hr.from_lmdb(path)


def test_without_lmdb_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lmdb", None)

    with pytest.raises(MissingExtra, match=r"pip install 'headrace\[lmdb\]'"):
        hr.from_lmdb(tmp_path)
