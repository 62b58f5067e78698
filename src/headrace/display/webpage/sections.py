"""The records themselves: pictures, texts, signals, arrays, and a table of a few."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.display.arrays import Array, array_text, short_number
from headrace.display.fields import Field, leaves
from headrace.display.text import leaf_text, one_line
from headrace.display.webpage.cards import BARE_NAME
from headrace.display.webpage.charts import signal_chart
from headrace.display.webpage.drawn import Drawn, numbers_in
from headrace.display.webpage.figures import figure, plural
from headrace.display.webpage.markup import Markup, join, tag
from headrace.display.webpage.media import heat_strip, pictures

# All pictures together; in base64 they are a third larger.
PICTURE_BYTES = 1_600_000
# Of several fields of pictures each shows two rows.
PICTURES_EACH = 16
# Fields of each kind that are shown: a record of more is a list that was taken apart.
MOST_FIELDS = 6
# Rows of a field that takes the width of the page.
ROWS = 6
# How much of a text is seen at once, and how much when it is opened.
CUT, CUT_LINES, MOST_TEXT = 420, 7, 20_000
# The table of records.
TABLE_ROWS, TABLE_FIELDS, CELL = 10, 24, 44
# Larger tables of numbers are shown as colours.
TABLE_SIDE = 8


def picture_section(drawn: Drawn) -> Markup:
    """A gallery for each field of pictures."""
    fields = drawn.of_role("picture")[:MOST_FIELDS]
    share = max(1, len(fields))
    most = len(drawn.records) if share == 1 else PICTURES_EACH
    galleries = (_gallery(drawn, field, most, PICTURE_BYTES // share) for field in fields)
    return join(map(_named, fields, galleries))


def text_section(drawn: Drawn) -> Markup:
    """The beginnings of texts, each to be opened."""
    return join(
        _named(field, tag("div", *_each(drawn, field, _passage), class_="passages"))
        for field in drawn.of_role("text")[:MOST_FIELDS]
    )


def signal_section(drawn: Drawn) -> Markup:
    """Signals as lines over time."""
    return join(
        _named(field, tag("div", *_each(drawn, field, _signal), class_="signals"))
        for field in drawn.of_role("signal")[:MOST_FIELDS]
    )


def array_section(drawn: Drawn) -> Markup:
    """Other arrays: small ones as tables of numbers, larger ones as colours."""
    return join(
        _named(field, tag("div", *_each(drawn, field, _array), class_="strips"))
        for field in drawn.of_role("array")[:MOST_FIELDS]
    )


def record_section(drawn: Drawn) -> Markup:
    """A table of the first records that were drawn."""
    names = [field.name for field in drawn.fields[:TABLE_FIELDS]]
    shown = [dict(leaves(record)) for record in drawn.records[:TABLE_ROWS]]
    heads = [_heading(name, [values.get(name) for values in shown]) for name in names]
    head = tag("thead", tag("tr", tag("th", "#", scope="col"), *heads))
    body = [
        tag("tr", tag("th", _index(at), scope="row"), *(_cell(values, name) for name in names))
        for at, values in zip(drawn.positions, shown, strict=False)
    ]
    hidden = len(drawn.fields) - len(names)
    more = tag("p", f"and {plural(hidden, 'more field')}", class_="note") if hidden else Markup()
    table = tag("table", head, tag("tbody", *body))
    return join([tag("div", table, class_="scroll", tabindex=0), more])


def _heading(name: str, values: list[Any]) -> Markup:  # Any, here and below: the user's values
    kind = "number" if any(map(_is_number, values)) else None
    return tag("th", one_line(name) or BARE_NAME, scope="col", class_=kind)


def _cell(values: dict[str, Any], name: str) -> Markup:
    if name not in values:
        return tag("td", "absent", class_="none")
    value = values[name]
    kind = "number" if _is_number(value) else "none" if value is None else None
    return tag("td", leaf_text(value, CELL), class_=kind, dir="auto")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _named(field: Field, body: Markup) -> Markup:
    head = tag("h3", field.name or BARE_NAME, tag("span", field.type, class_="type"), dir="auto")
    return tag("div", head, body, class_="field")


def _gallery(drawn: Drawn, field: Field, most: int, budget: int) -> Markup:
    tiles = []
    there = [at for at, value in enumerate(field.values) if value is not None][:most]
    values = [field.values[at] for at in there]
    for at, value, picture in zip(there, values, pictures(values, budget), strict=True):
        said = drawn.captions[at]
        if picture is None:
            image = tag("span", leaf_text(value), class_="missing")
        else:
            sharp = "sharp" if picture.is_sharp else None
            image = tag("img", src=picture.source, alt=said or "picture", class_=sharp)
        tiles.append(tag("figure", tag("div", image, class_="frame"), _caption(drawn, at)))
    return tag("div", *tiles, class_="gallery")


def _caption(drawn: Drawn, at: int) -> Markup:
    label = tag("span", drawn.captions[at], class_="label", dir="auto")
    index = tag("span", _index(drawn.positions[at]), class_="index")
    return tag("figcaption", label, index)


def _index(position: int) -> str:
    return f"#{position}"


def _each(drawn: Drawn, field: Field, shown: Any) -> list[Markup]:
    """What `shown` makes of the first values that are there."""
    there = [at for at, value in enumerate(field.values) if value is not None][:ROWS]
    return [tag("figure", _caption(drawn, at), shown(field.values[at])) for at in there]


def _passage(value: Any) -> Markup:
    if not isinstance(value, str) or (len(value) <= CUT and value.count("\n") < CUT_LINES):
        plain = value if isinstance(value, str) else leaf_text(value)
        return tag("p", plain, dir="auto", class_="text")
    rest = "" if len(value) <= MOST_TEXT else f" … and {figure(len(value) - MOST_TEXT)} more"
    cut = tag("span", value[:CUT].rstrip() + "…", class_="cut", dir="auto")
    opened = tag("span", f"all {figure(len(value))} characters", class_="more")
    whole = tag("p", value[:MOST_TEXT] + rest, dir="auto", class_="text")
    return tag("details", tag("summary", cut, opened), whole)


def _signal(value: Any) -> Markup:
    numbers = numbers_in(value)
    if numbers is None or numbers.ndim != 1 or not numbers.size:
        return tag("p", leaf_text(value), class_="text")
    return join([signal_chart(numbers), tag("p", leaf_text(numbers, CELL), class_="note")])


def _array(value: Any) -> Markup:
    numbers = numbers_in(value)
    if numbers is None:
        return tag("p", leaf_text(value), class_="text")
    if numbers.ndim == 2 and max(numbers.shape) <= TABLE_SIDE:
        return _small_table(numbers)
    picture = heat_strip(numbers)
    if picture is None:
        return tag("p", array_text(numbers), class_="text")
    kind = "strip" if numbers.ndim == 1 else "map"
    image = tag("img", src=picture.source, alt=array_text(numbers), class_=f"sharp {kind}")
    return join([image, tag("p", array_text(numbers), class_="note")])


def _small_table(array: Array) -> Markup:
    rows = [tag("tr", *(tag("td", short_number(value)) for value in row)) for row in array]
    return tag("table", tag("tbody", *rows), class_="matrix")
