"""One HTML page about a dataset that needs nothing but itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

import msgspec

from headrace.contracts.errors import whole
from headrace.dataref import DataRef
from headrace.display.statistics import FieldStatistics, field_statistics
from headrace.display.webpage.cards import field_cards
from headrace.display.webpage.drawn import Drawn, draw
from headrace.display.webpage.figures import figure, plural
from headrace.display.webpage.markup import Markup, join, tag
from headrace.display.webpage.schema import schema_tree, type_list
from headrace.display.webpage.sections import (
    array_section,
    picture_section,
    record_section,
    signal_section,
    text_section,
)

# Any, in this file: records are the user's values, of every type.

# Nothing is fetched, sent or run, whatever the records hold.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'"
)
# Longer facts in the head are set in smaller type.
LONG_FACT = 28
# A page of more fields takes long to open, and nobody reads it.
MOST_FIELDS = 100


def page(
    ref: DataRef[Any],
    *,
    title: str,
    subtitle_pairs: Iterable[tuple[str, object]],
    records: int = 24,
    seed: int = 0,
) -> str:
    """A page about the records of `ref`: schema, statistics, pictures, texts, signals, a table.

    It is one text of HTML that loads nothing, in light and in dark. `subtitle_pairs` are names
    and values for its head, which begins with the number of records. The `records` that it shows
    are the first of the global shuffle by `seed`, the same each time.

    **Cost**: what `field_statistics` reads, and the records shown. Usually below 3 MB.

    Raises:
        ArgumentError: `records` is negative, or `seed` is no integer of 64 bits.
        StreamError: `ref` repeats without end.

    Example:
        >>> import headrace as hr
        >>> ref = hr.DataRef.from_sequence([{"text": "a river", "label": 1}])
        >>> html = page(ref, title="waters 1.0", subtitle_pairs=[("records", 1)])
        >>> html[:15], "a river" in html
        ('<!doctype html>', True)
    """
    whole("records", records, least=0, remedy="24 fill a screen.")
    statistics = field_statistics(ref)
    drawn = draw(ref, statistics, records=records, seed=seed)
    sections = join(_sections(drawn, statistics, seed))
    told = {"records": len(ref), **dict(subtitle_pairs)}
    body = tag("body", _head(title, told), tag("main", sections))
    return f"<!doctype html>\n{tag('html', _meta(title), body, lang='en')}\n"


def _meta(title: str) -> Markup:
    style = files("headrace.display.webpage").joinpath("style.css").read_text("utf-8")
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(style)),
    )


def _head(title: str, told: Mapping[str, object]) -> Markup:
    rows = [tag("div", tag("dt", name), _fact(value)) for name, value in told.items()]
    name = tag("h1", title, dir="auto")
    return tag("header", tag("div", name, tag("dl", *rows), class_="inner"), class_="top")


def _fact(value: object) -> Markup:
    said = _said(value)
    is_long = not isinstance(said, Markup) and len(str(said)) > LONG_FACT
    return tag("dd", said, class_="long" if is_long else None)


def _said(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return figure(value)
    if isinstance(value, Mapping):
        parts = (tag("div", tag("b", key), tag("span", _said(part))) for key, part in value.items())
        return tag("div", *parts, class_="pairs")
    return msgspec.json.encode(value).decode() if isinstance(value, list) else value


def _sections(drawn: Drawn, statistics: list[FieldStatistics], seed: int) -> Iterable[Markup]:
    shown = f"{plural(len(drawn.records), 'record')} of the shuffle with seed {seed}"
    if not drawn.of:
        yield tag("p", "There is no record in it yet.", class_="empty")
    yield _section("Pictures", shown, picture_section(drawn))
    yield _section("Fields", _coverage(statistics), _fields(drawn, statistics))
    yield _section("Texts", "", text_section(drawn))
    yield _section("Signals", "", signal_section(drawn))
    yield _section("Arrays", "", array_section(drawn))
    if drawn.records:
        yield _section("Records", "", record_section(drawn))


def _section(name: str, note: str, body: Markup) -> Markup:
    if not body:
        return body
    head = tag("div", tag("h2", name), tag("span", note, class_="note"), class_="head")
    return tag("section", head, body)


def _fields(drawn: Drawn, statistics: list[FieldStatistics]) -> Markup:
    if all(field.type == "nothing" for field in statistics):
        return Markup()
    types = {field.name: field.type for field in statistics}
    tree = schema_tree(drawn.records[0], types) if drawn.records else type_list(types)
    schema = tag("article", tag("header", tag("h3", "Schema")), tree, class_="card schema")
    hidden = len(statistics) - MOST_FIELDS
    more = tag("p", f"and {plural(hidden, 'more field')}", class_="note") if hidden > 0 else ""
    cards = tag("div", field_cards(statistics[:MOST_FIELDS]), more)
    return tag("div", schema, cards, class_="fields")


def _coverage(statistics: list[FieldStatistics]) -> str:
    if not statistics or not statistics[0].of:
        return ""
    first = statistics[0]
    if first.is_exact:
        return f"from {'all ' * (first.of > 1)}{plural(first.of, 'record')}"
    return f"from {figure(first.looked_at)} of {plural(first.of, 'record')}, taken evenly"
