"""Colonic mucosa: crypts with goblet cells in a cellular lamina propria."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainer.demo.frame import FIELD, Frame, Plane, along
from trainer.demo.shapes import blob, fill
from trainer.demo.tissue import Part, Tissue, blank, grow, paint, vessel


def draw(frame: Frame) -> Tissue:
    """A field of colonic mucosa; the units are crypts cut across or aslant."""
    tissue = blank(frame, Part.STROMA)
    rng = frame.rng
    height = _height(frame)
    top, bottom = rng.uniform(-560, -230), rng.uniform(260, 560)
    mucosa = (height > top + 16) & (height < bottom - 12)
    _crypts(frame, tissue, mucosa)
    _walls(frame, tissue, height, (top, bottom))
    _epithelium(frame, tissue)
    apart = frame.depth(tissue.units == 0)
    propria = (tissue.parts == Part.STROMA) & (height < bottom) & (apart > 3.5)
    cracks = propria & (np.abs(frame.noise(30, 3)) < 0.12) & (frame.noise(110) > -0.1)
    tissue.parts[cracks] = Part.GLASS
    crowd = frame.noise(70, 2) > 0.1
    tissue.nuclei.append(grow(frame, propria & ~cracks & crowd, 6.6, (2.8, 2.4)))
    tissue.nuclei.append(grow(frame, propria & ~cracks & ~crowd, 11, (3.6, 1.8)))
    below = (height >= bottom) & (tissue.parts != Part.GLASS)
    tissue.nuclei.append(grow(frame, below, 15, (5.0, 1.6), tissue.angle))
    return tissue


def _height(frame: Frame) -> Plane:
    """µm below the middle of the mucosa, along a random direction."""
    turn = frame.rng.uniform(0, 2 * np.pi)
    ys, xs = np.indices(frame.shape, dtype=np.float32) * np.float32(frame.um) - FIELD / 2
    return np.float32(np.cos(turn)) * xs + np.float32(np.sin(turn)) * ys + 38 * frame.noise(330)


def _crypts(frame: Frame, tissue: Tissue, mucosa: NDArray) -> None:
    """Crypts in loose rows, with a few µm of lamina propria between any two."""
    rng = frame.rng
    aslant = rng.uniform(1.0, 1.5)
    for number, centre in enumerate(frame.scatter(mucosa, rng.uniform(58, 70)), start=1):
        radius = rng.uniform(31, 46)
        outline = blob(rng, centre, radius, aslant * rng.uniform(0.95, 1.35), 0.035)
        trial = np.zeros(frame.shape, np.uint8)
        fill(frame, trial, outline, 1)
        space = np.zeros(frame.shape, np.uint8)
        fill(frame, space, centre + (outline - centre) * 1.08, 1)
        if not tissue.units[space > 0].any():
            tissue.units[trial > 0] = number


def _epithelium(frame: Frame, tissue: Tissue) -> None:
    """Basal nuclei, goblet cells like petals, a narrow lumen."""
    unit = tissue.units > 0
    depth = frame.depth(unit)
    outward = along(frame, depth, 3) + np.float32(np.pi / 2)
    parts = tissue.parts
    parts[unit] = Part.EPITHELIUM
    goblets = grow(frame, unit & (depth > 13) & (depth < 26), 12.0, (7.2, 5.4), outward)
    parts[unit & (depth > 8.5) & (paint(frame, goblets) > 0.5)] = Part.MUCUS
    lumen = unit & (depth + 2.0 * frame.noise(12) > 31)
    parts[lumen] = Part.GLASS
    parts[unit & (depth < 1.2)] = Part.MEMBRANE
    basal = unit & (depth > 2.5) & (depth < 7)
    tissue.nuclei.append(grow(frame, basal, 5.0, (3.6, 2.3), outward))
    tissue.nuclei.append(grow(frame, (parts == Part.EPITHELIUM) & (depth > 9), 10, (2.8, 2.1)))


def _walls(frame: Frame, tissue: Tissue, height: Plane, ends: tuple[float, float]) -> None:
    """The bowel's lumen with its surface epithelium; muscularis mucosae and submucosa."""
    top, bottom = ends
    parts = tissue.parts
    outside = tissue.units == 0
    surface = outside & (height > top - 22) & (height < top)
    parts[surface] = Part.EPITHELIUM
    parts[outside & (height <= top - 22)] = Part.GLASS
    muscle = outside & (height > bottom) & (height < bottom + 42)
    parts[muscle] = Part.MUSCLE
    layered = along(frame, height, 20) + 0.25 * frame.noise(60)
    tissue.angle[:] = np.where(height > bottom, layered, 2 * frame.noise(45))
    loose = outside & (height > bottom + 42)
    parts[loose & (np.abs(frame.noise(45, 2)) < 0.22)] = Part.GLASS
    upward = along(frame, height, 8) + np.float32(np.pi / 2)
    row = surface & (height > top - 10) & (height < top - 3)
    tissue.nuclei.append(grow(frame, row, 5.6, (3.8, 2.2), upward))
    for centre in frame.scatter(loose & (height > bottom + 80), 200)[:3]:
        vessel(frame, tissue, centre, frame.rng.uniform(14, 30))
