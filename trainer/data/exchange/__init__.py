"""Formats that other tools read, one module each."""

from typing import Literal

What = Literal["truth", "curated", "prediction"]
"""Whose masks are exchanged."""

Format = Literal["rle", "tiff", "png", "ome-tiff", "geojson", "coco"]
"""In which format."""
