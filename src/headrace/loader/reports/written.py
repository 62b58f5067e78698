"""A report as a file: whole, or not there."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from headrace.contracts.errors import ArgumentError
from headrace.loader.reports.facts import Facts
from headrace.loader.reports.page import report_page
from headrace.loader.reports.text import report_text
from headrace.loader.reports.trace import report_trace

FORMS: dict[str, Callable[[Facts], str]] = {
    ".html": report_page,
    ".json": report_trace,
    ".txt": report_text,
}


def form_of(path: str | PathLike[str]) -> Callable[[Facts], str]:
    """What a file of this name holds.

    Raises:
        ArgumentError: its name ends in nothing known.
    """
    suffix = Path(path).suffix.lower()
    if suffix in FORMS:
        return FORMS[suffix]
    raise ArgumentError(
        f"a report was asked as {str(path)!r}, and its form is told by the end of its name. Use "
        ".html for a page, .json for a trace that Perfetto opens, or .txt."
    )


def write_report(facts: Facts, path: str | PathLike[str]) -> None:
    """Writes it beside, then gives it its name.

    Raises:
        ArgumentError: its name ends in nothing known, or it cannot be written.
    """
    content = form_of(path)(facts)
    target = Path(path)
    aside = target.with_name(f".{target.name}.part")
    try:
        try:
            aside.write_text(content, "utf-8")
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise ArgumentError(
            f"cannot write the report to {str(target)!r}: {error.strerror}. "
            "Give a file in a folder that is there and may be written."
        ) from error
