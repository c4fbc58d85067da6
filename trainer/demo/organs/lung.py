"""Lung: closed alveoli among torn air spaces, with airways and vessels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.demo.frame import Frame, Points, along
from trainer.demo.shapes import apart, blob, fill
from trainer.demo.tissue import Part, Tissue, blank, grow, place, vessel


def draw(frame: Frame) -> Tissue:
    """A field of lung; the units are groups of closed alveoli, walls included.

    Outside the units the septa are torn and the air spaces run together.
    """
    tissue = blank(frame, Part.GLASS)
    tissue.angle[:] = frame.noise(90) * 2
    rng = frame.rng
    group = np.zeros(frame.shape, np.int32)
    for number, centre in enumerate(apart(rng, int(rng.integers(3, 8)), 260), start=1):
        fill(
            frame, group, blob(rng, centre, rng.uniform(70, 130), rng.uniform(1, 1.7), 0.09), number
        )
    cells = _air_spaces(frame, group)
    owner = _owners(frame, group, cells)
    tissue.units[:] = owner
    _septa(frame, tissue, cells)
    _septum(frame, tissue)
    for centre in apart(rng, int(rng.integers(1, 4)), 260):
        _airway(frame, tissue, centre)
    wall = tissue.parts == Part.SEPTUM
    tissue.nuclei.append(grow(frame, wall, 7.6, (3.4, 2.2)))
    _macrophages(frame, tissue)
    return tissue


def _air_spaces(frame: Frame, group: NDArray) -> NDArray[np.int32]:
    """Numbers of the air spaces: small ones in the groups, wide ones elsewhere."""
    fine = frame.scatter(group > 0, 58)
    wide = frame.scatter(group == 0, 104)
    label = frame.nearest(np.concatenate([fine, wide])).astype(np.float32)
    return frame.warped(label, 6, 45).astype(np.int32)


def _owners(frame: Frame, group: NDArray, cells: NDArray) -> NDArray[np.int32]:
    """The group that each air space's middle lies in: units follow septa, not the group's rim."""
    count = int(cells.max()) + 1
    votes = np.zeros((count, int(group.max()) + 1), np.int64)
    np.add.at(votes, (cells.ravel()[::7], group.ravel()[::7]), 1)
    return votes.argmax(1)[cells].astype(np.int32)


def _septa(frame: Frame, tissue: Tissue, cells: NDArray) -> None:
    border = np.zeros(frame.shape, bool)
    border[:, 1:] |= cells[:, 1:] != cells[:, :-1]
    border[1:] |= cells[1:] != cells[:-1]
    away = frame.depth(~border)
    away = frame.blur(np.minimum(away, 22), 6)
    thick = 6.1 + 1.1 * frame.noise(45) + 0.9 * frame.noise(14) + 0.7 * frame.noise(7)
    unit = tissue.units > 0
    rim = cv2.dilate(unit.astype(np.uint8), np.ones((frame.odd(9),) * 2, np.uint8)) > 0
    torn = ~rim & (frame.noise(75, 2) > 0.0)
    septum = (away < np.maximum(thick, 4.2)) & ~torn
    collapsed = ~rim & (frame.noise(190) > 0.45) & (np.abs(frame.noise(24, 2)) < 0.40)
    tissue.parts[septum | collapsed] = Part.SEPTUM


def _septum(frame: Frame, tissue: Tissue) -> None:
    """An interlobular band of collagen, in some cases."""
    if frame.rng.random() < 0.4:
        return
    course = frame.noise(620)
    band = (np.abs(course) < 0.13) & (frame.noise(16, 2) > -2) & (tissue.units == 0)
    tissue.parts[band] = Part.STROMA
    tissue.angle[band] = along(frame, course, 10)[band]
    tissue.nuclei.append(grow(frame, band, 11, (4.6, 1.7), tissue.angle))


def _airway(frame: Frame, tissue: Tissue, centre: Points) -> None:
    """A bronchiole or an artery in its sleeve of connective tissue."""
    rng = frame.rng
    radius = rng.uniform(30, 75)
    sleeve = np.zeros(frame.shape, np.uint8)
    fill(frame, sleeve, blob(rng, centre, radius * 1.6, rng.uniform(1, 1.8), 0.10), 1)
    free = (sleeve > 0) & (tissue.units == 0)
    tissue.parts[free] = Part.STROMA
    tissue.nuclei.append(grow(frame, free, 12, (4.6, 1.7)))
    if rng.random() < 0.5:
        vessel(frame, tissue, centre, radius)
        return
    tube = np.zeros(frame.shape, np.uint8)
    fill(frame, tube, blob(rng, centre, radius, 1.2, 0.05), 1)
    inside = (tube > 0) & (tissue.units == 0)
    depth = np.where(inside, frame.depth(inside) + 2 * frame.noise(16), 0)
    tissue.parts[inside] = Part.MUSCLE
    tissue.parts[depth > 9] = Part.EPITHELIUM
    tissue.parts[depth > 27] = Part.GLASS
    outward = along(frame, depth, 4) + np.float32(np.pi / 2)
    tissue.nuclei.append(grow(frame, (depth > 10) & (depth < 18), 5.6, (4.2, 2.2), outward))


def _macrophages(frame: Frame, tissue: Tissue) -> None:
    """Lone round cells in the air."""
    air = frame.depth(tissue.parts == Part.GLASS)
    points = frame.scatter(air > 12, 85)
    points = points[frame.rng.random(len(points)) < 0.4]
    for point in points:
        fill(frame, tissue.parts, blob(frame.rng, point, 5.5, 1.1, 0.05), Part.PULP)
    tissue.nuclei.append(place(frame, points, (2.8, 2.4)))
