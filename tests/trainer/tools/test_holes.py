from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from trainer.data.edits import Box
from trainer.tools import holes
from trainer.tools.scene import Point


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), height=st.integers(1, 50), width=st.integers(1, 50))
def test_holes_are_those_of_scipy_with_corners_open(seed, height, width) -> None:
    mask = (np.random.default_rng(seed).random((height, width)) < 0.6).astype(np.uint8)

    wanted = ndimage.binary_fill_holes(mask, structure=np.ones((3, 3)))

    assert np.array_equal(holes.without_holes(mask), wanted)


def ring(mask: np.ndarray, row: int, column: int) -> None:
    cv2.circle(mask, (column, row), 20, 1, 6)


def test_one_unit_s_holes_or_one_hole_or_all(see, made) -> None:
    mask = np.zeros((120, 200), np.uint8)
    ring(mask, 60, 50)
    ring(mask, 60, 140)
    mask[60, 40:60] = 1
    scene = see(mask)

    on_ring = made(scene, holes.fill(scene, Point(60, 30)))
    in_hole = made(scene, holes.fill(scene, Point(60, 140)))
    everywhere = made(scene, holes.fill(scene))

    assert on_ring[60, 30:70].all() and not on_ring[60, 140]
    assert in_hole[60, 140] and np.array_equal(in_hole[:, :95], mask[:, :95])
    assert np.array_equal(everywhere, ndimage.binary_fill_holes(mask))


def test_ground_at_the_image_s_edge_is_no_hole(see) -> None:
    mask = np.zeros((60, 60), np.uint8)
    ring(mask, 15, 30)
    mask[:6] = 0
    scene = see(mask)

    assert holes.fill(scene, Point(15, 30)) is None
    assert holes.fill(scene, Point(50, 50)) is None
    assert holes.fill(scene) is None


def test_a_unit_in_a_hole_is_no_obstacle(see, made) -> None:
    mask = np.zeros((80, 80), np.uint8)
    cv2.circle(mask, (40, 40), 30, 1, 5)
    mask[36:45, 36:45] = 1
    scene = see(mask)

    after = made(scene, holes.fill(scene, Point(40, 70)))

    assert Box(20, 20, 60, 60).of(after).all()
