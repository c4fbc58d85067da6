"""Masks and polygons, and the outline that is shown of a mask."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from trainer.data.case import Mask
from trainer.errors import MaskError

Ring = NDArray[np.int32]
"""Corners of a closed line, (N, 2) as x, y; the first is not repeated at the end."""

_FARTHEST = 1e6
"""Of a coordinate from the image's top left corner, in pixels."""


class Polygon(NamedTuple):
    """One connected piece of a mask, its rings along the pixels' edges."""

    outer: Ring
    holes: list[Ring]


def to_mask(polygons: Sequence[ArrayLike], shape: tuple[int, int]) -> Mask:
    """Mask of the competition's polygons.

    A vertex is a pixel, not a pixel's corner, and the pixels of the boundary belong to
    the polygon. What lies outside the image is cut off. So filled, 109 of 110 of the
    competition's own polygon files give its run lengths pixel by pixel, but one row lower
    (Dice as they are 0.995): its csv numbers pixels one too low.

    Parameters
    ----------
    polygons
        Each a list of [x, y].
    shape
        (H, W) in pixels.
    """
    mask = np.zeros(shape, np.uint8)
    for polygon in polygons:
        points = np.asarray(polygon, np.float64).reshape(-1, 2)
        if len(points):
            cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 1)
    return mask


def to_polygons(mask: Mask) -> list[Polygon]:
    """Polygons that hold a mask exactly.

    Coordinates are corners of pixels, so the pixel (x, y) spans x to x + 1: `fill` and any
    program that asks for a pixel's centre gives the mask back. Pixels that touch only at a
    corner go to different polygons, so that every polygon is valid (no ring meets itself).

    Parameters
    ----------
    mask
        uint8 (H, W).
    """
    if mask.size == 0:
        return []
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    polygons = []
    for label in range(1, count):
        x, y, width, height = boxes[label, :4].tolist()
        piece = (labels[y : y + height, x : x + width] == label).view(np.uint8)
        polygons.append(_trace(piece, (x, y)))
    return polygons


def fill(rings: Sequence[ArrayLike], shape: tuple[int, int]) -> Mask:
    """Mask of the pixels whose centre lies within an odd number of rings.

    Parameters
    ----------
    rings
        Outer rings and holes, each (N, 2) as x, y in pixels, whole or broken, from the
        image's top left corner.
    shape
        (H, W) in pixels.
    """
    return _union(iter([list(rings)]), shape)


