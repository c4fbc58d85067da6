from __future__ import annotations

from itertools import product

import cv2
import numpy as np
import pytest

from trainer.metrics import dice
from trainer.study.effort_brush import best_disc
from trainer.study.effort_score import Score
from trainer.tools.scene import Scene


def blobs(seed: int, height: int, width: int) -> np.ndarray:
    rough = np.random.default_rng(seed).random((height, width), np.float32)
    rough = np.asarray(cv2.GaussianBlur(rough, (0, 0), height / 10))
    return (rough > np.quantile(rough, 0.6)).astype(np.uint8)


def by_trying_all(mask: np.ndarray, reference: np.ndarray) -> float:
    """The best Dice of any disc around a pixel."""
    height, width = mask.shape
    rows, columns = np.ogrid[:height, :width]
    best = dice(mask, reference)
    for row, column, radius in product(range(height), range(width), np.arange(0.5, 24, 0.5)):
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
        best = max(best, dice(mask | inside, reference), dice(mask & ~inside, reference))
    return best


@pytest.mark.parametrize("seed", range(4))
def test_no_disc_of_any_place_and_radius_is_better(seed: int) -> None:
    mask, reference = blobs(seed, 22, 27), blobs(seed + 40, 22, 27)
    scene = Scene(mask, np.zeros((22, 27, 3), np.uint8))

    disc = best_disc(Score(mask, reference))

    assert disc is not None
    edit = disc.use(scene)
    assert edit is not None and edit.tool == "brush"
    after = mask.copy()
    edit.apply(after)
    assert dice(after, reference) >= by_trying_all(mask, reference) - 0.005


def test_a_missing_disc_and_one_too_many_are_found_whole() -> None:
    disc, rest = np.zeros((2, 300, 500), np.uint8)
    cv2.circle(disc, (333, 120), 47, 1, -1)
    rest[200:280, 20:120] = 1
    for mask, reference, erase in ((rest, rest | disc, False), (rest | disc, rest, True)):
        found = best_disc(Score(mask, reference))
        assert found is not None and found.erase == erase
        edit = found.use(Scene(mask, np.zeros((300, 500, 3), np.uint8)))
        assert edit is not None
        after = mask.copy()
        edit.apply(after)
        assert dice(after, reference) > 0.99


def test_where_nothing_is_wrong_no_disc_helps() -> None:
    mask = blobs(0, 40, 50)

    assert best_disc(Score(mask, mask)) is None
