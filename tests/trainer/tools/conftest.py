"""Drawn scenes: a mask, an image and a probability that belong together."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from trainer.data.case import Mask
from trainer.data.edits import Edit
from trainer.tools.scene import Scene

Ellipse = tuple[int, int, int, int]
"""Row, column, half height, half width."""


@pytest.fixture
def draw() -> Callable[..., Mask]:
    """A mask of ellipses."""

    def drawn(shape: tuple[int, int], *ellipses: Ellipse) -> Mask:
        mask = np.zeros(shape, np.uint8)
        for row, column, high, wide in ellipses:
            cv2.ellipse(mask, (column, row), (wide, high), 0, 0, 360, 1, -1)
        return mask

    return drawn


@pytest.fixture
def see() -> Callable[..., Scene]:
    """A scene of a mask; image and probability show `truth`, the mask if not given."""

    def seen(mask: Mask, truth: Mask | None = None, soft: float = 6.0, **known: object) -> Scene:
        shown = mask if truth is None else truth
        image = np.where(shown[..., None] > 0, (110, 60, 150), (225, 180, 200)).astype(np.uint8)
        levels = np.asarray(cv2.GaussianBlur(shown * np.uint8(255), (0, 0), soft), np.uint8)
        return Scene(mask, image, **({"levels": levels} | known))  # type: ignore[arg-type]

    return seen


@pytest.fixture
def made() -> Callable[[Scene, Edit | None], Mask]:
    """The mask after an edit; the scene's own stays."""

    def after(scene: Scene, edit: Edit | None) -> Mask:
        mask = scene.mask.copy()
        if edit is not None:
            edit.apply(mask)
        return mask

    return after
