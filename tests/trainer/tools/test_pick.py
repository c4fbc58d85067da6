from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from trainer.metrics import dice
from trainer.tools import pick
from trainer.tools.scene import Point


def component(levels: np.ndarray, place: tuple[int, int], level: int) -> np.ndarray:
    labels, _ = ndimage.label(levels >= level)
    return labels == labels[place]


def test_a_click_adds_what_lies_above_the_threshold(draw, see, made) -> None:
    truth = draw((201, 303), (60, 60, 30, 40), (150, 200, 20, 70))
    scene = see(draw((201, 303)), truth)

    found = pick.add(scene, Point(150.2, 199.7))

    assert found is not None and (found.level, found.edit.tool) == (128, "add")
    assert np.array_equal(made(scene, found.edit) > 0, component(scene.levels, (150, 200), 128))


def test_a_unit_wider_than_the_first_look_comes_whole(see, made) -> None:
    levels = np.zeros((900, 700), np.uint8)
    levels[20:880, 340:360] = 200
    levels[860:880, 20:690] = 200
    scene = replace(see(np.zeros((900, 700), np.uint8)), levels=levels)

    found = pick.add(scene, Point(30, 350))

    assert found is not None
    assert np.array_equal(made(scene, found.edit), levels > 0)


def test_pixels_that_touch_at_a_corner_do_not_connect(see) -> None:
    levels = np.zeros((20, 20), np.uint8)
    levels[2:8, 2:8] = levels[8:14, 8:14] = 200
    scene = replace(see(np.zeros((20, 20), np.uint8)), levels=levels)

    found = pick.add(scene, Point(4, 4))

    assert found is not None and found.edit.pixels == 36


def test_under_the_threshold_the_most_stable_outline_is_found(draw, see, made) -> None:
    unit = draw((300, 300), (150, 150, 45, 60))
    scene = see(draw((300, 300)), unit, soft=4)
    # a weak unit on a weak and wide slope: only its own rim is steep
    slope = 30 * np.exp(-((np.indices((300, 300)) - 150) ** 2).sum(axis=0) / 2 / 90**2)
    scene = replace(scene, levels=(scene.levels * 0.3 + slope).astype(np.uint8))

    found = pick.add(scene, Point(140, 160))

    assert found is not None and found.level < 128
    assert dice(made(scene, found.edit), unit) > 0.93


def test_a_stable_unit_stops_before_it_runs_into_another(draw, see, made) -> None:
    there = draw((200, 300), (100, 70, 40, 40))
    weak = see(draw((200, 300), (100, 200, 40, 40)), soft=12).levels
    # below level 40 both are one steep plateau, and nothing is more stable than that
    levels = np.maximum(see(there, soft=1).levels, (weak * 0.45).astype(np.uint8))
    levels[40:160, 20:270] = np.maximum(levels[40:160, 20:270], 40)
    point = Point(100, 200)

    beside = pick.add(replace(see(there), levels=levels), point)
    alone = pick.add(replace(see(0 * there), levels=levels), point)

    assert beside is not None and beside.level > 40
    assert alone is not None and alone.level <= 40


def test_the_wheel_grows_and_shrinks_by_a_few_per_cent(draw, see, made) -> None:
    scene = see(draw((260, 260)), draw((260, 260), (130, 130, 60, 60)), soft=20)
    point = Point(130, 130)
    first = pick.add(scene, point)
    assert first is not None

    for steps in (1, 3, -1, -3):
        found = pick.grow(scene, point, first.level, steps)
        assert found is not None
        assert (found.level < first.level) == (steps > 0)
        ratio = made(scene, found.edit).sum() / made(scene, first.edit).sum()
        assert 1.04 ** abs(steps) < (ratio if steps > 0 else 1 / ratio) < 1.2 ** abs(steps)


def test_the_wheel_stops_at_the_ends(draw, see) -> None:
    scene = see(draw((100, 100)), draw((100, 100), (50, 50, 20, 20)))

    least = pick.grow(scene, Point(50, 50), 128, 200)
    assert least is not None and least.level == pick.LOWEST
    assert pick.grow(scene, Point(50, 50), pick.LOWEST, 1) is None
    most = int(scene.levels[50, 50])
    assert pick.grow(scene, Point(50, 50), most, -1) is None


def test_over_a_unit_the_wheel_replaces_it(draw, see, made) -> None:
    there = draw((200, 200), (100, 100, 50, 30), (30, 30, 10, 10))
    scene = see(there, draw((200, 200), (100, 100, 40, 50)), soft=12)
    assert pick.at(scene, Point(100, 100)) == "remove"

    found = pick.grow(scene, Point(100, 100), None, -2)

    assert found is not None and found.edit.tool == "grow"
    wanted = component(scene.levels, (100, 100), found.level)
    wanted[:50, :50] |= there[:50, :50] > 0
    assert np.array_equal(made(scene, found.edit) > 0, wanted)


def test_a_click_on_a_unit_removes_that_one(draw, see, made) -> None:
    scene = see(draw((150, 150), (40, 40, 20, 20), (110, 110, 30, 20)))

    assert pick.at(scene, Point(45, 40)) == "remove"
    edit = pick.remove(scene, Point(45, 40))

    assert edit is not None and edit.tool == "remove"
    assert np.array_equal(made(scene, edit), draw((150, 150), (110, 110, 30, 20)))


@pytest.mark.parametrize("point", [Point(5, 90), Point(-3, 40), Point(40, 900)])
def test_on_empty_ground_and_beside_the_image_there_is_nothing(draw, see, point) -> None:
    scene = see(draw((100, 100), (60, 40, 20, 20)))

    assert pick.at(scene, point) == "nothing"
    assert pick.add(scene, point) is None and pick.remove(scene, point) is None
    assert pick.grow(scene, point, None, 1) is None


def test_what_a_click_would_do(draw, see) -> None:
    scene = see(
        draw((100, 100), (30, 30, 15, 15)), draw((100, 100), (30, 30, 15, 15), (70, 70, 15, 15))
    )

    told = [pick.at(scene, Point(*place)) for place in ((30, 30), (70, 70), (5, 95))]
    assert told == ["remove", "add", "nothing"]
