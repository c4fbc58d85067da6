"""Outlines of things that are nearly round."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from trainer.demo.frame import FIELD, Frame, Points


def blob(
    rng: np.random.Generator,
    centre: Points,
    radius: float,
    stretch: float = 1.0,
    wobble: float = 0.06,
) -> Points:
    """A closed outline in µm: an ellipse of the circle's area, turned and dented at random."""
    theta = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    length = np.ones_like(theta)
    for wave in range(2, 8):
        phase = rng.uniform(0, 2 * np.pi)
        length += wobble / (wave - 1) * rng.normal() * np.cos(wave * theta + phase)
    x = radius * length * np.cos(theta) * np.sqrt(stretch)
    y = radius * length * np.sin(theta) / np.sqrt(stretch)
    turn = rng.uniform(0, np.pi)
    around = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1)
    return centre + around


def fill(frame: Frame, plane: NDArray, outline: Points, value: int) -> None:
    """Paint the inside of an outline in place, with subpixel corners."""
    corners = np.round(outline / frame.um * 16).astype(np.int32)
    cv2.fillPoly(plane, [corners], value, shift=4)


def apart(
    rng: np.random.Generator, count: int, distance: float, reach: float = 420.0
) -> list[Points]:
    """Up to `count` points within `reach` µm of the middle, at least `distance` µm apart."""
    chosen: list[Points] = []
    for _ in range(60 * count):
        radius, turn = reach * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
        point = FIELD / 2 + radius * np.array([np.cos(turn), np.sin(turn)])
        if all(np.hypot(*(point - other)) >= distance for other in chosen):
            chosen.append(point)
        if len(chosen) == count:
            break
    return chosen
