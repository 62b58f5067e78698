"""LitData folders that the library itself wrote."""

from __future__ import annotations

import json
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, IntegrityError, MissingExtra, PickleRefused
from headrace.sources.foreign.litdata import litdata_source
from headrace.testing import check_records

# Any, in this file: litdata is optional.
COUNT = 10


@pytest.fixture
def writer() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("litdata.streaming.writer")


def record(number: int) -> dict[str, Any]:
    image = np.full((2, 3), number, np.uint8)
    return {"id": number, "image": image, "name": f"n{number}", "jpg": b"x", "pair": (1, 2.5)}


def written(writer: Any, folder: Path, records: list[Any]) -> Path:
    folder.mkdir()
    binary = writer.BinaryWriter(str(folder), chunk_size=4)
    for number, one in enumerate(records):
        binary[number] = one
    binary.done()
    binary.merge()
    return folder


def test_records_come_back_as_they_were_written(writer: Any, tmp_path: Path) -> None:
    records = [record(number) for number in range(COUNT)]
    folder = written(writer, tmp_path / "d", records)
    files = sorted(path.name for path in folder.iterdir())

    check_records(litdata_source(folder), records)

    assert sorted(path.name for path in folder.iterdir()) == files
    ref = hr.Storage("memory://").submit(hr.from_litdata(str(folder)), "d", "1")
    assert (ref[7]["name"], ref[7]["pair"]) == ("n7", (1, 2.5))


def test_threads_read_the_same(writer: Any, tmp_path: Path) -> None:
    records = litdata_source(written(writer, tmp_path / "d", list(map(record, range(COUNT)))))
    failures: list[int] = []

    def read(seed: int) -> None:
        for indices in np.random.default_rng(seed).integers(0, COUNT, (10, 5)):
            found = [one["id"] for one in records.read(indices)]
            failures.extend([seed] * (found != indices.tolist()))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


def test_pickled_leaves_are_refused_unless_they_are_allowed(writer: Any, tmp_path: Path) -> None:
    folder = written(writer, tmp_path / "d", [{"x": {1, 2}}, {"x": {3}}])

    with pytest.raises(PickleRefused, match=r"formats \['pickle'\].*allow_pickle=True"):
        hr.from_litdata(folder)
    assert hr.from_litdata(folder, allow_pickle=True).collect() == [{"x": {1, 2}}, {"x": {3}}]


def test_folders_without_litdata_or_a_chunk_are_refused(writer: Any, tmp_path: Path) -> None:
    folder = written(writer, tmp_path / "d", [1, 2])
    (tmp_path / "empty").mkdir()

    with pytest.raises(ArgumentError, match="nothing is there"):
        hr.from_litdata(tmp_path / "no")
    with pytest.raises(ArgumentError, match=r"litdata\.optimize wrote.*it has no index\.json"):
        hr.from_litdata(tmp_path / "empty")
    for text in ("{}", "{", "[]", '{"chunks": [{}], "config": {}}'):
        (tmp_path / "empty" / "index.json").write_text(text)
        with pytest.raises(ArgumentError, match=r"its index\.json is none of LitData"):
            hr.from_litdata(tmp_path / "empty")
    index = json.loads((folder / "index.json").read_text())
    index["config"]["item_loader"] = "TokensLoader"
    (tmp_path / "empty" / "index.json").write_text(json.dumps(index))
    with pytest.raises(ArgumentError, match=r"written for the item loader TokensLoader"):
        hr.from_litdata(tmp_path / "empty")
    (folder / "chunk-0-0.bin").unlink()
    with pytest.raises(ArgumentError, match=r"the chunk 'chunk-0-0\.bin' of .* is not there"):
        hr.from_litdata(folder)


@pytest.mark.slow
def test_a_cut_chunk_is_an_integrity_error(writer: Any, tmp_path: Path) -> None:
    folder = written(writer, tmp_path / "d", [record(number) for number in range(4)])
    chunk = folder / "chunk-0-0.bin"
    chunk.write_bytes(chunk.read_bytes()[:40])

    with pytest.raises(IntegrityError, match=r"a chunk of .* cannot be read"):
        hr.from_litdata(folder).collect()


def test_without_litdata_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = {"chunks": [], "config": {"data_format": []}}
    (tmp_path / "index.json").write_text(json.dumps(index))
    monkeypatch.setitem(sys.modules, "litdata", None)

    with pytest.raises(MissingExtra, match=r"pip install 'headrace\[litdata\]'"):
        hr.from_litdata(tmp_path)
