from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.tools import split
from trainer.tools.scene import Point, Scene


def pieces(mask: np.ndarray, connectivity: int = 8) -> int:
    return cv2.connectedComponents(mask, connectivity=connectivity)[0] - 1


@settings(max_examples=80, deadline=None)
@given(angle=st.floats(0, 6.28), reach=st.floats(5, 60), off=st.floats(-12, 12))
def test_a_stroke_parts_a_unit_though_it_falls_short(angle, reach, off) -> None:
    mask = np.zeros((141, 157), np.uint8)
    cv2.circle(mask, (80, 70), 40, 1, -1)
    scene = Scene(mask, np.zeros((141, 157, 3), np.uint8))
    along, aside = (
        np.array((np.sin(angle), np.cos(angle))),
        np.array((np.cos(angle), -np.sin(angle))),
    )
    middle = np.array((70, 80)) + off * aside
    stroke = [Point(*(middle + sign * reach * along).tolist()) for sign in (-1, 1)]

    edit = split.along(scene, stroke)

    assert edit is not None and edit.tool == "split"
    after = mask.copy()
    edit.apply(after)
    assert pieces(after) == 2
    assert edit.pixels < 4.5 * 85


def test_a_stroke_over_several_units_parts_each_and_a_bent_one_too(draw, see, made) -> None:
    scene = see(draw((120, 260), (60, 60, 30, 30), (60, 190, 30, 30)))
    stroke = [Point(50, 10), Point(70, 60), Point(50, 120), Point(66, 180), Point(60, 250)]

    assert pieces(made(scene, split.along(scene, stroke))) == 4


def test_a_stroke_at_the_image_s_edge_reaches_it(see, made) -> None:
    scene = see(np.ones((50, 60), np.uint8))

    assert pieces(made(scene, split.along(scene, [Point(20, 30), Point(30, 31)]))) == 2
    assert pieces(made(scene, split.along(scene, [Point(25, 0), Point(25, 59)]))) == 2


def test_a_stroke_beside_units_and_a_single_point_cut_nothing(draw, see) -> None:
    scene = see(draw((60, 60), (30, 30, 10, 10)))

    assert split.along(scene, [Point(5, 5), Point(5, 50)]) is None
    assert split.along(scene, [Point(30, 30)]) is None


def test_two_clicks_cut_where_the_unit_is_narrowest(draw, see, made) -> None:
    mask = draw((150, 240), (75, 70, 40, 45), (75, 155, 40, 50))
    scene = replace(see(mask), levels=None)

    edit = split.between(scene, Point(80, 50), Point(70, 170))

    assert edit is not None
    assert pieces(made(scene, edit)) == 2
    # the waist is where the ellipses cross, near column 110
    assert edit.box.left >= 100 and edit.box.right <= 120
    assert edit.pixels < 3 * mask[:, 110].sum() + 20


def test_a_valley_of_the_probability_leads_the_cut(see, made) -> None:
    mask = np.zeros((100, 200), np.uint8)
    mask[20:80, 20:180] = 1
    levels = mask * np.uint8(230)
    levels[:, 60:70] = 140
    scene = replace(see(mask), levels=levels)

    edit = split.between(scene, Point(50, 35), Point(50, 150))

    assert edit is not None and pieces(made(scene, edit)) == 2
    assert edit.box.left >= 58 and edit.box.right <= 72


def test_two_clicks_in_one_basin_cut_half_way(see, made) -> None:
    mask = np.zeros((60, 200), np.uint8)
    mask[10:50, 10:190] = 1
    scene = replace(see(mask), levels=None)

    edit = split.between(scene, Point(12, 40), Point(12, 100))

    assert edit is not None and pieces(made(scene, edit)) == 2


@pytest.mark.parametrize("second", [Point(40, 40), Point(100, 100), Point(5, 5), Point(-4, 2)])
def test_two_clicks_that_are_not_in_one_unit_cut_nothing(draw, see, second) -> None:
    scene = see(draw((140, 140), (40, 40, 20, 20), (100, 100, 20, 20)))

    assert split.between(scene, Point(40, 40), second) is None
