"""napari's File → Save: the curated mask as a tiff, or as a row of RLE CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from trainer.data import rle, tiff
from trainer.data.atomic import replacing
from trainer.errors import ExportError


def write_mask(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Labels layer as a mask of 0 and 1, of the image's own size."""
    tiff.write_mask(Path(path), _mask(data, meta))
    return [path]


def write_rle(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a Labels layer as an ``id,rle`` csv of one row."""
    case_id = meta.get("metadata", {}).get("case", meta.get("name", "mask"))
    with replacing(Path(path)) as draft:
        draft.write_text(f"id,rle\n{case_id},{rle.encode(_mask(data, meta))}\n", encoding="utf-8")
    return [path]


def _mask(data: Any, meta: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    if not isinstance(data, np.ndarray) or data.ndim != 2:
        raise ExportError(
            f"the layer {meta.get('name', '')} is no single mask",
            remedy="select the layer `curated` and save that",
        )
    return (data > 0).astype(np.uint8)
