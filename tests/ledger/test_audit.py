"""What an audit finds: runs that are whole, and faults that were planted."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pytest
from tests.ledger.conftest import Make, next_millisecond, told

import headrace as hr
from headrace.contracts.errors import ArgumentError, IntegrityError, NotFound

SIZE = 103


def file_of(folder: Path) -> Path:
    return next(iter(folder.glob("*.ledger")))


def indices(positions: Any) -> list[int]:  # Any: what an audit lists
    found: list[int] = positions.indices.tolist()
    return found


def test_two_epochs_of_one_rank_are_proven(folder: Path, make: Make) -> None:
    with make(backend=hr.Threads(2)) as loader:
        for _ in range(2):
            list(loader)

    found = hr.audit(folder)
    assert found.is_proven
    assert [told(folder, epoch) for epoch in (0, 1)] == [{"delivered": SIZE, "finished": 1}] * 2


def test_an_epoch_that_was_left_is_not_finished_and_has_lost_nothing(
    folder: Path, make: Make
) -> None:
    with make() as loader:
        list(islice(loader, 5))
        list(loader)

    assert told(folder, 0) == {"delivered": 20}
    assert told(folder, 1) == {"delivered": SIZE, "finished": 1}


CHILD = """
import json, os, sys
import headrace as hr

folder, state, pause = sys.argv[1], sys.argv[2], int(sys.argv[3])
stream = hr.DataRef.from_sequence(range(103)).shuffle(seed=7).stream().batch(4)
with hr.DataLoader(stream, backend=hr.Threads(2), ledger=hr.Ledger(folder)) as loader:
    if os.path.exists(state):
        loader.load_state_dict(json.load(open(state)))
    given = 0
    while loader.epoch < 2:
        for _ in loader:
            given += 1
            if given % 5 == 0:
                with open(state + ".new", "w") as file:
                    json.dump(loader.state_dict(), file)
                os.replace(state + ".new", state)
            if given == pause:
                print("here", flush=True)
                sys.stdin.read()
