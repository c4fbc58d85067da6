from __future__ import annotations

import cv2
import numpy as np
import pytest

from trainer.metrics import dice
from trainer.tools import smooth
from trainer.tools.scene import Point


def ragged(shape: tuple[int, int], clean: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).random(shape) < 0.5
    rim = cv2.dilate(clean, np.ones((7, 7), np.uint8)) - cv2.erode(clean, np.ones((7, 7), np.uint8))
    return np.where(rim > 0, noise, clean).astype(np.uint8)


def outline(mask: np.ndarray) -> float:
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return sum(cv2.arcLength(one, True) for one in contours)


@pytest.mark.parametrize("point", [Point(100, 100), None])
def test_a_ragged_outline_becomes_a_round_one(draw, see, made, point) -> None:
    clean = draw((200, 230), (100, 100, 60, 70))
    scene = see(ragged(clean.shape, clean))

    after = made(scene, smooth.smooth(scene, point, 4))

    assert outline(after) < 0.5 * outline(scene.mask)
    near = cv2.dilate(clean, np.ones((31, 31), np.uint8)) > 0
    assert dice(after * near, clean) > 0.95


def test_the_radius_is_in_micrometres(draw, see) -> None:
    mask = draw((200, 200), (100, 100, 60, 60))
    mask[95:105, 150:190] = 1
    by_pixel = smooth.smooth(see(mask), Point(100, 100), 5)
    by_length = smooth.smooth(see(mask, pixel_size=0.5), Point(100, 100), 2.5)

    assert by_pixel is not None and by_length is not None
    assert by_pixel.bits == by_length.bits


def test_units_stay_apart_and_others_as_they_are(see, made) -> None:
    mask, other = np.zeros((2, 100, 200), np.uint8)
    mask[20:80, 20:100] = 1
    mask[46:54, 80:100] = 0
    other[48:52, 84:160] = 1
    scene = see(mask | other)

    after = made(scene, smooth.smooth(scene, Point(50, 50), 6))

    assert not np.array_equal(after, mask | other)
    assert np.array_equal(after & other, other)
    assert cv2.connectedComponents(after, connectivity=8)[0] == 3


def test_a_small_unit_is_not_smoothed_away(draw, see, made) -> None:
    scene = see(draw((100, 100), (50, 50, 30, 30), (8, 8, 2, 2)))

    assert smooth.smooth(scene, Point(8, 8), 12) is None
    assert made(scene, smooth.smooth(scene, None, 12))[6:11, 6:11].any()


def test_a_unit_cut_by_the_edge_keeps_its_edge(draw, see, made) -> None:
    scene = see(draw((100, 100), (0, 50, 40, 30)))

    after = made(scene, smooth.smooth(scene, Point(5, 50), 4))

    assert after[0, 25:75].all()


def test_no_radius_and_no_unit_change_nothing(draw, see) -> None:
    scene = see(draw((100, 100), (50, 50, 30, 30)))

    assert smooth.smooth(scene, Point(50, 50), 0) is None
    assert smooth.smooth(scene, Point(5, 5), 3) is None
