"""What a loader writes into a ledger, when it refuses to, and what becomes of a full disk."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.conftest import Make, told

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError

# Any, in this file: streams of every type.
REF = hr.DataRef.from_sequence(range(10))


def odd(number: int) -> bool:
    return number % 2 == 1


def test_a_session_is_a_line_of_json_and_a_short_line_a_batch(folder: Path, make: Make) -> None:
    with make(seed=5) as loader:
        list(loader.limit(2))
    (file,) = folder.iterdir()
    header, first, second, end = file.read_text().splitlines()

    assert re.fullmatch(r"rank-00000-\d{8}T\d{6}-[0-9a-f]{8}\.ledger", file.name)
    found = json.loads(header)
    assert (found["data"], found["seed"], found["rank"], found["world_size"]) == (
        "range[103]",
        5,
        0,
        1,
    )
    assert found["order"]["class"] == "Shuffled"
    assert found["state"] is None
    assert re.fullmatch(r"1 \d+\n1 \d+", f"{first}\n{second}")
    assert json.loads(end) == {"end": "left", "batches": 2, "cut": [2], "stop": [2]}


def test_the_state_that_a_session_went_on_from_is_in_its_first_line(
    folder: Path, make: Make
) -> None:
    with make() as loader:
        list(loader.limit(2))
        state = loader.state_dict()
        loader.load_state_dict(state)
        list(loader.limit(1))
    lines = (line for line in next(folder.iterdir()).read_text().splitlines())
    states = [json.loads(line)["state"] for line in lines if line.startswith('{"ledger"')]
    assert states == [None, state]


def test_nothing_is_written_before_an_epoch_begins(folder: Path, make: Make) -> None:
    with make():
        pass
    assert not folder.exists()


def test_two_processes_with_one_path_write_files_of_their_own(folder: Path) -> None:
    code = (
        "import sys, headrace as hr\n"
        "ref = hr.DataRef.from_sequence(range(20)).shard(int(sys.argv[2]), 2)\n"
        "list(hr.DataLoader(ref.stream(), ledger=hr.Ledger(sys.argv[1])))\n"
    )
    with ThreadPoolExecutor(2) as threads:
        calls = [[sys.executable, "-c", code, str(folder), str(rank)] for rank in (0, 1)]
        list(threads.map(lambda call: subprocess.run(call, check=True), calls))
    assert len(list(folder.iterdir())) == 2
    assert told(folder) == {"delivered": 20, "finished": 1}


def test_a_child_that_was_forked_does_not_write_into_its_parents_file(
    folder: Path, make: Make
) -> None:
    code = (
        "import os, sys, headrace as hr\n"
        "loader = hr.DataLoader(hr.stream(range(9)), ledger=hr.Ledger(sys.argv[1]))\n"
        "batches = iter(loader)\n"
        "next(batches)\n"
        "if not os.fork():\n"
        "    try:\n"
        "        next(batches)\n"
        "    except hr.errors.ClosedError as error:\n"
        "        print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "list(batches)\n"
    )
    call = [sys.executable, "-c", code, str(folder)]
    ended = subprocess.run(call, check=True, capture_output=True, text=True)
    assert "was forked in mid-epoch" in ended.stdout
    assert told(folder) == {"delivered": 9, "finished": 1}


@pytest.mark.parametrize(
    ("stream", "named"),
    [
        (REF.stream().filter(odd).zip(REF.stream().filter(odd)), "zip"),
        (REF.stream().through(iter), "through"),
        (REF.stream().cache(), "cache"),
        (REF.stream().filter(odd).repeat(2), "repeat"),
    ],
)
def test_a_chain_over_whole_chains_is_refused_by_the_name_of_its_stage(
    folder: Path, stream: Any, named: str
) -> None:
    with pytest.raises(StreamError, match=rf", and {named}.* stands over whole chains.*leave out"):
        hr.DataLoader(stream, ledger=hr.Ledger(folder))


def test_a_chain_that_gives_any_order_is_refused(folder: Path) -> None:
    stream = REF.stream().async_map(str, ordered=False)
    with pytest.raises(StreamError, match=r"async_map\(ordered=False\) gives records as they are"):
        hr.DataLoader(stream, ledger=hr.Ledger(folder))


def test_an_order_of_another_package_is_refused(folder: Path) -> None:
    class Backwards:
        def count(self, epoch: int) -> int:
            return 10

        def at(self, epoch: int, positions: Any) -> Any:
            return 9 - positions

        def locate(self, epoch: int, indices: Any) -> Any:
            return 9 - indices

    stream = hr.DataRef(REF, Backwards()).stream()
    with pytest.raises(StreamError, match="of class Backwards, and it can write the orders of"):
        list(hr.DataLoader(stream, ledger=hr.Ledger(folder)))


@pytest.mark.parametrize("path", ["", None, 7])
def test_a_path_that_is_none_is_refused(path: Any) -> None:
    with pytest.raises(ArgumentError, match="kept in a folder, and its path was given as"):
        hr.Ledger(path)


def test_what_is_no_ledger_is_refused(folder: Path) -> None:
    with pytest.raises(ArgumentError, match="ledger must be a Ledger, got"):
        hr.DataLoader(REF.stream(), ledger=folder)  # type: ignore[arg-type]


FULL = """
import json, os, resource, sys
import headrace as hr

