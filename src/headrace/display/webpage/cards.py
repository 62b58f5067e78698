"""The statistics of each field as a card: figures, a histogram, the counts of labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.filesize import decimal

from headrace.display.labels import ValueCount
from headrace.display.numbers import NumberStatistics
from headrace.display.statistics import FieldStatistics, LengthStatistics
from headrace.display.webpage.charts import histogram_chart, share_bars
from headrace.display.webpage.figures import TIMES, figure, plural
from headrace.display.webpage.markup import Markup, join, tag

# As many rows as a card has without growing above its neighbours; more open on demand.
ROWS = 10
# More shapes of ragged arrays are only counted.
SHAPES = 6
# The field of records that are a single value.
BARE_NAME = "record"


def field_cards(statistics: Sequence[FieldStatistics]) -> Markup:
    """A card for each field."""
    return tag("div", *map(_card, statistics), class_="cards")


def _card(field: FieldStatistics) -> Markup:
    head = tag(
        "header",
        tag("h3", field.name or BARE_NAME, dir="auto"),
        tag("span", field.type, class_="type"),
    )
    return tag("article", head, _figures(field), _chart(field), _rest(field), class_="card")


def _figures(field: FieldStatistics) -> Markup:
    # A card without any figure would look broken.
    pairs = list(_pairs(field)) or [("values", figure(field.looked_at - field.none))]
    rows = [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs]
    return tag("dl", *rows, class_="figures")


def _pairs(field: FieldStatistics) -> Iterator[tuple[str, str]]:
    numbers = field.numbers
    if numbers is not None and not field.is_label:
        yield from _number_pairs(numbers)
    if field.lengths is not None and not field.is_label:
        yield from _length_pairs(field.lengths, in_bytes=field.type.startswith("byte"))
    if field.distinct is not None:
        yield "distinct", figure(field.distinct)
    if len(field.shapes) > SHAPES and field.lengths is None:
        yield "shapes", figure(len(field.shapes))
    if field.none:
        share = f"{field.none / field.looked_at:.1%}" if field.looked_at else ""
        yield "None", f"{figure(field.none)} ({share})"


def _length_pairs(lengths: LengthStatistics, *, in_bytes: bool) -> Iterator[tuple[str, str]]:
    if in_bytes:
        yield "smallest", decimal(lengths.least)
        yield "mean size", decimal(round(lengths.mean))
        yield "largest", decimal(lengths.most)
        return
    if lengths.least == lengths.most:
        yield "length", figure(lengths.least)
        return
    yield "shortest", figure(lengths.least)
    yield "mean length", figure(lengths.mean)
    yield "longest", figure(lengths.most)


def _number_pairs(numbers: NumberStatistics) -> Iterator[tuple[str, str]]:
    if numbers.least is not None and numbers.least == numbers.most:
        yield "always", figure(numbers.least)
    elif numbers.mean is not None and numbers.std is not None:
        yield "mean", figure(numbers.mean)
        yield "std", figure(numbers.std)
    if numbers.nan:
        yield "NaN", figure(numbers.nan)
    if numbers.infinite:
        yield "infinite", figure(numbers.infinite)


def _chart(field: FieldStatistics) -> Markup:
    if field.is_label:
        return _label_bars(field)
    histogram = None if field.numbers is None else field.numbers.histogram
    if histogram is None or len(histogram.counts) == 1:
        return Markup()
    ends = (tag("span", figure(histogram.least)), tag("span", figure(histogram.most)))
    return tag("figure", histogram_chart(histogram), tag("figcaption", *ends, class_="ends"))


def _label_bars(field: FieldStatistics) -> Markup:
    total = field.looked_at - field.none
    rows = [(_label(count), count.count) for count in _in_order(field.counts)]
    shown = share_bars(rows[:ROWS], total)
    if len(rows) <= ROWS:
        return shown
    more = tag("summary", plural(len(rows) - ROWS, "more value"))
    return join([shown, tag("details", more, share_bars(rows[ROWS:], total))])


def _in_order(counts: Sequence[ValueCount]) -> Sequence[ValueCount]:
    """Few numbers by their value, all else the most frequent first."""
    values = [count.value for count in counts]
    if len(counts) <= ROWS and all(isinstance(value, int) for value in values):
        return sorted(counts, key=lambda count: count.value)
    return counts


def _label(count: ValueCount) -> str:
    return f"{count.name} ({count.value})" if count.name else str(count.value)


def _rest(field: FieldStatistics) -> Markup:
    """What bytes are, and the shapes of arrays where they differ."""
    present = field.looked_at - field.none
    formats = [(name or "other", count) for name, count in field.formats]
    shapes = [(f" {TIMES} ".join(map(str, shape)) or "()", count) for shape, count in field.shapes]
    listed = [formats, shapes if 1 < len(shapes) <= SHAPES else []]
    return join(share_bars(rows, present) for rows in listed if rows)
