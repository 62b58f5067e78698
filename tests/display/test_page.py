from __future__ import annotations

import base64
import io
import re
import sys
from collections import Counter
from html.parser import HTMLParser
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest
from tests.formats.leaves import LEAVES

import headrace as hr
from headrace.contracts.errors import ArgumentError
from headrace.display import page
from headrace.display.webpage.figures import figure, plural
from headrace.display.webpage.markup import Markup, tag

# Any, in this file: records of every type.

HOSTILE = "</script></title><img src=x onerror=alert(1)>\"'&\x00\x1b\u202e"
VOID = {"meta", "img"}
LOADS = r"https?:|url\(|@import|<script|<link|<iframe|javascript:"


class Point(NamedTuple):
    x: float
    y: float


class Parsed(HTMLParser):
    """The elements and the text of a page; every element is closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str) -> list[str]:
        return [text for inside, text in self.texts if inside == tag]

    def sources(self) -> list[str]:
        return [value for tag, name, value in self.attributes if (tag, name) == ("img", "src")]


def mixed(n: int) -> dict[str, Any]:
    rng = np.random.default_rng(n)
    return {
        "id": n,
        "meta": {"source": ["web", "book"][n % 2], "hostile": HOSTILE},
        "when": np.datetime64("2020-01-01") + np.timedelta64(n, "D"),
        "box": Point(rng.random(), -rng.random() * 1e9),
        "tokens": rng.integers(0, 50_000, 40).tolist(),
        "pose": rng.random((3, 4)),
        "embedding": rng.normal(size=(20, 64)).astype(ml_dtypes.bfloat16),
        "wave": rng.normal(size=400).astype(np.float32),
        "maybe": None if n % 4 else rng.random(),
        "never": None,
        "nan": float("nan"),
        "pair": (True, 2 + 3j),
        "zero": np.array(3.5),
        "fields": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        "ragged": rng.random((n % 5, 2)),
        "story": (HOSTILE + " long text ") * (1 + 40 * n),
        "image": rng.integers(0, 256, (300, 280, 3), dtype=np.uint8),
        "mask": rng.random((12, 12)) > 0.5,
    }


def page_of(source: Any, **arguments: Any) -> str:
    ref = source if isinstance(source, hr.DataRef) else hr.DataRef.from_sequence(source)
    return page(ref, title="waters 1.0", subtitle_pairs=[("size", "3 kB")], **arguments)


@pytest.fixture(scope="module")
def html() -> str:
    ref = hr.Storage("memory://").submit(map(mixed, range(60)), "mixed", "1")
    return page_of(ref)


def test_the_page_loads_nothing(html: str) -> None:
    parsed = Parsed(html)

    assert not re.search(r"https?:|url\(|@import|<script|<link|<iframe|javascript:", html)
    assert all(source.startswith("data:image/") for source in parsed.sources())
    assert not any(name.startswith("on") or name == "href" for _, name, _ in parsed.attributes)
    assert ("meta", "http-equiv", "Content-Security-Policy") in parsed.attributes
    policy = next(
        value for _, name, value in parsed.attributes if name == "content" and "src" in value
    )
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_hostile_text_stays_text(html: str) -> None:
    parsed = Parsed(html)

    assert parsed.tags["script"] == 0
    assert html.partition("</head>")[0].count("<title>") == parsed.tags["h1"] == 1
    assert any(
        "</script></title><img src=x onerror=alert(1)>\"'&" in text for _, text in parsed.texts
    )
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ud800]", html)
    html.encode("utf-8")


def test_what_utf8_cannot_hold_is_written_as_an_escape() -> None:
    assert b"river \\ud800" in page_of(["river \ud800"]).encode("utf-8")


def test_each_field_appears_with_its_type(html: str) -> None:
    parsed = Parsed(html)
    headings = set(parsed.of("h3"))
    shown = set(parsed.of("span"))

    for name in ("id", "meta.source", "box.y", "tokens", "pair.1", "never", "fields", "image"):
        assert name in headings
    assert {
        "dict of 18 fields",
        "Point of 2 fields",
        "tuple of 2 fields",
        "uint8[300, 280, 3]",
    } <= shown
    assert {"bfloat16[20, 64]", "float | None", "list of 40 int"} <= shown
    assert {"float64[?, 2]", "uint8[300, 280, 3]"} <= shown


def test_each_kind_of_data_has_its_section(html: str) -> None:
    assert Parsed(html).of("h2") == ["Pictures", "Fields", "Texts", "Signals", "Arrays", "Records"]
    assert Parsed(page_of([1, 2])).of("h2") == ["Fields", "Records"]


def test_pictures_are_small_and_the_page_is_bounded(html: str) -> None:
    image = pytest.importorskip("PIL.Image")

    sizes = [
        image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).size
        for source in Parsed(html).sources()
    ]

    assert max(max(size) for size in sizes) <= 256
    assert len(html) < 3_000_000


def test_the_same_seed_draws_the_same_records_and_the_captions_say_which() -> None:
    ref = hr.DataRef.from_sequence(
        [{"image": np.full((8, 8), n, np.uint8), "n": n} for n in range(40)]
    )

    first = Parsed(page_of(ref, records=5, seed=3))

    drawn = [f"#{record['n']}" for record in ref.shuffle(seed=3)[:5].stream()]
    assert [text for text in first.of("span") if text.startswith("#")] == drawn
    assert page_of(ref, records=5, seed=3) == page_of(ref, records=5, seed=3)
    assert page_of(ref, records=5, seed=3) != page_of(ref, records=5, seed=4)


def test_labels_are_captions_and_bars() -> None:
    records = [
        {"image": np.zeros((8, 8), np.uint8), "label": ["cat", "dog"][n % 2]} for n in range(10)
    ]

    spans = Counter(Parsed(page_of(records)).of("span"))

    # Ten captions and a bar.
    assert (spans["cat"], spans["dog"]) == (6, 6)
    assert spans["50.0%"] == 2


def test_encoded_pictures_are_embedded_as_they_are() -> None:
    image = pytest.importorskip("PIL.Image").new("RGB", (64, 32))
    payload = io.BytesIO()
    image.save(payload, "JPEG")

    source = Parsed(page_of([payload.getvalue()])).sources()[0]

    assert source == "data:image/jpeg;base64," + base64.b64encode(payload.getvalue()).decode()


def large_pictures() -> list[bytes]:
    """Files that do not fit on a page together."""
    return [b"\xff\xd8\xff" + bytes([n]) * 200_000 for n in range(12)]


def test_large_pictures_that_nobody_can_decode_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules makes the import fail as it does where nothing is installed.
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)

    html = page_of(large_pictures())

    assert Parsed(html).sources() == []
    assert "JPEG, 200.0 kB" in html


def test_large_pictures_are_made_smaller_by_pillow() -> None:
    image = pytest.importorskip("PIL.Image")
    noise = np.random.default_rng(0).integers(0, 256, (600, 500, 3), dtype=np.uint8)
    payload = io.BytesIO()
    image.fromarray(noise).save(payload, "PNG")

    html = page_of([payload.getvalue()] * 12)

    assert len(Parsed(html).sources()) == 12
    assert len(html) < 3_000_000


def test_a_long_text_can_be_opened() -> None:
    html = page_of(["river " * 10_000])
    parsed = Parsed(html)

    assert parsed.tags["details"] == 1
    assert "all 60,000 characters" in parsed.of("span")
    assert "and 40,000 more" in html
    assert len(html) < 60_000


def test_signals_are_lines_with_their_highest_and_lowest_values() -> None:
    wave = np.zeros(10_000, np.int16)
    wave[5_000], wave[5_001] = 30_000, -30_000

    parsed = Parsed(page_of([wave]))

    points = next(
        value for tag, name, value in parsed.attributes if (tag, name) == ("polyline", "points")
    )
    heights = [float(point.split(",")[1]) for point in points.split()]
    assert (min(heights), max(heights)) == (1.0, 63.0)
    assert len(heights) == 640


def test_a_version_without_records_says_so() -> None:
    sources: list[Any] = [
        [],
        hr.Storage("memory://").submit([], "empty", "1"),
        hr.DataRef.from_sequence([1])[:0],
    ]
    for source in sources:
        parsed = Parsed(page_of(source))
        assert "There is no record in it yet." in parsed.of("p")


@pytest.mark.parametrize(
    "records",
    [
        [3.5],
        [None] * 3,
        [float("nan")] * 300,
        [{}],
        [[]],
        [[1, [2, []]]],
        [{"": 0}],
        [b""],
        [object()],
        [10**400],
    ],
    ids=str,
)
def test_odd_datasets_have_a_page(records: list[Any]) -> None:
    assert Parsed(page_of(records)).of("h2")[-1] == "Records"


@pytest.mark.parametrize("name", LEAVES)
def test_each_kind_of_leaf_has_a_page(name: str) -> None:
    rng = np.random.default_rng(5)
    records = [{"leaf": LEAVES[name](rng), "other": None} for _ in range(5)]

    Parsed(page_of(records))
    Parsed(page_of(hr.Storage("memory://").submit(records, "leaves", "1", allow_pickle=True)))


@pytest.mark.parametrize("dtype", ["f4", "i2", "i8", "c8", "?", "bfloat16", "M8[s]", "U3", "O"])
@pytest.mark.parametrize(
    "shape", [(300,), (40,), (4, 4), (9, 40), (2, 300), (3, 4, 50), (16, 16), (16, 16, 3)], ids=str
)
def test_arrays_of_each_shape_have_a_page(dtype: str, shape: tuple[int, ...]) -> None:
    made = np.dtype(getattr(ml_dtypes, dtype, dtype))
    array = np.random.default_rng(0).integers(0, 2, shape).astype(made)

    Parsed(page_of([{"a": array}, {"a": None}, {"a": "other"}, {"a": array[:0]}]))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("shape", [(16, 16), (600, 600, 3), (300,), (40,), (600, 2)], ids=str)
@pytest.mark.parametrize("dtype", ["f8", "f4", "g", "c16"])
def test_the_widest_ranges_are_drawn_without_a_warning(dtype: str, shape: tuple[int, ...]) -> None:
    top = 1e38 if dtype == "f4" else 1.7e308
    odd = [top, -top, np.inf, -np.inf, np.nan, 0.0]
    array = np.random.default_rng(0).choice(odd, shape).astype(dtype)

    Parsed(page_of([{"a": array}] * 2))


def test_hundreds_of_fields_are_cut() -> None:
    html = page_of([{f"f{n}": n for n in range(300)}])

    assert "and 200 more fields" in html
    assert "and 276 more fields" in html


def test_facts_stand_in_the_head() -> None:
    ref = hr.DataRef.from_sequence([1, 2])
    pairs: list[tuple[str, object]] = [("meta", {"licence": "<b>", "parts": 2}), ("tags", ["a", 1])]

    html = page(ref, title="<waters>", subtitle_pairs=pairs)

    assert "&lt;waters&gt;</h1>" in html
    assert "<dt>records</dt><dd>2</dd>" in html
    assert "<b>licence</b><span>&lt;b&gt;</span>" in html
    assert "[&quot;a&quot;,1]" in html


def test_a_negative_number_of_records_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"records must be .* at least 0, got -1\. 24 fill"):
        page_of([1], records=-1)
    assert "Records" not in Parsed(page_of([1], records=0)).of("h2")


def test_markup_is_kept_and_text_escaped() -> None:
    made = tag("p", "1 < 2", tag("b", "x"), class_="a b", title='"', hidden=True, id=None)

    assert made == '<p class="a b" title="&quot;" hidden>1 &lt; 2<b>x</b></p>'
    assert isinstance(made, Markup)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1234567, "1,234,567"),
        (-3, "\N{MINUS SIGN}3"),
        (0.0, "0"),
        (-0.0, "0"),
        (12.3456, "12.35"),
        (0.0314159, "0.0314"),
        (123456.7, "123,457"),
        (2.5e-9, "2.5 \N{MULTIPLICATION SIGN} 10⁻⁹"),
        (1e300, "1 \N{MULTIPLICATION SIGN} 10³⁰⁰"),
        (float("nan"), "nan"),
        (float("-inf"), "\N{MINUS SIGN}inf"),
        ("2020-01-01", "2020-01-01"),
    ],
    ids=str,
)
def test_figures_are_set_with_four_digits(value: object, said: str) -> None:
    assert figure(value) == said


def test_one_is_singular() -> None:
    assert (plural(1, "record"), plural(1797, "record")) == ("1 record", "1,797 records")