loader = hr.DataLoader(hr.stream(range(9)), ledger=hr.Ledger(sys.argv[1]))
batches = iter(loader)
given = [next(batches)]
(file,) = os.scandir(sys.argv[1])
limit = file.stat().st_size + 2
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
given.append(next(batches))
state = loader.state_dict()
try:
    next(batches)
except OSError as error:
    print(json.dumps([given, state, error.__notes__]))
"""


def test_a_batch_that_cannot_be_noted_is_given_and_the_error_follows(folder: Path) -> None:
    call = [sys.executable, "-c", FULL, str(folder)]
    ended = subprocess.run(call, check=True, capture_output=True, text=True)
    given, state, notes = json.loads(ended.stdout)
    assert given == [0, 1]
    assert "must note each batch, and takes no line" in notes[0]

    with hr.DataLoader(hr.stream(range(9)), ledger=hr.Ledger(folder)) as again:
        again.load_state_dict(state)
        assert list(again) == [2, 3, 4, 5, 6, 7, 8]
    # Proof is missing of the batch that was not noted.
    assert told(folder) == {"delivered": 8, "lost": 1, "finished": 1}


FULL_FOR_A_WHILE = """
import os, resource, signal, sys
import headrace as hr

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, room = sys.argv[1], int(sys.argv[2])
with hr.DataLoader(hr.stream(range(9)), ledger=hr.Ledger(folder)) as loader:
    batches = iter(loader)
    state = [next(batches), next(batches), loader.state_dict()][-1]
    (file,) = os.scandir(folder)
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + room, hard))
    try:
        list(batches)
    except OSError:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))
    loader.load_state_dict(state)
    list(loader)
"""


@pytest.mark.parametrize("room", [1, 3])
def test_a_loader_goes_on_in_its_file_when_there_is_room_again(folder: Path, room: int) -> None:
    call = [sys.executable, "-c", FULL_FOR_A_WHILE, str(folder), str(room)]
    subprocess.run(call, check=True)
    assert told(folder) == {"delivered": 9, "finished": 1}


def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    loader = hr.DataLoader(hr.stream(range(9)), ledger=hr.Ledger(tmp_path / "file"))
    with pytest.raises(FileExistsError) as caught:
        list(loader)
    assert "must hold a file of this loader, and takes none" in caught.value.__notes__[0]


def test_what_was_copied_to_a_device_and_not_given_is_not_noted(folder: Path) -> None:
    pytest.importorskip("torch")

    def loader() -> hr.DataLoader[Any]:
        stream = hr.DataRef.from_sequence(range(20)).shuffle(seed=7).stream().batch(4)
        return hr.DataLoader(stream, to="torch", device="cpu", ledger=hr.Ledger(folder))

    with loader() as first:
        for number, _ in enumerate(first, 1):
            if number == 4:
                break
        state = first.state_dict()
        # The last batch is on the device, and the epoch of the workers over.
        assert told(folder) == {"delivered": 16}
    assert told(folder) == {"delivered": 16}
    with loader() as second:
        second.load_state_dict(state)
        assert len(list(second)) == 1
    assert told(folder) == {"delivered": 20, "finished": 1}


def test_an_epoch_that_limits_cut_is_noted_as_it_is_given_on_a_device(folder: Path) -> None:
    pytest.importorskip("torch")
    stream = hr.DataRef.from_sequence(range(20)).stream().batch(4)
    with hr.DataLoader(stream, to="torch", device="cpu", ledger=hr.Ledger(folder)) as loader:
        found = []
        for number in (1, 3, 9):
            list(loader.limit(number))
            found.append(told(folder))
        assert found == [
            {"delivered": 4},
            {"delivered": 16},
            {"delivered": 20, "finished": 1},
        ]
        assert len(next(loader.blocks(2))) == 2
    assert told(folder, 1) == {"delivered": 8}
