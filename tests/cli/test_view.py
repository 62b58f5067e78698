"""`headrace view`: one page, where it was asked for."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Headrace


def test_the_page_is_written_beside_the_user(
    headrace: Headrace, digits: str, tmp_path: Path
) -> None:
    ended = headrace("view", digits)

    assert ended.out.startswith("digits-1.0.html: ")
    text = (tmp_path / "digits-1.0.html").read_text("utf-8")
    assert "digits 1.0" in text
    assert "made" in text
    assert "a [b]river" in text


def test_the_page_is_written_where_it_was_asked_for(
    headrace: Headrace, digits: str, tmp_path: Path
) -> None:
    told = headrace("view", digits, "1.0", "-o", "page.html", "-n", "1", "--json").json

    assert told["path"] == str(tmp_path / "page.html")
    assert told["size_bytes"] == (tmp_path / "page.html").stat().st_size


def test_a_page_that_cannot_be_written_is_a_wrong_call(headrace: Headrace, digits: str) -> None:
    ended = headrace("view", digits, "-o", "nowhere/page.html")

    assert ended.code == 2
    assert "cannot write the page to 'nowhere/page.html': No such file or directory." in ended.err
