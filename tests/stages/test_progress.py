"""`progress`: a bar that counts, ends whenever the reading does, and changes nothing else."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from rich.console import Console

import headrace as hr
from headrace.contracts import Cursor, Run, iterate
from headrace.contracts.errors import ArgumentError
from headrace.progress import ProgressBar
from headrace.settings import Settings
from headrace.stages import Progress
from headrace.stages.progress import ProgressCursor
from headrace.testing import check_stage


class Clock:
    """A clock that goes a second forward whenever somebody looks."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1.0
        return self.now_s


@dataclass(frozen=True)
class Drawn:
    """The stage with a bar that is drawn at once, on a screen that a test can read."""

    screen: io.StringIO
    total: int | None = None
    title: str = "epoch 0"

    def length(self, before: int | None) -> int | None:
        return before

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> ProgressCursor:
        console = Console(file=self.screen, force_terminal=True, width=100)
        bar = ProgressBar(
            self.title, total=self.total, settings=Settings(), console=console, show_after_s=0
        )
        return ProgressCursor(parent, bar, memo or 0, Clock())


def is_drawn() -> bool:
    """Whether a display of rich is on the terminal."""
    return hasattr(sys.stderr, "rich_proxied_file")


def test_progress_conforms() -> None:
    check_stage(lambda stream: stream.progress(), iter)


def test_progress_between_stages_conforms() -> None:
    check_stage(
        lambda stream: (
            stream.filter(lambda x: x % 3)
            .progress(label="kept")
            .map(str)
            .progress(3)
            .batch(2, collate="list")
        )
    )


@pytest.mark.parametrize("reads", [False, True], ids=["for", "read"])
def test_it_shows_count_rate_and_total_and_goes_at_the_end(reads: bool) -> None:
    screen = io.StringIO()
    cursor = hr.stream(range(40)).apply(Drawn(screen, 40)).node.open(Run())
    if reads:
        while cursor.read(8):
            assert is_drawn()
    else:
        for _ in iterate(cursor):
            assert is_drawn()
    assert not is_drawn()
    # Of this clock, a record takes as many seconds as somebody looks.
    assert "epoch 0" in screen.getvalue()
    assert "/40" in screen.getvalue()
    assert "/s" in screen.getvalue()


def test_breaking_off_failing_and_dropping_take_the_bar_away() -> None:
    stream = hr.stream([1, 1, 0]).map(lambda x: 1 // x).apply(Drawn(io.StringIO()))
    for _ in stream:
        assert is_drawn()
        break
    assert not is_drawn()
    with pytest.raises(ZeroDivisionError):
        stream.collect()
    assert not is_drawn()
    cursor = stream.node.open(Run())
    cursor.read(1)
    assert is_drawn()
    cursor.close()
    assert not is_drawn()
    loader = hr.DataLoader(stream)
    batches = iter(loader)
    next(batches)
    assert is_drawn()
    del loader, batches
    assert not is_drawn()
    drawing = [one for one in threading.enumerate() if "Refresh" in type(one).__name__]
    for thread in drawing:
        thread.join(10.0)  # It was told to end, and may be in its last step.
    assert not any(thread.is_alive() for thread in drawing)


def test_a_second_bar_waits_for_its_turn() -> None:
    outer, inner = io.StringIO(), io.StringIO()
    both = hr.stream(range(5)).apply(Drawn(inner)).apply(Drawn(outer))
    assert both.collect() == [0, 1, 2, 3, 4]
    # The outer one looks first. It goes last too, so that the inner one never has a turn.
    assert outer.getvalue()
    assert not inner.getvalue()
    first = hr.stream(range(5)).apply(Drawn(io.StringIO())).node.open(Run())
    second = hr.stream(range(5)).apply(Drawn(inner)).node.open(Run())
    first.read(1)
    second.read(1)
    assert not inner.getvalue()
    first.close()
    second.read(1)
    assert "epoch 0" in inner.getvalue()
    second.close()
    assert not is_drawn()


def test_a_resumed_bar_goes_on_where_it_was() -> None:
    stream = hr.stream(range(50)).apply(Drawn(io.StringIO(), 50))
    cursor = stream.node.open(Run())
    cursor.read(30)
    state = cursor.state()
    cursor.close()
    assert state["stages"] == [30]
    screen = io.StringIO()
    again = hr.stream(range(50)).apply(Drawn(screen, 50)).node.open(Run(), state)
    again.read(1)
    again.read(1)
    again.close()
    assert "30/50" in screen.getvalue()


@pytest.mark.parametrize(
    ("stream", "total"),
    [
        (hr.stream(range(100)).batch(8).progress(), 13),
        (hr.stream(range(100)).filter(bool).progress(), None),
        (hr.stream(range(100)).filter(bool).progress(90), 90),
        (hr.stream(range(100)).repeat().progress(), None),
        (hr.stream(range(9)).shuffle(3).progress(), 9),
    ],
    ids=["known", "unknown", "given", "endless", "without a seed"],
)
def test_the_total_is_the_chains_where_that_is_known(
    stream: hr.Stream[Any], total: int | None
) -> None:
    assert stream.node.stages[-1] == Progress(total)


def test_a_stream_shows_its_label_and_epoch_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    never = threading.Event()

    def records() -> Iterator[int]:
        for number in range(6):
            print(number)
            yield number
            never.wait(0.25)  # A bar appears after a second.

    assert hr.stream(records).progress(label="train").epoch(2).join() == 6
    captured = capsys.readouterr()
    # What is printed meanwhile goes where it was sent: stdout is no terminal here.
    assert captured.out.split() == ["0", "1", "2", "3", "4", "5"]
    assert "train, epoch 2" in captured.err


def test_without_a_terminal_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    cursor = ProgressCursor(
        hr.stream(range(9)).node.open(Run()), ProgressBar("x", show_after_s=0), 0, Clock()
    )
    assert list(cursor) == list(range(9))
    assert capfd.readouterr() == ("", "")


def test_a_state_loads_whatever_is_drawn() -> None:
    loader = hr.DataLoader(hr.stream(range(9)).progress(label="one"))
    assert next(iter(loader)) == 0
    other = hr.DataLoader(hr.stream(range(9)).progress(7))
    other.load_state_dict(loader.state_dict())
    assert next(iter(other)) == 1


@pytest.mark.parametrize("total", [-1, 1.5, True, "9"])
def test_a_total_that_is_none_is_refused(total: Any) -> None:
    with pytest.raises(ArgumentError, match=r"total of a progress bar must be .* Leave it out"):
        hr.stream([1]).progress(total)


def test_a_label_that_is_no_text_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"label of a progress bar must be text, got 3. Give"):
        hr.stream([1]).progress(label=3)  # type: ignore[arg-type]
