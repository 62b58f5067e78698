"""The progress bar: only for long work, on a terminal, on rank 0, and never twice."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from headrace.progress import ProgressBar
from headrace.settings import Settings


def shown(*, terminal: bool, settings: Settings, show_after_s: float = 0.0) -> str:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=terminal, width=80)
    with ProgressBar(
        "digits 1.0", total=10, settings=settings, console=console, show_after_s=show_after_s
    ) as bar:
        bar.advance(4)
        bar.advance(3)
    assert bar.done == 7
    return screen.getvalue()


def test_long_work_on_a_terminal_is_shown() -> None:
    text = shown(terminal=True, settings=Settings())
    assert "digits 1.0" in text
    assert "7/10" in text


def test_brackets_in_a_title_are_shown() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80)
    with ProgressBar("[train] [/a]", console=console, show_after_s=0.0) as bar:
        bar.advance(1)
    assert "[train] [/a]" in screen.getvalue()


@pytest.mark.parametrize(
    ("terminal", "settings", "show_after_s"),
    [
        (False, Settings(), 0.0),
        (True, Settings(rank=1), 0.0),
        (True, Settings(show_progress=False), 0.0),
        (True, Settings(), 60.0),
    ],
    ids=["no terminal", "rank 1", "HEADRACE_PROGRESS=0", "short work"],
)
def test_else_nothing_is_written(terminal: bool, settings: Settings, show_after_s: float) -> None:
    assert shown(terminal=terminal, settings=settings, show_after_s=show_after_s) == ""


def test_the_bar_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(stderr=True, force_terminal=True)
    with ProgressBar("digits", settings=Settings(), console=console, show_after_s=0) as bar:
        bar.advance(1)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "digits" in captured.err
