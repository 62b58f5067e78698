"""The commands together, and how each way of failing ends."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Annotated, NoReturn

import typer

import headrace
from headrace.cli.audit import audit
from headrace.cli.cache import cache
from headrace.cli.cp import cp
from headrace.cli.demo import demo
from headrace.cli.diff import diff
from headrace.cli.failing import INTERRUPTED, WRONG_CALL, exit_code, one_line
from headrace.cli.head import head
from headrace.cli.log import log
from headrace.cli.ls import ls
from headrace.cli.printing import note
from headrace.cli.prune import prune
from headrace.cli.rm import rm
from headrace.cli.show import show_version
from headrace.cli.shuffle_quality import shuffle_quality_table
from headrace.cli.submit import submit
from headrace.cli.tag import tag, untag
from headrace.cli.verify import verify
from headrace.cli.view import view

DEBUG = "--debug"
# In the order in which a newcomer meets them, each with a usage that can be copied.
COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "demo": (demo, "headrace demo"),
    "submit": (submit, "headrace submit 'logs/*.csv' visits 1.0 --meta made-by=ada"),
    "ls": (ls, "headrace ls visits"),
    "show": (show_version, "headrace show visits"),
    "log": (log, "headrace log visits"),
    "diff": (diff, "headrace diff visits 1.0 1.1"),
    "tag": (tag, "headrace tag visits 1.1 latest-good"),
    "untag": (untag, "headrace untag visits latest-good"),
    "cp": (cp, "headrace cp /data/headrace visits@1.1 s3://bucket/headrace"),
    "head": (head, "headrace head visits 1.0 -n 3 --json"),
    "view": (view, "headrace view visits -o visits.html"),
    "shuffle-quality": (
        shuffle_quality_table,
        "headrace shuffle-quality --size 100000 --kind windowed --window 1000 --window 10000",
    ),
    "verify": (verify, "headrace verify visits 1.0"),
    "audit": (audit, "headrace audit runs/ledger"),
    "rm": (rm, "headrace rm visits 1.0 --yes"),
    "prune": (prune, "headrace prune --grace-s 0"),
    "cache": (cache, "headrace cache clear --older-than 30"),
}
ENDINGS = "Exit codes: 0 all is well, 1 a problem with the records or their bytes, 2 a wrong call."


def main() -> NoReturn:
    """Runs the command that the process was started with, and ends the process."""
    # What is imported by now lives to the end: no collection has to walk through it again.
    gc.freeze()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # Whoever started the process has closed it.
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or file that has no word for a character is no reason to fail.
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command and gives its exit code; errors are one line on stderr."""
    # Asked for after something went wrong, it is written at the end of the line.
    is_debug = DEBUG in arguments
    given = [argument for argument in arguments if argument != DEBUG]
    try:
        ended = application()(args=given, prog_name="headrace", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        if is_debug:
            raise
        note(f"headrace: {one_line(error)}")
        return exit_code(error)
    return ended if isinstance(ended, int) else 0


def application() -> typer.Typer:
    """The command with all that belongs to it."""
    app = typer.Typer(
        help="Make, look at and check datasets for training.",
        epilog=ENDINGS,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_before)
    for name, (command, usage) in COMMANDS.items():
        app.command(name, epilog=f"Usage: `{usage}`")(command)
    return app


def _before(
    context: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[
        bool, typer.Option(DEBUG, help="Show the traceback of an error; may stand anywhere.")
    ] = False,
) -> None:
    del debug  # Taken out of the arguments before they are parsed.
    if version:
        typer.echo(f"headrace {headrace.__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        # Depending on how it is drawn, the help is returned or printed there and then.
        with redirect_stdout(sys.stderr):
            typer.echo(context.get_help())
        raise typer.Exit(WRONG_CALL)
