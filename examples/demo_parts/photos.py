"""JPEG crops of real photographs, and the slow loader that decodes and augments them."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import skimage.data
from PIL import Image, ImageEnhance, ImageFilter
from sklearn.datasets import load_sample_image

import headrace as hr

SEED = 11
CROP_PIXELS = 256
JPEG_QUALITY = 90
# What the loader gives: (96, 96, 3) uint8.
PHOTO_PIXELS = 96
# How far it turns a photo, and how small a part of it it keeps.
MAX_DEGREES = 12
LEAST_PART = 0.55

Pixels = npt.NDArray[np.uint8]


def photographs() -> dict[str, Pixels]:
    """The photographs that scikit-learn and scikit-image bring along, by name."""
    shipped: Any = skimage.data  # Any: no types are published for it
    left, right, _ = shipped.stereo_motorcycle()
    return {
        "astronaut": shipped.astronaut(),
        "cat": shipped.chelsea(),
        "coffee": shipped.coffee(),
        "flower": load_sample_image("flower.jpg"),
        "galaxies": shipped.hubble_deep_field(),
        "motorcycle": left,
        "motorcycle2": right,
        "retina": shipped.retina(),
        "rocket": shipped.rocket(),
        "temple": load_sample_image("china.jpg"),
    }


def write_crops(folder: Path, count: int) -> None:
    """Writes `count` crops as 000000-cat.jpg and so on, once: this is the raw material."""
    if folder.is_dir():
        return
    aside = folder.with_name(folder.name + ".part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    rng = np.random.default_rng(SEED)
    sources = list(photographs().items())
    for number in range(count):
        name, pixels = sources[number % len(sources)]
        top, left = (int(rng.integers(side - CROP_PIXELS + 1)) for side in pixels.shape[:2])
        crop = Image.fromarray(pixels[top : top + CROP_PIXELS, left : left + CROP_PIXELS])
        crop.save(aside / f"{number:06d}-{name}.jpg", quality=JPEG_QUALITY)
    # Written aside and renamed: whoever stops the demo here leaves no half a folder.
    os.replace(aside, folder)


def slow_loader(folder: Path) -> hr.Stream[dict[str, Any]]:  # Any: arrays and text
    """Every JPEG of a folder, decoded and augmented; nothing runs before it is read."""
    return hr.from_files(folder).map(augmented, seeded=True, seed=SEED)


def augmented(file: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Decodes one JPEG, turns it, cuts a part out, changes its light, and blurs it a little.

    The loader gives `rng`: it depends on the seed and on the file's position, nothing else.
    """
    photo = Image.open(io.BytesIO(file["bytes"])).convert("RGB")
    photo = photo.rotate(rng.uniform(-MAX_DEGREES, MAX_DEGREES), Image.Resampling.BICUBIC)
    side = CROP_PIXELS * rng.uniform(LEAST_PART, 1.0)
    left, top = rng.uniform(0, CROP_PIXELS - side, size=2)
    photo = photo.resize(
        (PHOTO_PIXELS, PHOTO_PIXELS),
        Image.Resampling.LANCZOS,
        box=(left, top, left + side, top + side),
    )
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        photo = change(photo).enhance(rng.uniform(0.8, 1.2))
    photo = photo.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1)))
    name = Path(file["path"]).stem.partition("-")[2]
    return {"pixels": np.asarray(photo), "photograph": name}
