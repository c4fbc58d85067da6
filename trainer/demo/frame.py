"""The field of view that an organ is drawn in, and the randomness it is drawn with."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

FIELD = 1200.0
"""Side of every field of view in µm; a tissue core of 1 mm fits in, as in the competition."""

Plane = NDArray[np.floating]
"""One number a pixel, float32, (H, W)."""

Points = NDArray[np.float64]
"""(N, 2): x, y in µm."""


@dataclass(frozen=True)
class Frame:
    """A square field of view of `FIELD` µm, rendered in size x size pixels.

    All lengths that organs are drawn with are in µm, so that a drawing of
    another size is the same kind of tissue at another magnification.
    """

    size: int
    rng: np.random.Generator
    um: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "um", FIELD / self.size)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in pixels."""
        return self.size, self.size

    def odd(self, length: float) -> int:
        """A length in µm as an odd number of pixels, at least 1."""
        return 2 * round(length / self.um / 2) + 1

    def blur(self, plane: NDArray, sigma: float) -> Plane:
        """The plane smoothed with a Gaussian of `sigma` µm."""
        pixels = max(sigma / self.um, 0.1)
        return np.asarray(cv2.GaussianBlur(plane.astype(np.float32), (0, 0), pixels), np.float32)

    def noise(self, scale: float, octaves: int = 1) -> Plane:
        """Smooth noise, mean 0 and deviation about 1, with features of `scale` µm.

        Every further octave halves the features and their weight.
        """
        total = np.zeros(self.shape, np.float32)
        for octave in range(octaves):
            cells = int(min(np.ceil(FIELD / scale * 2**octave) + 3, self.size))
            coarse = self.rng.standard_normal((cells, cells), dtype=np.float32)
            plane = cv2.resize(coarse, self.shape, interpolation=cv2.INTER_CUBIC)
            total += plane / max(float(plane.std()), 1e-6) / 2**octave
        return total / float(np.sqrt(sum(0.25**octave for octave in range(octaves))))

    def depth(self, inside: NDArray) -> Plane:
        """Distance in µm of each inside pixel to the nearest outside one."""
        solid = inside.astype(np.uint8)
        return cv2.distanceTransform(solid, cv2.DIST_L2, cv2.DIST_MASK_5) * np.float32(self.um)

    def warped(self, plane: NDArray, amplitude: float, scale: float) -> NDArray:
        """The plane pulled about by smooth displacements of `amplitude` µm."""
        ys, xs = np.indices(self.shape, dtype=np.float32)
        push = np.float32(amplitude / self.um)
        xs += push * self.noise(scale)
        ys += push * self.noise(scale)
        return cv2.remap(plane, xs, ys, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT_101)

    def pixels(self, points: Points) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns of the pixels that points in µm lie in, or are nearest to."""
        index = (points / self.um).astype(np.intp).clip(0, self.size - 1)
        return index[:, 1], index[:, 0]

    def nearest(self, points: Points) -> NDArray[np.intp]:
        """Index of the point that each pixel is nearest to, (H, W)."""
        middles = self.pixels(points)
        free = np.ones(self.shape, np.uint8)
        free[middles] = 0
        _, label = cv2.distanceTransformWithLabels(
            free, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        label = np.asarray(label, np.intp)
        owner = np.zeros(int(label.max()) + 1, np.intp)
        owner[label[middles]] = np.arange(len(points))
        return owner[label]

    def at(self, plane: NDArray, points: Points) -> NDArray:
        """Values of a plane at points in µm."""
        return plane[self.pixels(points)]

    def scatter(self, where: NDArray, spacing: float) -> Points:
        """Points about `spacing` µm apart, never much closer, all over a boolean plane."""
        step = spacing / 5
        axis = np.arange(0, FIELD, step)
        grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        grid = grid + self.rng.uniform(0, step, grid.shape)
        lottery = self.rng.random(len(grid), dtype=np.float32)
        lottery[~self.at(where, grid).astype(bool)] = -1
        board = lottery.reshape(len(axis), len(axis))
        near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
        winner = (board >= cv2.dilate(board, near)) & (board >= 0)
        return grid[winner.ravel()]

    def fibres(self, angle: Plane, length: float = 36.0) -> Plane:
        """Streaks of `length` µm along the directions of `angle` (radians), deviation 1.

        Line integral convolution (Cabral & Leedom, SIGGRAPH 1993), on a
        grid of at most 1200 pixels a side.
        """
        side = min(self.size, 1200)
        small = cv2.resize(angle, (side, side), interpolation=cv2.INTER_NEAREST)
        grain = self.rng.standard_normal((side, side), dtype=np.float32)
        dx, dy = np.cos(small), np.sin(small)
        total = grain.copy()
        ys, xs = np.indices(small.shape, dtype=np.float32)
        stride = length / 24 / (FIELD / side)
        for step in np.arange(-12, 13):
            far = np.float32(step * stride)
            total += cv2.remap(grain, xs + far * dx, ys + far * dy, cv2.INTER_LINEAR, None, 4)
        total = cv2.GaussianBlur(total, (0, 0), 0.8)
        total /= total.std()
        return cv2.resize(total, self.shape, interpolation=cv2.INTER_CUBIC)


def along(frame: Frame, potential: NDArray, smooth: float = 12.0) -> Plane:
    """Directions (radians) along the level lines of a potential."""
    soft = frame.blur(potential, smooth)
    dx = cv2.Sobel(soft, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    return np.arctan2(dy, dx) + np.float32(np.pi / 2)
