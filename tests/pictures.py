"""Pictures whose truth is known, and what small members are made of."""

from __future__ import annotations

import cv2
import numpy as np

from trainer.data.case import Image, Mask
from trainer.settings import Ensemble, Member, Network, View

NETWORK = Network(encoder="test_efficientnet", decoder_channels=(16, 16, 8, 8, 8), pretrained=False)


def picture(height: int, width: int, seed: int = 0) -> tuple[Image, Mask]:
    """Purple discs on a pale ground, and where they are."""
    rng = np.random.default_rng(seed)
    image = np.full((height, width, 3), 235, np.uint8)
    mask = np.zeros((height, width), np.uint8)
    shorter = min(height, width)
    for _ in range(2):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        radius = int(rng.integers(max(shorter // 6, 2), max(shorter // 3, 3)))
        cv2.circle(image, centre, radius, (120, 60, 140), -1)
        cv2.circle(mask, centre, radius, 1, -1)
    return image, mask


def ensemble(*members: Member, tta: tuple[View, ...] = ("identity",)) -> Ensemble:
    return Ensemble(name="test", members=members, tta=tta)