"""


def test_a_run_that_was_killed_twice_is_proven_and_its_repeats_are_told(
    folder: Path, tmp_path: Path
) -> None:
    drawn = random.Random(5)
    for pause in (drawn.randrange(6, 24), drawn.randrange(6, 20), 0):
        arguments = [sys.executable, "-c", CHILD, str(folder), str(tmp_path / "state"), str(pause)]
        child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with child:
            assert child.stdout is not None
            if pause:
                assert child.stdout.readline() == b"here\n"
                os.kill(child.pid, signal.SIGKILL)
            else:
                child.communicate()
        assert child.returncode == (-signal.SIGKILL if pause else 0)

    found = hr.audit(folder)
    assert found.is_proven
    assert [epoch.delivered for epoch in found.epochs] == [SIZE, SIZE]
    # All batches after the newest state, up to the kill.
    drawn = random.Random(5)
    kills = [drawn.randrange(6, 24), drawn.randrange(6, 20)]
    repeats = [kill % 5 for kill in kills]
    assert sum(epoch.repeated.count for epoch in found.epochs) in range(
        4 * sum(repeats) - 1, 4 * sum(repeats) + 1
    )


def test_ranks_of_hand_sharded_streams_are_audited_together(folder: Path) -> None:
    ref = hr.DataRef.from_sequence(range(SIZE)).shuffle(seed=7)
    for rank in range(4):
        stream = ref.shard(rank, 4).stream().batch(4)
        with hr.DataLoader(stream, ledger=hr.Ledger(folder)) as loader:
            list(loader)
    assert told(folder) == {"delivered": SIZE, "finished": 1}


@pytest.mark.parametrize(("remainder", "more"), [("drop", {"dropped": 3}), ("pad", {"padding": 1})])
def test_what_evens_out_the_ranks_is_told_apart(
    folder: Path, remainder: Any, more: dict[str, int]
) -> None:
    for rank in range(4):
        ref = hr.DataRef.from_sequence(range(SIZE)).shard(rank, 4, remainder)
        with hr.DataLoader(ref.stream().batch(4), ledger=hr.Ledger(folder)) as loader:
            list(loader)
    delivered = SIZE - more.get("dropped", 0)
    assert told(folder) == {"delivered": delivered, "finished": 1, **more}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("shortest", {"delivered": 16, "dropped": 1, "finished": 1}),
        ("longest", {"delivered": 17, "finished": 1}),
    ],
)
def test_how_ranks_end_together_loses_nothing(
    folder: Path, policy: Any, expected: dict[str, int]
) -> None:
    # Rank 0 has nine records and three batches, rank 1 eight and two.
    for rank in range(2):
        stream = hr.DataRef.from_sequence(range(17)).stream().batch(4)
        ranks, ledger = hr.Ranks(rank, 2), hr.Ledger(folder)
        with hr.DataLoader(stream, ranks=ranks, epoch_end=policy, ledger=ledger) as loader:
            list(loader)
    assert told(folder) == expected


def test_a_filter_covers_what_it_leaves_out(folder: Path) -> None:
    ref = hr.DataRef.from_sequence(range(SIZE)).shuffle(seed=7)
    stream = ref.stream().filter(lambda x: x % 10 == 0).batch(4)
    with hr.DataLoader(stream, ledger=hr.Ledger(folder)) as loader:
        list(loader)
    assert told(folder) == {"delivered": SIZE, "finished": 1}


def test_a_generator_is_audited_by_the_numbers_of_its_draws(folder: Path) -> None:
    stream = hr.stream(lambda: (str(n) for n in range(30)))
    with hr.DataLoader(stream, ledger=hr.Ledger(folder)) as loader:
        list(loader)
    assert told(folder) == {"delivered": 30, "finished": 1}


def test_chosen_indices_are_kept_beside_the_ledger(folder: Path) -> None:
    ref = hr.DataRef.from_sequence(range(SIZE)).select([9, 4, 4, 70])
    with hr.DataLoader(ref.stream(), ledger=hr.Ledger(folder)) as loader:
        batches = iter(loader)
        list(islice(batches, 2))
    lines = file_of(folder).read_text().splitlines()
    end = json.loads(lines[-1])
    file_of(folder).write_text(
        "\n".join([*lines[:-1], json.dumps({**end, "end": "finished"})]) + "\n"
    )
    (array,) = folder.glob("*.npy")
    assert told(folder) == {"delivered": 4, "finished": 1}

    array.unlink()
    with pytest.raises(IntegrityError, match="needs .* to know its order"):
        hr.audit(folder)


# -- planted faults ------------------------------------------------------------------------------


def test_a_lost_range_is_found_by_index(folder: Path, make: Make) -> None:
    with make() as loader:
        batches = [batch.tolist() for batch in loader.limit(10)]
        state = loader.state_dict()
    # What the loader noted of its last three batches is taken out, as by a lost disk.
    file = file_of(folder)
    header, *rows = file.read_text().splitlines(keepends=True)
    file.write_text("".join([header, *rows[:7]]))
    with make() as loader:
        loader.load_state_dict(state)
        list(loader)

    found = hr.audit(folder)
    assert not found.is_proven
    assert told(folder) == {"delivered": SIZE - 12, "lost": 12, "finished": 1}
    assert indices(found.epochs[0].lost) == [*chain.from_iterable(batches[7:])]


def test_a_rank_that_ran_twice_has_doubled_its_records(folder: Path) -> None:
    ref = hr.DataRef.from_sequence(range(SIZE)).shuffle(seed=7)
    for rank in (0, 1, 1):
        with hr.DataLoader(ref.shard(rank, 3).stream(), ledger=hr.Ledger(folder)) as loader:
            given = list(loader)

    found = hr.audit(folder).epochs[0]
    assert sorted(indices(found.doubled)) == sorted(given)
    assert found.missing_ranks == (2,)
    assert sorted(indices(found.lost)) == sorted(ref.shard(2, 3).stream())


def test_two_that_run_at_once_have_doubled_what_both_delivered(folder: Path, make: Make) -> None:
    with make() as first:
        list(first.limit(3))
        state = first.state_dict()
        with make() as second:
            second.load_state_dict(state)
            batches = [batch.tolist() for batch in second.limit(4)]
            next_millisecond()
            list(first.limit(2))

    assert told(folder) == {"delivered": 28, "doubled": 8}
    assert indices(hr.audit(folder).epochs[0].doubled) == [*chain.from_iterable(batches[:2])]


def test_a_run_that_starts_over_before_its_first_state_has_doubled_nothing(
    folder: Path, make: Make
) -> None:
    for count in (3, 30):
        with make() as loader:
            list(islice(loader, count))
    assert told(folder) == {"delivered": SIZE, "repeated": 12, "finished": 1}


def test_going_back_to_the_newer_of_two_states_counts_what_led_to_it(
    folder: Path, make: Make
) -> None:
    with make() as loader:
        states = []
        for count in (5, 5, 5):
            list(loader.limit(count))
            states.append(loader.state_dict())
    for state, count in ((states[0], 2), (states[1], 30)):
        with make() as loader:
            loader.load_state_dict(state)
            list(islice(loader, count))
    # Batches 5 and 6 by the second run, 10 to 14 by the third.
    assert told(folder) == {"delivered": SIZE, "repeated": 28, "finished": 1}


# -- files that are torn, strange or missing -----------------------------------------------------


@pytest.mark.parametrize("torn", [b"1", b"1 ", b'{"ledger":1,"da', b"\0\0\0"])
def test_a_torn_last_line_is_left_out(folder: Path, make: Make, torn: bytes) -> None:
    loader = make()
    list(loader.limit(3))
    with file_of(folder).open("ab") as file:
        file.write(torn)
    assert told(folder) == {"delivered": 12}


def test_a_batch_taken_out_of_a_finished_session_is_damage(folder: Path, make: Make) -> None:
    with make() as loader:
        list(loader)
    file = file_of(folder)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:9] + lines[10:]))
    with pytest.raises(IntegrityError, match="ended after 26 batches .* its lines are 25"):
        hr.audit(folder)


@pytest.mark.parametrize("bad", ["no json\n", "[1]\n", '{"ledger":1}\n', "1 2\n"])
def test_what_is_no_ledger_is_damage(folder: Path, bad: str) -> None:
    folder.mkdir()
    (folder / "rank-0.ledger").write_text(bad)
    with pytest.raises(IntegrityError, match="is damaged: .* proof of nothing"):
        hr.audit(folder)


def test_an_unknown_version_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / "rank-0.ledger").write_text('{"ledger":2}\n')
    with pytest.raises(ArgumentError, match="has format version 2, and this headrace reads 1"):
        hr.audit(folder)


def test_an_empty_folder_holds_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no ledger is in .*files named \*.ledger"):
        hr.audit(tmp_path)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            hr.DataRef.from_sequence(range(9)).stream(),
            "the dataset is .* and .* The ledgers of one",
        ),
        (hr.DataRef.from_sequence(range(8)).stream().batch(2), "the steps is"),
        (hr.DataRef.from_sequence(range(8)).shuffle(1).stream(), "the order of epoch 0 is"),
    ],
)
def test_the_ledgers_of_two_runs_are_refused(folder: Path, other: Any, message: str) -> None:
    for stream in (hr.DataRef.from_sequence(range(8)).stream(), other):
        with hr.DataLoader(stream, ledger=hr.Ledger(folder)) as loader:
            list(loader)
    with pytest.raises(ArgumentError, match=message):
        hr.audit(folder)


def test_files_and_folders_may_be_given_together_and_twice(folder: Path, make: Make) -> None:
    with make() as loader:
        list(loader)
    found = hr.audit([folder, file_of(folder)])
    assert found.epochs[0].doubled.count == 0
    assert found.epochs[0].sessions == 1


def test_copies_of_a_file_count_once_and_the_newest_of_them(
    folder: Path, tmp_path: Path, make: Make
) -> None:
    with make() as loader:
        list(loader.limit(3))
        early = tmp_path / "backup"
        shutil.copytree(folder, early)
        list(loader)
    copy = shutil.copy(file_of(folder), folder / "a-copy.ledger")
    assert told([early, folder]) == told([folder, early]) == {"delivered": 103, "finished": 1}
    assert told([early, copy]) == {"delivered": 103, "finished": 1}
