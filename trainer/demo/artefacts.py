"""What goes wrong between the microtome and the scanner."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.data.case import Image
from trainer.demo.frame import FIELD, Frame, Plane
from trainer.demo.shapes import blob, fill
from trainer.demo.tissue import Part, Tissue


def tear(frame: Frame, tissue: Tissue) -> None:
    """Cracks through the section, in some slides."""
    if frame.rng.random() < 0.5:
        return
    line = np.abs(frame.noise(420, 3))
    crack = (line < 0.035) & (frame.noise(500) > 0.5) & (tissue.units == 0)
    tissue.parts[crack] = Part.GLASS


def fold(frame: Frame, first: Plane, second: Plane) -> None:
    """A crease: where the section lies double, both dyes count twice."""
    if frame.rng.random() < 0.65:
        return
    ys, xs = np.indices(frame.shape, dtype=np.float32) * np.float32(frame.um) - FIELD / 2
    turn = frame.rng.uniform(0, np.pi)
    away = np.float32(np.cos(turn)) * xs + np.float32(np.sin(turn)) * ys
    away += 22 * frame.noise(300) + frame.rng.uniform(-380, 380)
    width = 9 + 5 * frame.noise(150)
    double = frame.blur((np.abs(away) < width) & (frame.noise(420) > -0.2), 1.5)
    first *= 1 + 0.9 * double
    second *= 1 + 0.9 * double


def precipitate(frame: Frame, second: Plane) -> None:
    """Specks of dye, and now and then a smear at the tissue's edge."""
    rng = frame.rng
    specks = np.zeros(frame.shape, np.uint8)
    for centre in rng.uniform(0, FIELD, (int(rng.integers(2, 14)), 2)):
        fill(frame, specks, blob(rng, centre, rng.uniform(1.2, 4.5), 1.4, 0.15), 1)
    if rng.random() < 0.25:
        turn = rng.uniform(0, 2 * np.pi)
        centre = FIELD / 2 + 470 * np.array([np.cos(turn), np.sin(turn)])
        fill(frame, specks, blob(rng, centre, rng.uniform(18, 45), 3.0, 0.25), 1)
    second += 1.8 * frame.blur(specks, 0.6)


def dust(frame: Frame, image: Image) -> Image:
    """Pale blurred spots that lie above the plane of focus, and a patch out of focus."""
    rng = frame.rng
    spots = np.zeros(frame.shape, np.float32)
    for centre in rng.uniform(0, FIELD, (int(rng.integers(0, 4)), 2)):
        one = np.zeros(frame.shape, np.uint8)
        fill(frame, one, blob(rng, centre, rng.uniform(10, 26), 1.2, 0.08), 1)
        spots += rng.uniform(0.05, 0.2) * frame.blur(one, 7)
    image = (image * (1 - spots.clip(0, 1))[..., None]).astype(np.uint8)
    if rng.random() < 0.3:
        soft = cv2.GaussianBlur(image, (0, 0), 2.6 / frame.um)
        where = frame.blur(frame.noise(420) > 1.0, 25)[..., None]
        image = (image * (1 - where) + soft * where).round().astype(np.uint8)
    return image
