"""A folder of GeoJSON as QuPath reads it: one feature a connected unit, holes kept."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trainer.data import contours
from trainer.data.atomic import replacing_files
from trainer.data.case import Case, Mask


def write(folder: Path, items: Iterable[tuple[Case, Mask]]) -> None:
    """Write ``ID.geojson`` a case; coordinates are in pixels from the image's top left corner.

    `trainer.data.contours.read_annotation` gives the masks back exactly.

    Raises
    ------
    ExportError
        If they cannot all be written; then none is.
    """
    with replacing_files(folder) as draft:
        for case, mask in items:
            features = [_feature(case, polygon) for polygon in contours.to_polygons(mask)]
            collection = {"type": "FeatureCollection", "features": features}
            (draft / f"{case.id}.geojson").write_text(json.dumps(collection), encoding="utf-8")


def _feature(case: Case, polygon: contours.Polygon) -> dict[str, Any]:
    rings = [[*ring.tolist(), ring[0].tolist()] for ring in (polygon.outer, *polygon.holes)]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": rings},
        "properties": {"objectType": "annotation", "classification": {"name": case.organ}},
    }
