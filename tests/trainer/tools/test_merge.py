from __future__ import annotations

import cv2
import numpy as np
import pytest

from trainer.tools import merge, split
from trainer.tools.scene import Point


def pieces(mask: np.ndarray) -> int:
    return cv2.connectedComponents(mask, connectivity=4)[0] - 1


def test_round_units_are_joined_by_a_neck(draw, see, made) -> None:
    scene = see(draw((200, 300), (100, 80, 50, 50), (100, 200, 50, 50), (180, 280, 10, 10)))

    edit = merge.merge(scene, Point(100, 80), Point(90, 210))

    assert edit is not None and edit.tool == "merge"
    after = made(scene, edit)
    assert pieces(after) == 2
    assert not (scene.mask & (1 - after)).any()
    # the neck: as long as the gap, and narrower than the units
    assert edit.box.left >= 126 and edit.box.right <= 154
    assert 10 < edit.box.bottom - edit.box.top < 60


def test_what_a_split_parted_comes_together_again(draw, see, made) -> None:
    scene = see(draw((200, 200), (100, 100, 60, 80)))
    parted = see(made(scene, split.along(scene, [Point(20, 90), Point(180, 130)])))

    joined = made(parted, merge.merge(parted, Point(100, 60), Point(100, 160)))

    assert pieces(joined) == 1
    lost = scene.mask & (1 - joined)
    assert lost.sum() < 0.05 * (scene.mask & (1 - parted.mask)).sum()
    assert (joined & (1 - scene.mask)).sum() < 30


def test_a_stroke_joins_every_unit_that_it_runs_over(draw, see, made) -> None:
    scene = see(
        draw((120, 400), (60, 60, 30, 30), (60, 160, 30, 30), (60, 270, 30, 30), (60, 370, 20, 20))
    )

    edit = merge.along(scene, [Point(60, 50), Point(55, 160), Point(60, 275)])

    assert pieces(made(scene, edit)) == 2


@pytest.mark.parametrize("gap", [1, 2, 7, 40, 300, 500])
def test_any_gap_is_bridged(see, made, gap) -> None:
    mask = np.zeros((80, 200 + gap), np.uint8)
    mask[10:60, 10:90] = mask[21:75, 90 + gap : 180 + gap] = 1
    scene = see(mask)

    assert pieces(made(scene, merge.merge(scene, Point(20, 20), Point(30, 150 + gap)))) == 1


@pytest.mark.parametrize("second", [Point(45, 40), Point(5, 5), Point(400, 2)])
def test_one_unit_alone_is_joined_with_nothing(draw, see, second) -> None:
    scene = see(draw((140, 140), (40, 40, 20, 20), (100, 100, 20, 20)))

    assert merge.merge(scene, Point(40, 40), second) is None
    assert merge.along(scene, [Point(30, 40), Point(50, 40)]) is None
