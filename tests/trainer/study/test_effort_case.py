from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from trainer.data.edits import Box
from trainer.metrics import dice
from trainer.study.effort_case import (
    MODES,
    Action,
    Job,
    Mode,
    Review,
    review,
    reviews,
    shorter,
)
from trainer.study.effort_hand import rough_lasso
from trainer.study.effort_score import unit_f1
from trainer.tools.scene import Scene
from trainer.tools.unit_at import unit_at

SHAPE = (150, 210)


def ellipses(*places: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    for row, column, high, wide in places:
        cv2.ellipse(mask, (column, row), (wide, high), 0, 0, 360, 1, -1)
    return mask


TRUTH = ellipses((40, 40, 25, 30), (45, 150, 22, 40), (110, 90, 30, 22))
SMALL = (slice(140, 143), slice(200, 203))
TRUTH[SMALL] = 1
"""Worth no Dice, so that the units are never right before the Dice is."""


def job(predicted: np.ndarray, shown: np.ndarray, target: float = 0.95) -> Job:
    noise = np.random.default_rng(0).integers(0, 20, (*SHAPE, 3))
    image = (np.where(TRUTH[..., None], (110, 60, 150), (225, 180, 200)) + noise).astype(np.uint8)
    levels = np.asarray(cv2.GaussianBlur(predicted * np.uint8(200), (0, 0), 4), np.uint8)
    return Job(Scene(predicted, image, levels, 0.5, 0.5), TRUTH, shown, target)


MISSED = ellipses((40, 40, 25, 30), (48, 155, 16, 30))


@pytest.mark.parametrize("mode", MODES)
def test_the_same_case_is_always_reviewed_in_the_same_way(mode) -> None:
    reviews = [review(job(MISSED, TRUTH), mode) for _ in range(2)]

    assert reviews[0] == reviews[1]
    assert reviews[0].is_done and reviews[0].dice >= 0.95
    assert reviews[0].cost == sum(one.cost for one in reviews[0].actions)
    gains = [reviews[0].begun, *(one.dice for one in reviews[0].actions)]
    assert gains == sorted(gains)


def test_each_mode_uses_its_own_tools_only() -> None:
    kinds = {mode: set(review(job(MISSED, TRUTH), mode).kinds()) for mode in MODES}

    assert kinds["brush"] == {"brush"}
    assert not kinds["tools"] & {"take truth", "take prediction", "clear"}
    assert "take truth" in kinds["all"]


def test_tools_cost_less_than_the_brush_and_sides_less_than_tools() -> None:
    hard = ellipses((40, 50, 25, 30)) | ellipses((110, 100, 10, 10))
    costs = [review(job(hard, TRUTH), mode).cost for mode in MODES]

    assert costs[0] > costs[1] >= costs[2]


def test_take_a_side_never_sees_the_reference() -> None:
    """The truth that is shown agrees with the prediction, so that there is no side to take."""
    blind = review(job(MISSED, MISSED), "all")
    without = review(job(MISSED, MISSED), "tools")

    assert set(blind.kinds()).isdisjoint(
        {"take truth", "take prediction", "take suggestion", "clear"}
    )
    assert blind.actions == without.actions


def test_what_is_suggested_is_one_action() -> None:
    """Truth has lost a unit of which the network is sure; its outlines are the better ones."""
    coarse = ellipses((40, 40, 20, 24), (45, 150, 22, 39), (110, 90, 25, 17))
    levels = np.full(SHAPE, 10, np.uint8)
    levels[(TRUTH | ellipses((115, 165, 25, 25))) > 0] = 90
    levels[coarse > 0] = 200
    given = job(coarse, TRUTH & ~ellipses((45, 150, 22, 40)), 0.99)

    found = review(replace(given, scene=replace(given.scene, levels=levels)), "all")

    assert found.kinds() == {"take suggestion": 1}


def test_a_case_at_its_target_costs_nothing() -> None:
    found = [review(job(TRUTH, TRUTH), mode) for mode in MODES]

    assert [one.cost for one in found] == [0, 0, 0]
    assert all(one.is_done and not one.actions for one in found)


def test_a_case_whose_units_all_match_is_done() -> None:
    near = ellipses((40, 40, 21, 26), (45, 150, 18, 36), (110, 90, 26, 18))
    near[SMALL] = 1
    assert dice(near, TRUTH) < 0.95 and unit_f1(near, TRUTH) == 1

    assert review(job(near, TRUTH), "brush").cost == 0


def test_an_action_after_which_all_units_match_is_taken_before_one_that_gains_more() -> None:
    # a rim is worth more Dice than the small unit that alone is missing
    near = ellipses((40, 40, 19, 23), (45, 150, 22, 40), (110, 90, 30, 22))
    assert unit_f1(near, TRUTH) < 1
    # the truth that is shown lacks most of a unit: taking all of it is no way by itself
    given = replace(job(near, TRUTH, 1.0), shown=TRUTH & ~ellipses((45, 150, 18, 36)))

    found = review(given, "all")

    assert (found.cost, found.f1) == (1, 1) and found.dice < 0.96


def way(mode: Mode, actions: int, *, is_done: bool = True) -> Review:
    return Review(mode, 0.5, (Action("brush", 1, 0.7),) * actions, 0.5, is_done)


def test_more_tools_never_take_longer() -> None:
    assert shorter(way("tools", 2), way("brush", 3)) == way("tools", 2)
    assert shorter(way("tools", 3), way("brush", 3)) == way("tools", 3)

    found = shorter(way("tools", 1, is_done=False), way("brush", 3))
    assert (found.mode, found.cost, found.is_done, found.is_without) == ("tools", 3, True, True)


def test_a_case_is_reviewed_in_every_mode() -> None:
    found = reviews(job(MISSED, TRUTH))

    assert list(found) == list(MODES)
    for mode in MODES:
        own = review(job(MISSED, TRUTH), mode)
        assert found[mode].mode == mode
        assert found[mode].is_without == (found[mode].cost < own.cost)


def test_a_case_that_is_not_done_counts_as_the_cap() -> None:
    given = replace(job(ellipses((40, 50, 10, 10)), TRUTH, 0.999), cap=3)

    found = review(given, "brush")

    assert not found.is_done and found.cost == 3
    assert 0 < len(found.actions) <= 3


def test_a_case_in_which_nothing_gains_counts_as_the_cap_too() -> None:
    stuck = Review("tools", 0.5, (Action("snap", 1, 0.6), Action("add", 3, 0.7)), 0.0, False)

    assert stuck.cost == 200 and stuck.dice == 0.7
    assert stuck.kinds() == {"snap": 1, "add": 3}


def test_without_a_prediction_s_levels_the_other_tools_still_serve() -> None:
    given = job(MISSED, TRUTH)
    bare = replace(given, scene=replace(given.scene, levels=None))

    found = review(bare, "tools")

    assert found.is_done and "whole case" not in found.kinds()


def test_a_lasso_is_drawn_roughly() -> None:
    for place in ((40, 40), (45, 150), (110, 90)):
        unit = unit_at(TRUTH, place)
        assert unit is not None
        lasso = rough_lasso(unit)
        drawn = np.zeros(SHAPE, np.uint8)
        corners = np.rint([(one.column, one.row) for one in lasso]).astype(np.int32)
        cv2.fillPoly(drawn, [corners], 1)
        likeness = dice(drawn, unit.onto(Box.whole(TRUTH)))
        assert 0.8 < likeness < 0.97
        assert 4 <= len(lasso) <= 16
        assert rough_lasso(unit) == lasso
