from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import headrace as hr
from headrace.display import page

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Nothing of the machine's own profile, and nothing that asks for a network.
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--window-size=1280,1600",
)
HOSTILE = "</script><img src=http://127.0.0.1:9/ onerror=document.title='hit'> river "


@pytest.fixture
def browser(tmp_path: Path) -> list[str]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("this machine has no chromium")
    return [found, *QUIET, f"--user-data-dir={tmp_path / 'profile'}"]


def shown(browser: list[str], path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*browser, *arguments, path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)


@pytest.mark.slow
def test_a_browser_shows_the_page_without_complaint(browser: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    records = [
        {
            "image": rng.integers(0, 256, (32, 32, 3), dtype=np.uint8),
            "wave": rng.normal(size=500),
            "text": "</script><img src=http://127.0.0.1:9/ onerror=document.title='hit'> river "
            * 9,
            "label": n % 3,
        }
        for n in range(30)
    ]
    path = tmp_path / "page.html"
    ref = hr.DataRef.from_sequence(records)
    path.write_text(page(ref, title="waters 1.0", subtitle_pairs=[]), "utf-8")

    result = shown(browser, path, "--dump-dom")

    assert "CONSOLE" not in result.stderr
    assert "<title>waters 1.0</title>" in result.stdout
    assert result.stdout.count("<img") == 24
    assert result.stdout.count("<polyline") == 6

    picture = tmp_path / "page.png"
    shown(browser, path, f"--screenshot={picture}")
    pixels = np.asarray(pytest.importorskip("PIL.Image").open(picture).convert("RGB"))
    assert pixels.shape == (1600, 1280, 3)
    # A page of pictures has thousands of colours, an empty one a handful.
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000


@pytest.mark.slow
def test_a_complaint_of_the_browser_is_heard(browser: list[str], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    policy = "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">"
    path.write_text(f"<!doctype html>{policy}<p style='color:red'>red</p>", "utf-8")

    assert "CONSOLE" in shown(browser, path, "--dump-dom").stderr
