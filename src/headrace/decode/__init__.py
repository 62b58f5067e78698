"""Ready functions for `map` that decode what files hold.

hr.from_image_folder(path).map(hr.decode.image(size=(224, 224), field="image"))
"""

from __future__ import annotations

from headrace.decode.images import image
from headrace.decode.sounds import audio

__all__ = ["audio", "image"]
