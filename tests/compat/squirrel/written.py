"""Files that squirrel-core 0.20.2 wrote, on NumPy with the `float_` that it needs."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

# What was given to `SquirrelStore.set`, once with each serializer.
RECORDS: list[dict[str, Any]] = [
    {"id": 3, "label": "zehn \u00fc", "pixels": np.arange(6, dtype="<u2").reshape(2, 3)},
    {"id": -5, "label": "", "pixels": np.zeros((0, 2), "<f4"), "box": [1.5, [2, None, True]]},
]
MESSAGEPACK = base64.b64decode(
    "H4sICHs3AmsC/2EAa16UmcK8NCcxKTVneVVqRp7C4T3LCjIrUnOKW48w5aUcPsJSUlmQutim1OgIS3ZmXsoRhiOs"
    "xRmJBamTmJiPsKQkliQe4WFgYGRgYmBmYGFgZWgBmvcbYt4CrAalmaAbxMAENYhhcVJ+xaTT9j8YwGAy04HDAECz"
    "5q2fAAAA"
)
JSONL = base64.b64decode(
    "H4sICHs3AmsC/2EAdY0xDoMwDEV3TmF5dqsQYKl6k5AhlCCQIopKItFGuXsdWMrQ7X9b/72IU483qAjQmc46zvix"
    "4wxtEGJ4IN+XabNu5UfE3njDQSlBUBJITaB4WhM0mjP692Iz4R5kXq6j2buSBJVOqYiH7dL86v44TryhPvFEdie+"
    "dM8t9/LKxGyZg3ME/hWs1qn4AgYx5R/dAAAA"
)
# What `Catalog.to_file` wrote.
CATALOG = """\
!YamlCatalog
version: 0.20.2
sources:
- !YamlSource
  identifier: a
  driver_name: csv
  driver_kwargs:
    url: 1.csv
  version: 1
  metadata: {}
- !YamlSource
  identifier: a
  driver_name: csv
  driver_kwargs:
    url: on
    storage_options:
      n: 10
      x: 1000.0
  version: 2
  metadata:
    time: 12:30
    zeros: '010'
    is: true
    none:
- !YamlSource
  identifier: both
  driver_name: source_combiner
  driver_kwargs:
    subsets:
      x: !CatalogKey
      - a
      - 1
  version: 1
  metadata: {}
"""
