"""Prostate: folded glandular acini in a fibromuscular stroma."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.demo.frame import Frame, Plane, along
from trainer.demo.shapes import apart, blob, fill
from trainer.demo.tissue import Part, Tissue, blank, grow, vessel


def draw(frame: Frame) -> Tissue:
    """A field of prostate; the units are acini: epithelium and lumen."""
    tissue = blank(frame, Part.MUSCLE)
    rng = frame.rng
    _acini(frame, tissue)
    swirl = _bundles(frame, tissue)
    tissue.angle[:] = swirl
    loose = frame.noise(120, 2) > 0.2
    tissue.parts[loose & (tissue.units == 0)] = Part.STROMA
    _epithelium(frame, tissue)
    for centre in apart(rng, 3, 220):
        vessel(frame, tissue, centre, rng.uniform(11, 24))
    stroma = np.isin(tissue.parts, (Part.MUSCLE, Part.STROMA))
    split = stroma & (frame.fibres(swirl, 60) < -2.35)
    tissue.parts[split] = Part.GLASS
    tissue.nuclei.append(grow(frame, stroma, 15, (5.0, 1.6), swirl))
    return tissue


def _bundles(frame: Frame, tissue: Tissue) -> Plane:
    """Directions of the muscle: around the acini near by, its own way farther off."""
    away = frame.depth(tissue.units == 0)
    around = along(frame, away, 14)
    own = 1.3 * frame.noise(380, 2) + np.float32(frame.rng.uniform(0, np.pi))
    near = np.exp(-((away / 48) ** 2))
    cos = near * np.cos(2 * around) + (1 - near) * np.cos(2 * own)
    sin = near * np.sin(2 * around) + (1 - near) * np.sin(2 * own)
    return np.arctan2(sin, cos) / 2


def _acini(frame: Frame, tissue: Tissue) -> None:
    """Lobules of acini: each a cluster around a duct, septa between."""
    rng = frame.rng
    count = 0
    for lobule in apart(rng, int(rng.integers(3, 6)), 300, reach=400):
        for _ in range(int(rng.integers(14, 34))):
            centre = lobule + rng.normal(0, 95, 2)
            radius = rng.uniform(30, 105)
            trial = np.zeros(frame.shape, np.uint8)
            outline = blob(rng, centre, radius, rng.uniform(1, 2.6), 0.13)
            fill(frame, trial, outline, 1)
            if rng.random() < 0.6:
                beside = centre + rng.normal(0, radius * 0.8, 2)
                fill(frame, trial, blob(rng, beside, radius * 0.6, 1.3, 0.08), 1)
            septum = cv2.dilate(trial, np.ones((frame.odd(11),) * 2, np.uint8)) > 0
            if trial.any() and not tissue.units[septum].any():
                count += 1
                tissue.units[trial > 0] = count


def _epithelium(frame: Frame, tissue: Tissue) -> None:
    """Basal and luminal cells on the wall; folds and papillae into the lumen."""
    unit = tissue.units > 0
    depth = frame.depth(unit)
    fold = 1 + 0.55 * frame.noise(34) + 0.38 * frame.noise(15)
    height = 21 * frame.rng.uniform(0.85, 1.25) * np.maximum(fold, 0.45)
    lumen = unit & (depth > height)
    parts = tissue.parts
    parts[unit] = Part.EPITHELIUM
    parts[unit & (depth > height - 9) & (frame.noise(5, 2) > -0.5)] = Part.PALE
    parts[lumen] = Part.GLASS
    parts[unit & (depth < 1.4)] = Part.MEMBRANE
    _stones(frame, tissue, lumen, depth)
    wall = unit & ~lumen
    outward = along(frame, depth, 4) + np.float32(np.pi / 2)
    tissue.nuclei.append(grow(frame, wall & (depth > 3) & (depth < 8), 6.4, (3.9, 2.4), outward))
    tissue.nuclei.append(grow(frame, wall & (depth > 9.5) & (depth < 18), 8.2, (3.6, 2.5), outward))


def _stones(frame: Frame, tissue: Tissue, lumen: NDArray, depth: NDArray) -> None:
    """Corpora amylacea: layered secretion in a wide lumen, in some cases."""
    if frame.rng.random() < 0.55:
        return
    for point in frame.scatter(lumen & (depth > 36), 130)[:6]:
        stone = np.zeros(frame.shape, np.uint8)
        fill(frame, stone, blob(frame.rng, point, frame.rng.uniform(9, 20), 1.2, 0.03), 1)
        tissue.parts[(stone > 0) & lumen] = Part.SECRETION
