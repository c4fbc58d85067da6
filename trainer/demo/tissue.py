"""What an organ is made of before it is stained: compartments, cells, units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.demo.frame import FIELD, Frame, Plane, Points


class Part(IntEnum):
    """A compartment of tissue, as the stains see it."""

    GLASS = 0
    STROMA = 1
    MUSCLE = 2
    EPITHELIUM = 3
    PALE = 4
    MUCUS = 5
    MEMBRANE = 6
    LYMPHOID = 7
    PULP = 8
    BLOOD = 9
    TUFT = 10
    SECRETION = 11
    SEPTUM = 12


@dataclass
class Cells:
    """Elliptic nuclei (or vacuoles): lengths in µm, angles in radians, one entry a cell."""

    at: Points
    long: NDArray[np.float32]
    short: NDArray[np.float32]
    angle: NDArray[np.float32]
    density: NDArray[np.float32]


@dataclass
class Tissue:
    """An organ, drawn.

    Attributes
    ----------
    parts
        Compartment of each pixel, uint8 (H, W).
    units
        Functional tissue units, numbered from 1, int32 (H, W).
    angle
        Direction of the fibres, radians, (H, W).
    """

    parts: NDArray[np.uint8]
    units: NDArray[np.int32]
    angle: Plane
    nuclei: list[Cells] = field(default_factory=list)


Organ = Callable[[Frame], Tissue]


def blank(frame: Frame, part: Part) -> Tissue:
    """A field of one compartment, without units."""
    return Tissue(
        parts=np.full(frame.shape, part, np.uint8),
        units=np.zeros(frame.shape, np.int32),
        angle=np.zeros(frame.shape, np.float32),
    )


def grow(
    frame: Frame,
    where: NDArray,
    spacing: float,
    size: tuple[float, float],
    angle: Plane | None = None,
) -> Cells:
    """Nuclei about `spacing` µm apart all over a boolean plane; see `place`."""
    return place(frame, frame.scatter(where, spacing), size, angle)


def place(frame: Frame, at: Points, size: tuple[float, float], angle: Plane | None = None) -> Cells:
    """Nuclei at points, (long, short) radii near `size` µm, turned along `angle` or at random."""
    rng, count = frame.rng, len(at)
    vary = rng.normal(1, 0.14, (3, count)).clip(0.6, 1.5).astype(np.float32)
    turn = rng.uniform(0, np.pi, count) if angle is None else frame.at(angle, at)
    return Cells(
        at=at,
        long=size[0] * vary[0],
        short=size[1] * vary[1],
        angle=(turn + rng.normal(0, 0.25, count)).astype(np.float32),
        density=vary[2] ** 2,
    )


def paint(frame: Frame, cells: Cells) -> Plane:
    """Cover of the cells, 0 to about 1.3: each pixel belongs to its nearest cell.

    A nucleus has a dark rim and clumps of chromatin, as far as the pixels can show.
    """
    if len(cells.at) == 0:
        return np.zeros(frame.shape, np.float32)
    dots = np.zeros(frame.shape, np.uint8)
    dots[frame.pixels(cells.at)] = 1
    near = cv2.dilate(dots, _disc(frame.odd(2.2 * float(cells.long.max())))) > 0
    ys, xs = np.nonzero(near)
    owner = frame.nearest(cells.at)[near]
    dx = (xs * np.float32(frame.um) - cells.at[owner, 0]).astype(np.float32)
    dy = (ys * np.float32(frame.um) - cells.at[owner, 1]).astype(np.float32)
    cos, sin = np.cos(cells.angle)[owner], np.sin(cells.angle)[owner]
    q = ((dx * cos + dy * sin) / cells.long[owner]) ** 2
    q += ((dy * cos - dx * sin) / cells.short[owner]) ** 2
    body = np.clip((1.15 - q) * 3, 0, 1) * (0.72 + 0.28 * np.minimum(q, 1))
    cover = np.zeros(frame.shape, np.float32)
    cover[near] = body * cells.density[owner]
    return cover


def vessel(frame: Frame, tissue: Tissue, centre: Points, radius: float) -> None:
    """An artery cut across: a muscular wall around a lumen that may hold blood."""
    ys, xs = np.indices(frame.shape, dtype=np.float32) * np.float32(frame.um)
    ripple = frame.noise(30) * radius * 0.08
    away = np.hypot(xs - centre[0], ys - centre[1]) + ripple
    wall = (away < radius) & (tissue.units == 0)
    lumen = wall & (away < radius * 0.55)
    tissue.parts[wall] = Part.MUSCLE
    tissue.parts[lumen] = Part.BLOOD if frame.rng.random() < 0.4 else Part.GLASS
    ring = np.arctan2(ys - centre[1], xs - centre[0]) + np.float32(np.pi / 2)
    tissue.angle[wall] = ring[wall]


def core(frame: Frame) -> NDArray[np.bool_]:
    """A punched core of about 1 mm: nearly round, its rim frayed."""
    ys, xs = np.indices(frame.shape, dtype=np.float32) * np.float32(frame.um)
    middle = FIELD / 2 + frame.rng.normal(0, 18, 2)
    radius = frame.rng.uniform(470, 530)
    oval = frame.rng.uniform(0.93, 1.07)
    away = np.hypot((xs - middle[0]) * oval, (ys - middle[1]) / oval)
    frayed = 9 * frame.noise(260) + 3.5 * frame.noise(28, octaves=3)
    return away + frayed < radius


def _disc(diameter: int) -> NDArray[np.uint8]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (diameter, diameter)).astype(np.uint8)
