"""What a loader did, for people and their tools: text, a page, a trace."""

from __future__ import annotations

from headrace.loader.reports.facts import Facts, facts_of
from headrace.loader.reports.text import report_text
from headrace.loader.reports.written import write_report

__all__ = [
    "Facts",
    "facts_of",
    "report_text",
    "write_report",
]
