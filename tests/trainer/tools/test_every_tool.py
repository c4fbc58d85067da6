"""What holds for each tool, on any mask of any size."""

from __future__ import annotations

import json
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.edits import Box, Edit
from trainer.tools import brush, holes, merge, pick, sides, smooth, snap, split, whole
from trainer.tools.scene import Point, Scene

Gesture = Callable[[Scene, Point, Point], Edit | None]


def picked(found: pick.Picked | None) -> Edit | None:
    return None if found is None else found.edit


def triangle(one: Point, other: Point) -> list[Point]:
    return [one, other, Point(one.row, other.column)]


def region(scene: Scene, one: Point, other: Point) -> tuple[Box, np.ndarray]:
    rows = sorted((int(one.row), int(other.row)))
    columns = sorted((int(one.column), int(other.column)))
    box = Box(rows[0], columns[0], rows[1] + 1, columns[1] + 1)
    return box, np.indices((box.bottom - box.top, box.right - box.left)).sum(axis=0) % 3 > 0


SETTINGS = whole.Settings(0.4, 9, fill_holes=True, split=True)

GESTURES: dict[str, Gesture] = {
    "take": lambda s, a, b: sides.take(s, *region(s, a, b), 1 - s.mask, "take truth"),
    "take piece": lambda s, a, b: sides.take_piece(s, a, 1 - s.mask, "take prediction"),
    "clear": lambda s, a, b: sides.clear(s, *region(s, a, b)),
    "add": lambda s, a, b: picked(pick.add(s, a)),
    "add at a level": lambda s, a, b: picked(pick.add(s, a, 40)),
    "grow": lambda s, a, b: picked(pick.grow(s, a, None, 2)),
    "shrink": lambda s, a, b: picked(pick.grow(s, a, 100, -1)),
    "remove": lambda s, a, b: pick.remove(s, a),
    "split along": lambda s, a, b: split.along(s, [a, b]),
    "split between": lambda s, a, b: split.between(s, a, b),
    "merge": lambda s, a, b: merge.merge(s, a, b),
    "merge along": lambda s, a, b: merge.along(s, [a, b]),
    "fill": lambda s, a, b: holes.fill(s, a),
    "fill all": lambda s, a, b: holes.fill(s),
    "smooth": lambda s, a, b: smooth.smooth(s, a, 2),
    "smooth all": lambda s, a, b: smooth.smooth(s, None, 2),
    "snap": lambda s, a, b: snap.snap(s, triangle(a, b)),
    "snap away": lambda s, a, b: snap.snap(s, triangle(a, b), erase=True),
    "disc": lambda s, a, b: brush.disc(s, a, 5.5),
    "eraser": lambda s, a, b: brush.disc(s, a, 5.5, erase=True),
    "smart brush": lambda s, a, b: brush.paint(s, [a, b], 6),
    "smart eraser": lambda s, a, b: brush.paint(s, [a], 6, erase=True),
    "whole case": lambda s, a, b: whole.keep(s, SETTINGS),
}

NEED_A_PREDICTION = {"add", "add at a level", "grow", "shrink", "whole case"}


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Scene, Point, Point]:
    """Blobs of any density on odd sizes, from one pixel; some without a prediction or all full."""
    height, width = draw(st.integers(1, 61)), draw(st.integers(1, 83))
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rough = cv2.GaussianBlur(chance.random((height, width), np.float32), (0, 0), 2)
    rough = np.asarray(rough).reshape(height, width)
    share = draw(st.sampled_from((0.0, 0.3, 0.5, 0.7, 1.0)))
    mask = (rough >= np.quantile(rough, 1 - share)).astype(np.uint8)
    if share == 0:
        mask[:] = 0
    spread = np.ptp(rough) or 1.0
    levels = ((rough - rough.min()) / spread * 255).astype(np.uint8)
    image = chance.integers(0, 256, (height, width, 3), np.uint8)
    known = draw(st.sampled_from((levels, None)))
    scene = Scene(mask, image, known, 0.5, draw(st.sampled_from((0.5, None))))
    place = st.builds(Point, st.integers(0, height - 1), st.integers(0, width - 1))
    return scene, draw(place), draw(place)


@pytest.mark.parametrize("name", GESTURES)
@settings(max_examples=40, deadline=None)
@given(given_scene=scenes())
def test_an_edit_can_be_taken_back_and_the_scene_stays(
    name: str, given_scene: tuple[Scene, Point, Point]
) -> None:
    scene, one, other = given_scene
    before = scene.mask.copy()

    edit = GESTURES[name](scene, one, other)

    assert np.array_equal(scene.mask, before)
    if edit is None:
        return
    mask = before.copy()
    edit.apply(mask)
    assert mask.max() <= 1 and (mask != before).sum() == edit.pixels > 0
    outside = np.ones_like(mask)
    edit.box.of(outside)[:] = 0
    assert np.array_equal(mask[outside > 0], before[outside > 0])
    edit.apply(mask)
    assert np.array_equal(mask, before)
    assert json.loads(json.dumps(edit.parameters)) == edit.parameters


@pytest.mark.parametrize("name", GESTURES)
def test_a_gesture_beside_the_image_changes_nothing_beyond_it(name: str) -> None:
    if name in ("take", "clear", "whole case", "fill all", "smooth all"):
        pytest.skip("has no place")
    mask = np.zeros((40, 50), np.uint8)
    mask[10:30, 10:30] = 1
    scene = Scene(mask, np.zeros((40, 50, 3), np.uint8), mask * np.uint8(255))

    for one, other in (
        (Point(-30, -30), Point(-9, -50)),
        (Point(70, 80), Point(90, 100)),
        (Point(-20, 20), Point(60, 20)),
    ):
        edit = GESTURES[name](scene, one, other)
        assert edit is None or (
            edit.box.bottom <= 40 and edit.box.right <= 50 and min(edit.box) >= 0
        )


@pytest.mark.parametrize("name", sorted(NEED_A_PREDICTION))
def test_without_a_prediction_nothing_is_picked(name: str) -> None:
    mask = np.zeros((40, 50), np.uint8)
    mask[5:15, 5:15] = 1
    scene = Scene(mask, np.zeros((40, 50, 3), np.uint8))

    for point in (Point(10, 10), Point(30, 30)):
        assert GESTURES[name](scene, point, point) is None
