"""The geometry of a crop: every move, turn, stretch and bend of it as one resampling.

Elastic bends as Ronneberger et al. draw them, "U-Net", MICCAI (2015): random moves of a coarse
grid's points, smooth between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.settings import Changes
from trainer.train.chance import amount, either, factor, happens

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

_POINTS = 6
"""Of the elastic grid, a side."""

_CELLS = 5
"""Of the grid distortion, a side."""

_FINEST = 0.7
"""Zoom below which linear interpolation skips pixels: then the image is averaged first."""


@dataclass(frozen=True, slots=True)
class Warp:
    """Where the pixels of a square crop come from.

    Attributes
    ----------
    side
        Of the crop, in pixels.
    matrix
        float64 (2, 2): from the crop's (x, y) about its centre to the image's.
    centre
        (x, y) in the image that the crop's centre shows.
    bend
        float32 (side, side, 2): moves of (x, y) in the crop, made first; None for none.
    """

    side: int
    matrix: Doubles
    centre: tuple[float, float]
    bend: Floats | None = None

    @property
    def coarser(self) -> float:
        """How many of the image's pixels a pixel of the crop is wide, on average."""
        return math.sqrt(abs(float(np.linalg.det(self.matrix))))

    def crop(
        self, image: NDArray[np.uint8], coverage: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The crop of an image (h, w, 3) and its coverage (h, w); beyond the edge mirrored.

        Both are resampled as one picture of four channels: once, and faster than three are.
        """
        whole, scale = self._coarse_enough(cv2.merge([image, coverage]))
        matrix = scale[:, None] * self.matrix
        middle = scale * (np.array(self.centre) + 0.5) - 0.5
        half, how = (self.side - 1) / 2, cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        if self.bend is None:
            about = np.column_stack([matrix, middle - matrix @ (half, half)])
            size, edge = (self.side, self.side), cv2.BORDER_REFLECT_101
            found = cv2.warpAffine(whole, about, size, flags=how, borderMode=edge)
        else:
            about = np.column_stack([matrix, middle])
            x, y = cv2.split(cv2.transform(_grid(self.side) + self.bend, about))
            found = cv2.remap(whole, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        colours = cv2.cvtColor(found, cv2.COLOR_RGBA2RGB)
        return np.asarray(colours, np.uint8), np.asarray(cv2.extractChannel(found, 3), np.uint8)

    def _coarse_enough(self, part: cv2.typing.MatLike) -> tuple[cv2.typing.MatLike, Doubles]:
        """The picture averaged to about the crop's resolution, and its new size as a share."""
        zoom = 1 / max(np.linalg.norm(self.matrix, axis=1).max(), 1e-6)
        if zoom >= _FINEST:
            return part, np.ones(2)
        height, width = part.shape[:2]
        size = (max(1, round(width * zoom)), max(1, round(height * zoom)))
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        return small, np.array(size) / (width, height)


def draw(
    changes: Changes,
    side: int,
    shape: tuple[int, int],
    rng: np.random.Generator,
    on: tuple[float, float] | None = None,
    share: float = 1.0,
) -> Warp:
    """A random crop of an image.

    Parameters
    ----------
    changes
        Its organ's.
    side
        Of the crop, in pixels.
    shape
        (h, w) of the image.
    rng
        All chance.
    on
        (row, column) that it is laid on; anywhere if None. It stays within the image where
        that is large enough.
    share
        Of the image's size that the crop shows it at, before chance changes that.
    """
    reach = round(side / share)
    places = (None, None) if on is None else on
    row, column = (
        _middle(length, reach, place, rng) for length, place in zip(shape, places, strict=True)
    )
    move = [reach * either(changes.shift, rng) for _ in "xy"]
    centre = (column + move[0], row + move[1])
    return Warp(side, _matrix(changes, rng) / share, centre, _bend(changes, side, rng))


def _middle(length: int, side: int, place: float | None, rng: np.random.Generator) -> float:
    """Where a crop's middle lies along an axis of an image `length` pixels long."""
    half, free = (side - 1) / 2, length - side
    if free <= 0:
        # a whole number of pixels beyond the edge, so that nothing is blurred
        return half + free // 2
    if place is None:
        return half + int(rng.integers(free + 1))
    return half + min(max(round(place - half), 0), free)


def _matrix(changes: Changes, rng: np.random.Generator) -> Doubles:
    turn = math.radians(either(changes.rotate, rng))
    zoom, wide = factor(changes.scale, rng), math.sqrt(factor(changes.aspect, rng))
    cosine, sine = math.cos(turn), math.sin(turn)
    matrix = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([1 / wide, wide]) / zoom
    if changes.flips:
        signs = [1.0 if happens(0.5, rng) else -1.0 for _ in "xy"]
        matrix = matrix @ np.diag(signs)
        if happens(0.5, rng):
            matrix = matrix[:, ::-1]
    return np.ascontiguousarray(matrix)


def _bend(changes: Changes, side: int, rng: np.random.Generator) -> Floats | None:
    """All bends together: their moves are added."""
    moves = [
        move
        for move in (
            _elastic(side * amount(changes.elastic, rng), side, rng),
            _cells(amount(changes.grid, rng), side, rng),
            _lens(either(changes.optical, rng), side),
        )
        if move is not None
    ]
    return sum(moves[1:], moves[0]) if moves else None


def _elastic(reach: float, side: int, rng: np.random.Generator) -> Floats | None:
    if reach == 0:
        return None
    points = rng.uniform(-reach, reach, (_POINTS, _POINTS, 2)).astype(np.float32)
    return np.asarray(cv2.resize(points, (side, side), interpolation=cv2.INTER_CUBIC), np.float32)


def _cells(change: float, side: int, rng: np.random.Generator) -> Floats | None:
    """Columns and rows of cells, each drawn out or pressed together, their sum as before."""
    if change == 0:
        return None
    lines = np.linspace(0, side - 1, _CELLS + 1)
    moves = []
    for _ in "xy":
        widths = 1 + rng.uniform(-change, change, _CELLS)
        ends = np.concatenate([[0], np.cumsum(widths)]) * (side - 1) / widths.sum()
        moves.append(np.interp(np.arange(side), lines, ends) - np.arange(side))
    both = np.broadcast_arrays(moves[0][None, :], moves[1][:, None])
    return np.stack(both, axis=-1).astype(np.float32)


def _lens(k: float, side: int) -> Floats | None:
    """Radial: r becomes r (1 + k r²), r being 1 in the middle of a side (Brown, 1966)."""
    if k == 0:
        return None
    grid = _grid(side)
    square = (grid**2).sum(-1, keepdims=True) / max((side - 1) / 2, 0.5) ** 2
    return np.asarray(np.float32(k) * square * grid, np.float32)


def _grid(side: int) -> Floats:
    """float32 (side, side, 2): (x, y) of each pixel about the crop's centre."""
    line = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)
    return np.stack(np.meshgrid(line, line), axis=-1)
