"""One JSON of COCO's instance annotations; units as uncompressed run lengths, so exact."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.data import rle
from trainer.data.atomic import replacing
from trainer.data.case import Case, Mask


def write(path: Path, items: Iterable[tuple[Case, Mask]]) -> None:
    """Write images, categories (organs) and one annotation a connected unit.

    Raises
    ------
    ExportError
        If the file cannot be written; an earlier one is then still there.
    """
    images: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    number = 0
    with replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        file.write('{"annotations": [')
        for case, mask in items:
            images.append(_image(len(images) + 1, case, mask))
            category = categories.setdefault(case.organ, len(categories) + 1)
            for unit in _units(mask):
                file.write(",\n" if number else "\n")
                number += 1
                place = {"id": number, "image_id": len(images), "category_id": category}
                json.dump(place | unit, file)
        kinds = [{"id": key, "name": name} for name, key in categories.items()]
        file.write(f'],\n"images": {json.dumps(images)},\n"categories": {json.dumps(kinds)}}}\n')


def _image(number: int, case: Case, mask: Mask) -> dict[str, Any]:
    height, width = mask.shape
    return {"id": number, "file_name": case.image_path.name, "height": height, "width": width}


def _units(mask: Mask) -> Iterator[dict[str, Any]]:
    """Box, area and runs of every connected unit."""
    if mask.size == 0:
        return
    height, width = mask.shape
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    for label in range(1, count):
        x, y, w, h, area = boxes[label].tolist()
        # a row of zeros below keeps runs from going on in the next column of the box
        unit = np.pad(labels[y : y + h, x : x + w] == label, ((0, 1), (0, 0)))
        starts, lengths = rle.runs(unit)
        starts = (x + starts // (h + 1)) * height + y + starts % (h + 1)
        yield {
            "bbox": [x, y, w, h],
            "area": area,
            "iscrowd": 0,
            "segmentation": {
                "size": [height, width],
                "counts": _counts(starts, starts + lengths, height * width),
            },
        }


def _counts(starts: NDArray[np.int64], ends: NDArray[np.int64], pixels: int) -> list[int]:
    """Lengths of the stretches outside and inside in turn, outside first."""
    parted = starts[1:] > ends[:-1]
    starts, ends = starts[np.append(True, parted)], ends[np.append(parted, True)]
    edges = np.column_stack((starts, ends)).ravel()
    return np.diff(edges, prepend=0, append=pixels).tolist()
