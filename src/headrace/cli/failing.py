"""How the command ends: its exit codes, and an error as one line of help."""

from __future__ import annotations

import re

import typer

from headrace.contracts.errors import (
    ArgumentError,
    InvalidName,
    MissingExtra,
    NotFound,
    PickleRefused,
    StreamError,
    VersionExists,
)

DATA_PROBLEM = 1
WRONG_CALL = 2
# What shells report of a command that was ended by SIGINT, or by SIGPIPE.
INTERRUPTED = 130
NO_READER = 141

# The command line was wrong, by the parser's judgement: its class has moved between versions.
CallError: type[Exception] = typer.BadParameter.__mro__[1]
WRONG_CALLS = (
    ArgumentError,
    CallError,
    InvalidName,
    MissingExtra,
    NotFound,
    PickleRefused,
    StreamError,
    VersionExists,
)
# Remedies are written for Python: `fetch(..., allow_pickle=True)` is `--allow-pickle` here, and
# `on_error="skip"` is `--on-error skip`.
SWITCH = re.compile(r"(?:\w+\(\.\.\., )?\b(replace|allow_pickle)=True\)?")
VALUE = re.compile(r"\b(as_version|limit|mode|on_error|parent)=(?:[\"']([\w.+-]+)[\"'])?")


def exit_code(error: BaseException) -> int:
    """2 where the call was wrong, 1 where something is wrong with the records or their bytes."""
    return WRONG_CALL if isinstance(error, WRONG_CALLS) else DATA_PROBLEM


def one_line(error: BaseException) -> str:
    """What went wrong and what to do, without a traceback."""
    if isinstance(error, CallError):
        return _of_call(error)
    told = str(error) or "no message"
    known = type(error).__module__.startswith("headrace.")
    parts = [told if known else f"{type(error).__name__}: {told}"]
    parts += getattr(error, "__notes__", [])
    sentences = [part if part.endswith((".", "?")) else f"{part}." for part in parts]
    line = _with_options(" ".join(" ".join(sentences).split()))
    return line if known else f"{line} (--debug shows where)"


def _of_call(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = "headrace" if context is None else context.command_path
    told = " ".join(error.format_message().split()).rstrip(".")  # type: ignore[attr-defined]
    return f"{told}{'' if told.endswith('?') else '.'} See: {command} --help"


def _with_options(line: str) -> str:
    return VALUE.sub(_as_option, SWITCH.sub(_as_option, line))


def _as_option(found: re.Match[str]) -> str:
    name, *value = (group for group in found.groups() if group)
    return " ".join(["--" + name.replace("_", "-"), *value])
