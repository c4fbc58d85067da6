"""Prostate: folded glandular acini in a fibromuscular stroma."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.demo.frame import Frame, along
from trainer.demo.shapes import apart, blob, fill
from trainer.demo.tissue import Part, Tissue, blank, grow, vessel


def draw(frame: Frame) -> Tissue:
    """A field of prostate; the units are acini: epithelium and lumen."""
    tissue = blank(frame, Part.MUSCLE)
    rng = frame.rng
    _acini(frame, tissue)
    solid = (tissue.units > 0).astype(np.float32)
    swirl = along(frame, 0.8 * frame.noise(330) + 2.2 * frame.blur(solid, 30), 18)
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
    parts[unit & (depth > height - 6) & (frame.noise(6, 2) > -0.2)] = Part.PALE
    parts[lumen] = Part.GLASS
    parts[unit & (depth < 1.4)] = Part.MEMBRANE
    _stones(frame, tissue, lumen, depth)
    wall = unit & ~lumen
    outward = along(frame, depth, 4) + np.float32(np.pi / 2)
    tissue.nuclei.append(grow(frame, wall & (depth > 3) & (depth < 8), 6.4, (3.9, 2.4), outward))
    tissue.nuclei.append(grow(frame, wall & (depth > 9.5), 7.6, (3.6, 2.5), outward))


def _stones(frame: Frame, tissue: Tissue, lumen: NDArray, depth: NDArray) -> None:
    """Corpora amylacea: layered secretion in a wide lumen, in some cases."""
    if frame.rng.random() < 0.55:
        return
    for point in frame.scatter(lumen & (depth > 36), 130)[:6]:
        stone = np.zeros(frame.shape, np.uint8)
        fill(frame, stone, blob(frame.rng, point, frame.rng.uniform(9, 20), 1.2, 0.03), 1)
        tissue.parts[(stone > 0) & lumen] = Part.SECRETION
