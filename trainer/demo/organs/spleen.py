"""Spleen: dense white pulp around arterioles in a sea of red pulp."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.demo.frame import FIELD, Frame, along
from trainer.demo.shapes import apart, blob, fill
from trainer.demo.tissue import Part, Tissue, blank, grow, vessel


def draw(frame: Frame) -> Tissue:
    """A field of spleen; the units are white pulp, its central arteriole included."""
    tissue = blank(frame, Part.PULP)
    rng = frame.rng
    centres = apart(rng, int(rng.integers(2, 6)), 330, reach=430)
    for number, centre in enumerate(centres, start=1):
        outline = blob(rng, centre, rng.uniform(75, 165), rng.uniform(1, 1.6), 0.08)
        fill(frame, tissue.units, outline, number)
    _red_pulp(frame, tissue)
    _white_pulp(frame, tissue)
    for centre in centres:
        units = tissue.units.copy()
        tissue.units[:] = 0  # the arteriole runs inside the unit
        offset = rng.normal(0, 22, 2)
        vessel(frame, tissue, centre + offset, rng.uniform(12, 20))
        tissue.units[:] = units
    _trabeculae(frame, tissue)
    return tissue


def _red_pulp(frame: Frame, tissue: Tissue) -> None:
    """Cords and sinuses: nuclei of every size, pale slits, blood."""
    red = tissue.units == 0
    sinus = np.abs(frame.warped(frame.noise(15), 5, 24)) < 0.13
    blood = red & (frame.noise(12, 2) > 1.7)
    tissue.parts[blood] = Part.BLOOD
    tissue.parts[red & sinus & (frame.noise(20) > 0.7)] = Part.GLASS
    cords = red & (tissue.parts == Part.PULP)
    tissue.nuclei.append(grow(frame, cords, 6.3, (2.7, 2.1)))


def _white_pulp(frame: Frame, tissue: Tissue) -> None:
    """Small dark lymphocytes, darkest in the mantle, sparser at the margin and germinal centre."""
    unit = tissue.units > 0
    depth = frame.depth(unit) - frame.depth(~unit) + 3.5 * frame.noise(10, 2)
    white = depth > 0
    depth += 7 * frame.noise(40)
    tissue.parts[white] = Part.LYMPHOID
    centre = white & (depth > frame.rng.uniform(62, 90))
    margin = white & (depth < 22)
    mantle = white & ~centre & ~margin
    tissue.nuclei.append(grow(frame, mantle, 4.7, (2.3, 2.1)))
    tissue.nuclei.append(grow(frame, margin, 5.6, (2.6, 2.3)))
    tissue.nuclei.append(grow(frame, centre, 6.2, (3.2, 2.8)))
    tissue.parts[centre & (frame.noise(16, 2) > 0.9)] = Part.PULP


def _trabeculae(frame: Frame, tissue: Tissue) -> None:
    """Fibrous bands that cross the red pulp."""
    rng = frame.rng
    for _ in range(int(rng.integers(1, 4))):
        start, turn = rng.uniform(0.15, 0.85, 2) * FIELD, rng.uniform(0, 2 * np.pi)
        steps = np.arange(0, rng.uniform(150, 500), 6.0)
        bend = turn + np.cumsum(rng.normal(0, 0.05, len(steps)))
        path = start + np.cumsum(6 * np.stack([np.cos(bend), np.sin(bend)], 1), 0)
        band = np.zeros(frame.shape, np.uint8)
        points = [np.round(path / frame.um * 16).astype(np.int32)]
        cv2.polylines(band, points, False, 1, frame.odd(rng.uniform(12, 26)), shift=4)
        where = (band > 0) & (tissue.units == 0)
        tissue.parts[where] = Part.MUSCLE
        tissue.angle[where] = along(frame, frame.depth(band > 0), 4)[where]
