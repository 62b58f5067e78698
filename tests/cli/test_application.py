"""The commands together: help, wrong calls, and the pages of the documentation."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from tests.cli.conftest import Headrace

import headrace as hr
from headrace.cli import main
from headrace.cli.application import COMMANDS, run

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
HOW_TO = (ROOT / "docs" / "how-to" / "command-line.md").read_text("utf-8")
STEP = re.compile(r"^\$ (?P<line>.+)\n(?P<output>(?:(?!\$ |```).*\n)*)", re.MULTILINE)


def test_the_installed_command_is_this_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert project["scripts"] == {"headrace": f"{main.__module__.rpartition('.')[0]}:main"}


def test_the_version_is_the_packages(headrace: Headrace) -> None:
    assert headrace("--version").out == f"headrace {hr.__version__}\n"


def test_without_a_command_the_help_goes_to_stderr(headrace: Headrace) -> None:
    ended = headrace()

    assert (ended.code, ended.out) == (2, "")
    assert all(f" {name} " in ended.err for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_a_usage_to_copy(headrace: Headrace, command: str) -> None:
    ended = headrace(command, "--help")
    # Boxes and line ends depend on the width of the terminal.
    words = " ".join(ended.out.replace("│", " ").split())

    assert ended.code == 0
    assert "--json" in words
    assert words.count(f"Usage: {COMMANDS[command][1]}") >= 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("shw",), "headrace: No such command 'shw'"),
        (("show", "digits", "--cuont", "3"), "No such option: --cuont"),
        (("show",), "Missing argument 'NAME'. See: headrace show --help"),
        (("head", "digits", "-n", "three"), "headrace: Invalid value for '-"),
    ],
    ids=["command", "option", "argument", "value"],
)
def test_a_wrong_call_is_one_line_that_names_the_help(
    headrace: Headrace, arguments: tuple[str, ...], told: str
) -> None:
    ended = headrace(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert ended.err.endswith("--help\n")
    assert ended.err.count("\n") == 1


def test_what_steers_a_terminal_in_an_error_is_written_as_an_escape(
    headrace: Headrace, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("x,\x1b[31mred\n1,2\n", "utf-8")
    (tmp_path / "b.csv").write_text("x,y\n1,2\n", "utf-8")

    ended = headrace("submit", "?.csv", "pairs", "1.0")

    assert ended.code == 1
    assert r"x, \x1b[31mred" in ended.err
    assert "\x1b" not in ended.err


def test_a_path_is_printed_as_it_is(headrace: Headrace, made: str) -> None:
    name = "[bold] :smile: [/red]"

    assert f"/{name}" in headrace("submit", f"{made}:numbers", "n", "1", "--storage", name).out
    assert headrace("view", "n", "--storage", name, "-o", "[red]a.html").out.startswith("[red]a.")


def test_the_reference_names_every_command_and_option(headrace: Headrace) -> None:
    for command in COMMANDS:
        section = REFERENCE.partition(f"## headrace {command}\n")[2].partition("\n## ")[0]
        options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", headrace(command, "--help").out))

        assert section, f"{command} has no section"
        shared = REFERENCE.partition("\n## ")[0]
        missing = {one for one in options - {"--help"} if f"`{one}" not in section + shared}
        assert not missing, f"{command} {missing}"


def test_the_story_of_the_how_to_page_runs_as_it_is_written(
    headrace: Headrace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in re.findall(r'```\w+ title="(\S+)"\n(.*?)```', HOW_TO, re.DOTALL):
        (tmp_path / name).write_text(text, "utf-8")
    steps = list(STEP.finditer(HOW_TO))
    assert len(steps) > 8
    for step in steps:
        run(shlex.split(step["line"])[1:])
        captured = capsys.readouterr()
        parts = [" ".join(part.split()) for part in step["output"].split("...")]
        pattern = ".*".join(map(re.escape, parts))
        printed = " ".join((captured.out + captured.err).split())
        assert re.fullmatch(pattern, printed, re.DOTALL), f"{step['line']} printed\n{printed}"