def read_annotation(path: Path, shape: tuple[int, int]) -> Mask:
    """Mask of an annotation file: the competition's JSON, or GeoJSON.

    Parameters
    ----------
    path
        A JSON list of polygons (see `to_mask`), or GeoJSON features whose coordinates are
        corners of pixels (see `fill`).
    shape
        (H, W) in pixels.

    Raises
    ------
    MaskError
        If the file cannot be read as either.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if _is_geojson(content):
            return _union(_geojson_polygons(content), shape)
        return to_mask([_points(polygon) for polygon in content], shape)
    except OSError as error:
        raise MaskError(f"cannot be read ({error.strerror})", file=path) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MaskError(
            f"cannot be read ({error})", file=path, remedy="correct the file, or take it away"
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise MaskError(
            "holds neither a list of polygons ([[x, y], ...]) nor GeoJSON features",
            file=path,
            remedy="correct the file, or take it away",
        ) from error


def outline(mask: Mask, thickness: int, dash: int = 0) -> Mask:
    """The band along a mask's inner boundary.

    The image's edge is a boundary too, so that a unit that is cut by it stays closed.

    Parameters
    ----------
    mask
        uint8 (H, W).
    thickness
        Of the band, in pixels.
    dash
        Length of a dash and of the gap after it, in pixels along the boundary; 0 for an
        unbroken line.
    """
    if mask.size == 0:
        return np.zeros_like(mask)
    kernel = np.ones((2 * thickness + 1, 2 * thickness + 1), np.uint8)
    inside = cv2.erode(mask, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    band = np.asarray(cv2.subtract(mask, inside), np.uint8)
    return band & _dashes(mask, thickness, dash) if dash else band


def _dashes(mask: Mask, thickness: int, dash: int) -> Mask:
    """Every second stretch of the boundary, widened to reach through the band."""
    reach = 2 * thickness + 1
    marks = np.zeros_like(mask)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for contour in contours:
        length = len(contour)
        periods = max(1, round(length / (2 * dash)))
        # widening lengthens a dash by its reach, so it starts shorter
        drawn = max(1.0, length / periods / 2 - reach + 1)
        along = np.arange(length) % (length / periods)
        x, y = contour[along < drawn, 0].T
        marks[y, x] = 1
    return np.asarray(cv2.dilate(marks, np.ones((reach, reach), np.uint8)), np.uint8)


def _trace(piece: Mask, offset: tuple[int, int]) -> Polygon:
    """Polygon of one connected piece; in the doubled image every edge has its own pixels."""
    doubled = np.repeat(np.repeat(piece, 2, axis=0), 2, axis=1)
    contours, hierarchy = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    rings = [_corners((contour[:, 0] + 1) // 2, offset) for contour in contours]
    holes = [ring for ring, links in zip(rings, hierarchy[0], strict=True) if links[3] >= 0]
    outer = next(ring for ring, links in zip(rings, hierarchy[0], strict=True) if links[3] < 0)
    return Polygon(outer, holes)


def _corners(points: NDArray[Any], offset: tuple[int, int]) -> Ring:
    """The points where a ring turns, moved by an offset."""
    points = points[np.any(points != np.roll(points, 1, axis=0), axis=1)]
    before = points - np.roll(points, 1, axis=0)
    after = np.roll(points, -1, axis=0) - points
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    return (points[turns] + offset).astype(np.int32)


def _crossings(
    ring: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where a ring crosses the rows' centre lines: row, and first column right of it."""
    height, width = shape
    ends = np.roll(ring, -1, axis=0)
    low, high = np.minimum(ring[:, 1], ends[:, 1]), np.maximum(ring[:, 1], ends[:, 1])
    first = np.clip(np.ceil(low - 0.5), 0, height).astype(np.intp)
    last = np.clip(np.ceil(high - 0.5), 0, height).astype(np.intp)
    counts = last - first
    edge = np.repeat(np.arange(len(ring)), counts)
    rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    slope = (ends[edge, 0] - ring[edge, 0]) / (ends[edge, 1] - ring[edge, 1])
    x = ring[edge, 0] + (rows + 0.5 - ring[edge, 1]) * slope
    return rows, np.clip(np.ceil(x - 0.5), 0, width).astype(np.intp)


def _is_geojson(content: Any) -> bool:
    return isinstance(content, dict) or bool(content and isinstance(content[0], dict))


def _geojson_polygons(content: Any) -> Iterator[list[Any]]:
    """Rings of every polygon of a feature collection, or of a bare list of features."""
    for feature in content["features"] if isinstance(content, dict) else content:
        geometry = feature["geometry"]
        parts = geometry["coordinates"]
        yield from parts if geometry.get("type") == "MultiPolygon" else [parts]


def _union(polygons: Iterator[list[Any]], shape: tuple[int, int]) -> Mask:
    mask = np.zeros(shape, np.uint8)
    for polygon in polygons:
        rings = [_points(ring) for ring in polygon]
        x, y, right, bottom = _box(rings, shape)
        piece = np.zeros((bottom - y, right - x), np.uint8)
        _toggle(piece, [ring - (x, y) for ring in rings])
        mask[y:bottom, x:right] |= piece
    return mask


def _box(rings: Sequence[NDArray[np.float64]], shape: tuple[int, int]) -> list[int]:
    """Left, top, right and bottom of what the rings may fill of an image."""
    points = np.concatenate([np.zeros((0, 2)), *rings])
    if not points.size:
        return [0, 0, 0, 0]
    limits = (shape[1], shape[0])
    low = np.clip(np.floor(points.min(axis=0)), 0, limits)
    high = np.clip(np.ceil(points.max(axis=0)), 0, limits)
    return [int(value) for value in (*low, *high)]


def _toggle(mask: Mask, rings: Sequence[NDArray[np.float64]]) -> None:
    """Turn over the pixels within each ring."""
    height, width = mask.shape
    toggles = np.zeros((height, width + 1), np.uint8)
    for ring in rings:
        np.add.at(toggles, _crossings(ring, mask.shape), 1)
    # sums wrap at 256, which leaves odd odd
    mask ^= np.cumsum(toggles[:, :-1], axis=1, dtype=np.uint8) & 1


def _points(values: Any) -> NDArray[np.float64]:
    points = np.asarray(values, np.float64)
    if points.size and (points.ndim != 2 or points.shape[1] != 2):
        raise ValueError("a polygon is a list of [x, y]")
    if not (np.abs(points) <= _FARTHEST).all():
        raise ValueError("a coordinate is not finite, or far out of any image")
    return points.reshape(-1, 2)
