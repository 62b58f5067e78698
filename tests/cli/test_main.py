"""The command as a process: streams, exit codes, a reader that leaves, Ctrl-C, a terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "headrace.cli")
WAITING = """
import sys, threading

def forever():
    yield 1
    print("drawing", file=sys.stderr, flush=True)
    threading.Event().wait()
"""


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "HEADRACE_STORAGE"}
    return {**kept, "COLUMNS": "100", **extra}


def headrace(folder: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env=environment(**extra),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.slow
def test_a_dataset_is_made_looked_at_and_checked(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("river\nlake\nchannel\n", "utf-8")
    stored = headrace(tmp_path, "submit", "words.txt", "words", "1.0", HEADRACE_STORAGE="kept")
    shown = headrace(tmp_path, "show", "words", "--storage", "kept", "--json")
    wrong = headrace(tmp_path, "show", "word", HEADRACE_STORAGE="kept")

    assert (stored.returncode, stored.stderr) == (0, "")
    assert stored.stdout.startswith("words 1.0: 3 records, ")
    assert json.loads(shown.stdout)["records"] == 3
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("headrace: there is no dataset 'word' in ")
    assert wrong.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_reader_that_leaves_ends_the_command_quietly(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [*COMMAND, "demo", "--json"],
        cwd=tmp_path,
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(writer)

    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.slow
def test_an_interrupt_ends_the_command_quietly_and_publishes_nothing(tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text(WAITING, "utf-8")
    process = subprocess.Popen(
        [*COMMAND, "submit", "waiting:forever", "numbers", "1.0"],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "drawing\n"
    process.send_signal(signal.SIGINT)

    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 130
    assert not list((tmp_path / "headrace-data").glob("*/versions/*"))


@pytest.mark.slow
def test_a_terminal_gets_colours_and_its_width(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "demo"],
        cwd=tmp_path,
        env=environment(COLUMNS="50", TERM="xterm-256color"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        printed = read_all(ours)
    os.close(ours)

    assert process.returncode == 0
    assert b"\x1b[1;36msubmit" in printed
    plain = [line for line in printed.decode().splitlines() if "\x1b" not in line]
    assert plain
    assert max(map(len, plain)) <= 50


def read_all(terminal: int) -> bytes:
    printed = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # How Linux says that the other side is closed.
            return printed
        if not part:
            return printed
        printed += part


def test_closed_streams_are_as_good_as_empty_ones(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text("numbers = [1, 2]\n", "utf-8")
    assert headrace(tmp_path, "submit", "made:numbers", "n", "1").returncode == 0

    ended = subprocess.run(
        ["sh", "-c", '"$@" ls >&- && "$@" rm n 1 <&-', "sh", *COMMAND],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 2
    assert "there is no terminal to ask on. Add --yes." in ended.stderr
