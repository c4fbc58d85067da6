"""Renal cortex: glomeruli in their capsules among packed tubules."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trainer.demo.frame import FIELD, Frame, Plane
from trainer.demo.shapes import apart, blob, fill
from trainer.demo.tissue import Part, Tissue, blank, grow, vessel


def draw(frame: Frame) -> Tissue:
    """A field of renal cortex; the units are glomeruli with Bowman's capsule and space."""
    tissue = blank(frame, Part.STROMA)
    rng = frame.rng
    for number, centre in enumerate(apart(rng, int(rng.integers(3, 7)), 215), start=1):
        outline = blob(rng, centre, rng.uniform(58, 88), rng.uniform(1, 1.35), 0.045)
        fill(frame, tissue.units, outline, number)
    _tubules(frame, tissue)
    _glomeruli(frame, tissue)
    for centre in apart(rng, 2, 300):
        vessel(frame, tissue, centre, rng.uniform(16, 34))
    interstitium = tissue.parts == Part.STROMA
    tissue.nuclei.append(grow(frame, interstitium, 13, (4.2, 1.7)))
    return tissue


def _seeds(frame: Frame, units: NDArray) -> NDArray[np.uint8]:
    """Axes of the tubules as black curves, the glomeruli as black discs, all apart."""
    rng = frame.rng
    solid = (units > 0).astype(np.uint8)
    free = 1 - cv2.erode(solid, _square(frame, 40))
    swirl = frame.noise(420) * 1.1 + rng.uniform(0, np.pi)
    everywhere = np.ones(frame.shape, bool)
    taken = cv2.dilate(solid, _square(frame, 40))
    for point in frame.scatter(everywhere, 47):
        length = rng.exponential(26) if rng.random() < 0.6 else 0.0
        turn = float(frame.at(swirl, point[None])[0]) + rng.normal(0, 0.35)
        half = length / 2 * np.array([np.cos(turn), np.sin(turn)])
        ends = [tuple(int(v) for v in (point + sign * half) / frame.um) for sign in (-1, 1)]
        samples = np.array([point - half, point, point + half]).clip(0, FIELD - 1)
        if frame.at(taken, samples).any():
            continue
        cv2.line(free, ends[0], ends[1], 0, 2)
        cv2.line(taken, ends[0], ends[1], 1, frame.odd(58))
    return free


def _tubules(frame: Frame, tissue: Tissue) -> None:
    rng = frame.rng
    free = _seeds(frame, tissue.units)
    _, label = cv2.distanceTransformWithLabels(
        free, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP
    )
    label = frame.warped(label, 3.5, 38)
    border = np.zeros(frame.shape, bool)
    border[:, 1:] |= label[:, 1:] != label[:, :-1]
    border[1:] |= label[1:] != label[:-1]
    depth = frame.depth(~border)
    rounded = frame.blur(np.minimum(depth, 16), 5.5)
    gap = 4.9 + 0.7 * frame.noise(120) + 0.4 * frame.noise(16)
    inside = (rounded > gap) & (tissue.units == 0)
    solid = (tissue.units > 0).astype(np.uint8)
    around = cv2.dilate(solid, _square(frame, 7)) > 0
    inside &= ~around & ~np.isin(label, np.unique(label[cv2.erode(solid, _square(frame, 46)) > 0]))
    depth = frame.depth(inside)
    kinds = int(label.max()) + 1
    widest = np.asarray(ndimage.maximum(depth, label, np.arange(kinds))).clip(4)
    relative = depth / widest[label]
    proximal = rng.random(kinds) < 0.68
    opening = np.where(proximal, rng.uniform(0.78, 1.2, kinds), rng.uniform(0.45, 0.68, kinds))
    lumen = inside & (relative + 0.10 * frame.noise(7, 2) > opening[label])
    parts = tissue.parts
    parts[inside] = np.where(proximal[label], Part.EPITHELIUM, Part.PALE)[inside]
    parts[inside & (depth < 1.3)] = Part.MEMBRANE
    parts[lumen] = Part.GLASS
    _slits(frame, tissue, inside, gap)
    cells = inside & ~lumen & (relative > 0.22) & (relative < 0.62)
    tissue.nuclei.append(grow(frame, cells, 12.5, (3.2, 2.9)))


def _slits(frame: Frame, tissue: Tissue, inside: NDArray, gap: Plane) -> None:
    """Peritubular capillaries, and cracks where three tubules meet."""
    away = frame.depth(~inside & (tissue.units == 0))
    slit = (away > 2.3 + 0.5 * frame.noise(9)) & (frame.noise(30) > 0.25)
    tissue.parts[slit] = Part.GLASS
    tissue.angle[:] = frame.noise(60) * 2


def _glomeruli(frame: Frame, tissue: Tissue) -> None:
    unit = tissue.units > 0
    depth = frame.depth(unit)
    space = 4.5 + 4.0 * frame.noise(60) + 2.5 * frame.noise(26)
    tuft = unit & (depth > np.maximum(space, 2.5))
    parts = tissue.parts
    parts[unit] = Part.GLASS
    parts[tuft] = Part.TUFT
    loops = frame.noise(10)
    parts[tuft & (loops > 0.8) & (depth > 9)] = Part.GLASS
    lobes = np.abs(frame.noise(48))
    parts[tuft & (lobes < 0.06)] = Part.GLASS
    parts[unit & (depth < 2.0)] = Part.MEMBRANE
    tissue.nuclei.append(grow(frame, parts == Part.TUFT, 7.2, (3.2, 2.6)))


def _square(frame: Frame, length: float) -> NDArray[np.uint8]:
    return np.ones((frame.odd(length),) * 2, np.uint8)
