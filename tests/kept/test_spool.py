"""Spools: a folder for each writer, which goes with it and with nobody else."""

from __future__ import annotations

import multiprocessing as mp
from pathlib import Path

import pytest

from headrace.contracts.errors import StorageError
from headrace.kept.spool import SPOOLS, Spool


def folders(root: Path) -> list[str]:
    return sorted(path.name for path in (root / SPOOLS).iterdir() if path.is_dir())


def test_writers_at_once_have_folders_of_their_own(tmp_path: Path) -> None:
    first, second = (Spool(tmp_path, remedy="") for _ in range(2))
    assert folders(tmp_path) == ["0", "1"]
    first.close()
    assert folders(tmp_path) == ["1"]
    third = Spool(tmp_path, remedy="")
    assert folders(tmp_path) == ["0", "1"]
    for spool in (second, third, third):
        spool.close()
    assert folders(tmp_path) == []


def test_what_nobody_holds_is_removed_by_the_next_writer(tmp_path: Path) -> None:
    for name in ("0", "3"):
        (tmp_path / SPOOLS / name / "shards").mkdir(parents=True)
        (tmp_path / SPOOLS / name / "shards" / "half").write_text("written")
    spool = Spool(tmp_path, remedy="")
    assert folders(tmp_path) == ["0"]
    assert list(spool.folder.iterdir()) == []
    spool.close()


def test_a_forked_child_ends_no_spool_of_its_parent(tmp_path: Path) -> None:
    spool = Spool(tmp_path, remedy="")
    child = mp.get_context("fork").Process(target=spool.close)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert folders(tmp_path) == ["0"]
    spool.add([1, 2])
    assert spool.finish("numbers", "0").rows == 2
    spool.close()
    assert folders(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError, match=r"cannot write .*file"):
        Spool(tmp_path / "file", remedy="")
